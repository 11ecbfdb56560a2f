"""A person is forgotten everywhere in the state folder, and every total stays."""

import gzip
import json
import sqlite3
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from sophia_metrics.sources import events
from sophia_metrics.usage.forget import Forgetter
from sophia_metrics.usage.identity import keyed_hash
from sophia_metrics.warehouse.duckdb.remains import DuckDBRemains
from sophia_metrics.warehouse.protocol import Query
from sophia_metrics.windows import Window
from tests.lab import NOW, Lab, event

KEY = b"a key of the tests, not a secret"
ADA, BOB = "ada@example.com", "bob@example.com"


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path / "home")


def forgetter(lab, *sources, remains=None, renew_backups=None):
    return Forgetter(
        folder=lab.home,
        warehouse=lab.warehouse,
        sources={source.name: source for source in sources or (lab.source(),)},
        key=KEY,
        remains=remains or DuckDBRemains(lab.home, "1GiB"),
        renew_backups=renew_backups,
        memory_limit="1GiB",
    )


def calls():
    """Two days: Ada in a session and with a key of her own, and with a key that Bob uses too."""
    return [
        event("a1", user=ADA, session="ada's", api_key="ada's key", trace_id="t1", prompt_hash="p", tags={"team": "x"}),
        event("a2", "2026-11-19T10:00:00Z", user=ADA, session="ada's", api_key="shared key", project=ADA),
        event("a3", session="ada's"),
        event("a4", api_key="ada's key", tags={"owner": ADA, "feature": "chat"}),
        event("b1", user=BOB, session="bob's", api_key="shared key", request_id="r1", project="search"),
        event("b2", "2026-11-19T11:00:00Z", user=BOB, session="both", tags={"reviewer": ADA}),
        event("a5", "2026-11-19T12:00:00Z", user=ADA, session="both", cost=0.123456789012, currency="USD"),
    ]


def texts_in(home):
    """Yield every file of a state folder with all that is in it: its bytes, and its values decompressed."""
    for path in sorted(home.rglob("*")):
        if path.is_file():
            yield path, path.read_bytes() + "\n".join(_values(path)).encode()


def _values(path):
    if path.suffix == ".parquet":
        rows = f"read_parquet('{path}')"
        with duckdb.connect() as connection:
            yield from (str(row) for row in connection.sql(f"SELECT * FROM {rows}").fetchall())
            metadata = connection.sql(f"SELECT key, value FROM parquet_kv_metadata('{path}')").fetchall()
            yield from (str(row) for row in metadata)
    elif path.suffix == ".duckdb":
        with duckdb.connect(path, read_only=True) as connection:
            for (name,) in connection.sql("SELECT table_name FROM duckdb_tables()").fetchall():
                yield from (str(row) for row in connection.sql(f'SELECT * FROM "{name}"').fetchall())
            yield from (str(row) for row in connection.sql("SELECT sql FROM duckdb_views()").fetchall())
    elif path.suffix == ".gz":
        yield gzip.decompress(path.read_bytes()).decode(errors="replace")
    elif path.suffix == ".db":
        with sqlite3.connect(path) as connection:
            yield from connection.iterdump()


def files_with(home, *planted):
    return [str(path) for path, text in texts_in(home) if any(each.encode() in text for each in planted)]


def stored(*identifiers):
    return [*identifiers, *(keyed_hash(KEY, each) for each in identifiers)]


MONEY = "SELECT event_id, usage_on, provider, model, team, environment, source, input_tokens, output_tokens, request_count, cost_usd, list_cost_usd, price_id FROM core_usage_events ORDER BY event_id"


def test_nothing_of_a_forgotten_person_is_in_any_file_of_the_state_folder(lab):
    lab.ingest(lab.write("app.jsonl", calls()))
    lab.publish()
    assert files_with(lab.home, *stored(ADA))

    forgetter(lab).forget(ADA, NOW)

    assert files_with(lab.home, *stored(ADA, "ada's", "ada's key")) == []
    assert files_with(lab.home, *stored(BOB))


def test_counts_and_money_are_the_same_to_the_last_digit(lab):
    lab.ingest(lab.write("app.jsonl", calls()))
    lab.publish()
    before = lab.warehouse.read(Query(MONEY)).rows()
    daily = "SELECT usage_on, provider, model, team, environment, sum(cost_usd), sum(request_count) FROM mart_cost_daily GROUP BY ALL ORDER BY ALL"
    published = lab.serving.query(daily).rows()

    forgetter(lab).forget(ADA, NOW)

    assert lab.warehouse.read(Query(MONEY)).rows() == before
    assert lab.serving.query(daily).rows() == published


def test_the_rows_of_a_person_lose_what_tells_of_them_and_those_of_others_keep_theirs(lab):
    lab.ingest(lab.write("app.jsonl", calls()))

    forgetter(lab).forget(ADA, NOW)

    columns = "user_hash, session_id, api_key_id, trace_id, prompt_hash, project, tags"
    rows = lab.warehouse.read(Query(f"SELECT request_count, {columns} FROM core_usage_events")).rows()
    bob, shared, both, his = (keyed_hash(KEY, each) for each in (BOB, "shared key", "both", "bob's"))
    assert sorted(row[1:] for row in rows if row[1]) == sorted(
        [(bob, his, shared, None, None, "search", None), (bob, both, None, None, None, None, None)]
    )
    assert sorted((row[1:] for row in rows if not row[1]), key=repr) == sorted(
        [
            (None, None, None, None, None, None, '{"team":"x"}'),
            (None, None, shared, None, None, "forgotten", None),
            (None, None, None, None, None, None, None),
            (None, None, None, None, None, None, '{"feature":"chat"}'),
            (None, None, None, None, None, None, None),
        ],
        key=repr,
    )


@pytest.mark.parametrize("ident", [lambda name: name, lambda _: None], ids=["with an id", "without ids"])
def test_a_rebuild_from_the_rewritten_landing_gives_the_same_core(lab, ident):
    path = lab.write("app.jsonl", [{**call, "id": ident(call["id"])} for call in [*calls(), *calls()[:2]]])
    lab.ingest(path)
    forgetter(lab).forget(ADA, NOW)
    before = lab.core()

    lab.collector.rebuild([lab.source(path)], Window.of_days(NOW.date() - timedelta(days=2), NOW.date()), NOW)

    assert lab.core() == before


@pytest.mark.parametrize("ident", [lambda name: name, lambda _: None], ids=["with an id", "without ids"])
def test_a_source_file_that_still_names_the_person_is_read_again_without_them_and_counts_once(lab, ident):
    given = [{**call, "id": ident(call["id"])} for call in calls()]
    lab.ingest(lab.write("app.jsonl", given))
    forgetter(lab).forget(ADA, NOW)
    before = lab.core()

    more = [event(ident("a9"), "2026-11-19T13:00:00Z", user=ADA, session="ada's", output_tokens=7)]
    receipts = lab.ingest(lab.write("copy.jsonl", [*given, *more]))

    assert [(file.accepted_count, file.duplicate_count) for each in receipts for file in each.files] == [(1, 7)]
    assert len(lab.core()) == len(before) + 1
    lab.publish()
    assert files_with(lab.home, *stored(ADA, "ada's", "ada's key")) == []


def test_plain_identifiers_are_forgotten_too(tmp_path):
    from sophia_metrics.usage.identity import Identity

    lab = Lab(tmp_path / "home", identity=Identity(None, KEY))
    path = lab.write("app.jsonl", calls())
    lab.ingest(path)
    lab.publish()

    forgetter(lab).forget(ADA, NOW)
    lab.ingest(lab.write("copy.jsonl", calls()))
    lab.publish()

    assert files_with(lab.home, *stored(ADA, "ada's key")) == []
    assert files_with(lab.home, BOB)
    assert lab.one("SELECT count(*) FROM core_usage_events") == 7
