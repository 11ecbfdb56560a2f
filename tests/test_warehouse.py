"""The DuckDB warehouse: commits, concurrent writers, published versions, migrations."""

import gzip
import os
import subprocess
import sys
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sophia_metrics.errors import ConfigurationError, ProcessingError, ServiceUnavailableError
from sophia_metrics.pricing.book import PriceBook
from sophia_metrics.pricing.card import PriceKey
from sophia_metrics.pricing.genai import list_cards
from sophia_metrics.pricing.knowledge import learn
from sophia_metrics.schema import state
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.sources import events
from sophia_metrics.sources.file_source import FileSource
from sophia_metrics.sources.terms import SAMPLE_SOURCE
from sophia_metrics.warehouse.duckdb.adapter import DuckDBWarehouse
from sophia_metrics.warehouse.duckdb.state import StateFile, refuse_network_filesystem
from sophia_metrics.warehouse.ledger import insert_frame, record_prices
from sophia_metrics.warehouse.protocol import Query, Warehouse
from sophia_metrics.windows import Window
from tests.effort import examples
from tests.lab import NOW, Lab, event

ROOT = Path(__file__).parent.parent


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path / "state")


def test_the_adapter_keeps_the_protocol(lab):
    warehouse: Warehouse = lab.warehouse
    assert isinstance(warehouse, DuckDBWarehouse)


def test_spend_is_what_the_price_card_says_to_the_last_digit(lab):
    lab.ingest(lab.write("calls.jsonl", [event("a"), event("b", input_tokens=1, output_tokens=0)]))
    assert lab.one("SELECT sum(cost_usd) FROM core_usage_events") == Decimal("0.0035025")


ROWS = st.lists(
    st.builds(
        event,
        ident=st.sampled_from("abcdef"),
        output_tokens=st.sampled_from([100, -1]),
        started_at=st.sampled_from(["2026-11-18T10:00:00Z", "2031-01-01T00:00:00Z", "2014-12-31T23:59:59Z"]),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=examples(5), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(first=ROWS, second=ROWS)
def test_read_is_always_accepted_and_quarantined_and_duplicate_and_ignored(tmp_path_factory, first, second):
    lab = Lab(tmp_path_factory.mktemp("counts") / "state")
    for receipt in lab.ingest(lab.write("one.jsonl", first), lab.write("two.jsonl", second)):
        (counts,) = receipt.files
        assert (
            counts.row_count
            == counts.accepted_count + counts.quarantined_count + counts.duplicate_count + counts.ignored_count
        )
    good = {row["id"] for row in first + second if row["output_tokens"] > 0 and row["started_at"].startswith("2026")}
    assert lab.one("SELECT count(*) FROM core_usage_events") == len(good)


def test_every_bad_row_is_in_quarantine_with_its_place(lab):
    path = lab.write("calls.jsonl", [event("a"), event("b", output_tokens=-5), event("c")])
    lab.ingest(path)
    query = "SELECT rule, line_number, byte_start, byte_end FROM core_quarantine"
    ((rule, line, start, end),) = lab.warehouse.read(Query(query)).rows()
    assert (rule, line) == ("negative_output_tokens", 2)
    assert b'"id": "b"' in path.read_bytes()[start:end]


def test_an_absurd_count_goes_to_quarantine_and_the_rest_loads(lab):
    huge = event("huge", input_tokens=9223372036854775807, cache_read_tokens=5)
    lab.ingest(lab.write("calls.jsonl", [event("a"), huge]))
    assert lab.one("SELECT rule FROM core_quarantine") == "count_too_large"
    assert lab.one("SELECT count(*) FROM core_usage_events") == 1


def test_a_row_with_a_negative_billed_quantity_goes_to_quarantine_whole(lab):
    lab.ingest(
        lab.write("calls.jsonl", [event("a", units={"web_searches": -1}), event("b", units={"web_searches": 2})])
    )
    assert lab.one("SELECT rule FROM core_quarantine") == "negative_quantity"
    assert lab.one("SELECT sum(quantity) FROM core_usage_units") == 2


def test_a_bad_row_that_is_delivered_again_stands_in_quarantine_once(lab):
    plain = lab.write("calls.jsonl", [event("b", output_tokens=-5)])
    path = plain.with_name("calls.jsonl.gz")
    path.write_bytes(gzip.compress(plain.read_bytes()))  # a packed file is read whole whenever it changes
    lab.ingest(path)
    os.utime(path, ns=(1, 1))
    (receipt,) = lab.ingest(path)
    assert receipt.files[0].quarantined_count == 1
    assert lab.one("SELECT count(*) FROM core_quarantine") == 1


def test_a_slice_whose_rows_are_mostly_bad_is_held_and_tried_again(lab):
    path = lab.write("calls.jsonl", [event(str(n), output_tokens=-1 if n < 15 else 1) for n in range(20)])
    (receipt,) = lab.ingest(path)
    assert receipt.held_because is not None
    assert "15 of 20 rows break a row rule" in receipt.held_because
    assert lab.one("SELECT count(*) FROM core_usage_events") == 0
    assert lab.ingest(path) == []
    (landing,) = lab.collector.pending(lab.source())
    lenient = replace(lab.collector, limits=replace(lab.collector.limits, max_quarantined_ratio=0.8))
    again = lenient.commit(lab.source(path), landing, NOW)
    assert (again.held_because, lab.one("SELECT count(*) FROM core_usage_events")) == (None, 5)
    assert lab.collector.pending(lab.source()) == ()


def test_a_held_file_that_was_corrected_is_committed_and_the_old_one_is_given_up(lab):
    path = lab.write("calls.jsonl", [event(str(n), output_tokens=-1) for n in range(20)])
    lab.ingest(path)
    os.utime(lab.write("calls.jsonl", [event(str(n)) for n in range(20)]), ns=(1, 1))
    assert lab.collector.pending(lab.source(path)) == ()
    (receipt,) = lab.ingest(path)
    assert (receipt.held_because, lab.one("SELECT count(*) FROM core_usage_events")) == (None, 20)
    assert lab.ingest(path) == []


def test_a_landing_that_two_runs_commit_counts_once_and_keeps_its_first_verdict(lab):
    source = lab.source(lab.write("calls.jsonl", [event("a"), event("b")]))
    collector = lab.collector
    (batch,) = collector.find(source, NOW).batches
    (landing,) = collector.land(source, batch, NOW).landings
    first, second = (collector.commit(source, landing, NOW) for _ in range(2))
    assert second.files == first.files
    assert lab.one("SELECT count(*) FROM core_usage_events") == 2
    assert lab.one("SELECT CAST(sum(accepted_count) AS BIGINT) FROM core_ingest_ledger") == 2
    assert lab.one("SELECT count(*) - count(DISTINCT path) FROM manifest") == 0


def test_sample_data_never_stand_beside_real_usage(lab):
    lab.ingest(lab.write("real.jsonl", [event("a")]))
    with pytest.raises(ConfigurationError, match="sample data are not mixed with real usage"):
        lab.ingest(lab.write("sample.jsonl", [event("s")]), name=SAMPLE_SOURCE)
    assert lab.one("SELECT count(*) FROM core_usage_events") == 1


def test_a_tag_that_could_be_a_prompt_is_nowhere_in_the_state_folder(lab):
    prompt = "please summarise the merger of " + "x" * 200
    lab.ingest(lab.write("calls.jsonl", [event("a", tags={"feature": "chat", "prompt": prompt})]))
    assert lab.one("SELECT tags FROM core_usage_events") == '{"feature":"chat"}'
    with duckdb.connect() as reader:
        landed = reader.execute(f"SELECT CAST(tags AS VARCHAR) FROM '{lab.home}/landing/app/*.parquet'").fetchall()
    assert landed == [("{feature=chat}",)]


def test_two_writers_on_one_day_lose_nothing(lab):
    _ = lab.warehouse
    paths = [lab.write(f"{n}.jsonl", [event(f"{n}-{k}") for k in range(5)]) for n in range(4)]
    program = (
        "import sys\nfrom pathlib import Path\nfrom tests.lab import Lab\n"
        "Lab(Path(sys.argv[1])).ingest(*map(Path, sys.argv[2:]))\n"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", program, str(lab.home), *map(str, pair)], cwd=ROOT)
        for pair in (paths[:2], paths[2:])
    ]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0]
    assert lab.one("SELECT count(*) FROM core_usage_events") == 20
    assert lab.one("SELECT count(DISTINCT event_id) FROM core_usage_events") == 20
    assert lab.one("SELECT CAST(sum(accepted_count) AS BIGINT) FROM core_ingest_ledger") == 20


def learnt_twice():
    """What two runs learn of one price within a second, neither of which knows of the other."""
    nothing = pl.DataFrame(schema=polars_schema(state.PRICE_CARDS))
    resolution = PriceBook().resolve(frozenset({PriceKey("openai", None, "gpt-4o")}))
    return [learn(nothing, resolution, NOW + timedelta(seconds=second)) for second in range(2)]


def test_a_price_that_two_runs_learn_at_once_is_known_once_and_since_the_first(lab):
    _ = lab.warehouse
    with StateFile(lab.home).transaction() as connection:
        for learned in learnt_twice():
            record_prices(connection, learned)

    counts = "SELECT count(*) > 0, count(*) = count(DISTINCT price_id), max(known_from_at) FROM core_price_cards"
    assert lab.rows(counts) == [(True, True, NOW)]
    lab.ingest(lab.write("calls.jsonl", [event("a")]))
    assert lab.one("SELECT cost_usd FROM core_usage_events") == Decimal("0.0035")


def test_a_price_that_an_older_program_let_two_runs_learn_is_known_once_after_the_upgrade(lab):
    _ = lab.warehouse
    with StateFile(lab.home).transaction() as connection:
        for learned in learnt_twice():
            insert_frame(connection, state.PRICE_CARDS, learned.cards)
        connection.execute("DELETE FROM schema_migrations WHERE migration = 'm012_cards_once'")

    lab.ingest(lab.write("calls.jsonl", [event("a")]))
    assert lab.one("SELECT cost_usd FROM core_usage_events") == Decimal("0.0035")
    assert lab.one("SELECT max(known_from_at) FROM core_price_cards") == NOW


def test_single_days_add_up_to_the_range(lab):
    calls = [
        event(f"{day}-{n}", f"2026-11-{day}T{n:02}:30:00Z", team=f"t{n % 2}") for day in (10, 11, 12) for n in range(5)
    ]
    lab.ingest(lab.write("calls.jsonl", calls))
    lab.publish()
    days = lab.serving.query(
        "SELECT usage_on, sum(cost_usd) AS usd FROM mart_cost_daily GROUP BY usage_on ORDER BY usage_on"
    )
    assert days["usage_on"].to_list() == [date(2026, 11, 10), date(2026, 11, 11), date(2026, 11, 12)]
    assert sum(days["usd"].to_list()) == lab.one("SELECT sum(cost_usd) FROM core_usage_events") == Decimal("0.0525")


def test_a_publish_without_a_change_publishes_nothing(lab):
    lab.ingest(lab.write("calls.jsonl", [event("a")]))
    first = lab.publish()
    second = lab.publish()
    assert (first.version, first.is_new, second.version, second.is_new) == (1, True, 1, False)


def test_a_collection_without_news_is_published_before_readers_take_it_for_stale(lab):
    lab.ingest(lab.write("calls.jsonl", [event("a")]))
    lab.publish()
    later = replace(lab, now=NOW + timedelta(hours=20))
    later.collector.note_collected(later.source(), later.now)
    assert later.publish().version == 2
    freshness = later.serving.query("SELECT newest_at FROM mart_freshness WHERE subject = 'app'")
    assert freshness.item() == later.now


def test_a_reader_keeps_the_version_that_it_opened(lab):
    lab.ingest(lab.write("one.jsonl", [event("a")]))
    lab.publish()
    with lab.serving.connection() as reader:
        lab.ingest(lab.write("two.jsonl", [event("b"), event("a", output_tokens=7)]))
        lab.publish()
        assert reader.execute("SELECT count(*) FROM core_usage_events").fetchall() == [(1,)]
    assert lab.serving.version == 2
    assert lab.serving.query("SELECT count(*) AS n FROM core_usage_events").item() == 2


def test_a_state_folder_that_was_moved_publishes_anew(lab):
    lab.ingest(lab.write("calls.jsonl", [event("a")]))
    lab.publish()
    moved = Lab(lab.home.rename(lab.home.with_name("elsewhere")))
    assert moved.publish().is_new
    assert moved.serving.query("SELECT count(*) AS n FROM core_usage_events").item() == 1


def test_old_versions_go_but_not_within_a_day(lab):
    for number in range(5):
        lab.ingest(lab.write(f"{number}.jsonl", [event(str(number))]))
        lab.publish()
    assert len(list((lab.home / "serving").glob("v*.duckdb"))) == 5
    later = replace(lab, now=NOW + timedelta(hours=25))
    later.ingest(later.write("last.jsonl", [event("last")]))
    later.publish()
    assert [path.stem for path in sorted((lab.home / "serving").glob("v*.duckdb"))] == [
        "v000004",
        "v000005",
        "v000006",
    ]


def test_only_the_days_that_changed_are_built_again(lab):
    lab.ingest(lab.write("one.jsonl", [event("a", "2026-11-10T10:00:00Z"), event("b", "2026-11-12T10:00:00Z")]))
    lab.warehouse.build()
    lab.ingest(lab.write("two.jsonl", [event("c", "2026-11-12T11:00:00Z")]))
    built = lab.warehouse.build().built
    assert set(built["mart_cost_daily"]) == {date(2026, 11, 12)}
    assert lab.warehouse.build().built == {}


def test_sample_data_go_when_a_real_source_commits(lab):
    lab.ingest(lab.write("sample.jsonl", [event("s", "2026-10-01T00:00:00Z")]), name=SAMPLE_SOURCE)
    lab.publish()
    lab.ingest(lab.write("real.jsonl", [event("a")]))
    lab.publish()
    assert lab.serving.query("SELECT DISTINCT source FROM core_usage_events")["source"].to_list() == ["app"]
    assert lab.serving.query("SELECT DISTINCT usage_on FROM mart_cost_daily")["usage_on"].to_list() == [
        date(2026, 11, 18)
    ]
    assert lab.collector.pending(lab.source(name=SAMPLE_SOURCE)) == ()


def priced_from_now_on(key):
    """The public list, and one more model at the price of gpt-4o."""
    return list_cards(key) or tuple(replace(card, key=key) for card in list_cards(replace(key, model="gpt-4o")))


def test_a_model_that_gets_a_price_is_priced_and_what_was_priced_stays(lab):
    lab.ingest(lab.write("calls.jsonl", [event("a"), event("b", "2026-11-17T10:00:00Z", model="house-model")]))
    assert lab.one("SELECT cost_usd FROM core_usage_events WHERE model = 'house-model'") is None
    before = lab.core(["event_id", "cost_usd", "price_id"])
    assert lab.collector.price_again(NOW) == 0

    book = PriceBook(list_prices=priced_from_now_on, list_version="with a house model")
    later = replace(lab, book=book)
    assert later.collector.price_again(NOW) == 1
    assert later.one("SELECT cost_usd FROM core_usage_events WHERE model = 'house-model'") == Decimal("0.0035")
    assert [row for row in lab.core(["event_id", "cost_usd", "price_id"]) if row in before] == [
        row for row in before if row[1] is not None
    ]
    assert later.collector.price_again(NOW) == 0


def test_a_currency_that_gets_a_rate_is_priced(lab):
    lab.ingest(lab.write("calls.jsonl", [event("a", cost=2.5, currency="EUR")]))
    assert lab.one("SELECT cost_reported_usd FROM core_usage_events") is None
    assert lab.collector.price_again(NOW) == 0
    rich = replace(lab.collector, exchange_rates={"EUR": Decimal("1.10")})
    assert rich.price_again(NOW) == 1
    assert lab.one("SELECT cost_usd FROM core_usage_events") == Decimal("2.75")
    assert rich.price_again(NOW) == 0


def test_a_source_that_turns_out_to_be_paid_by_the_call_enters_the_spend(lab):
    path = lab.write("calls.jsonl", [event("a")])
    collector = lab.collector
    silent = FileSource(replace(lab.source(path).terms, billing=None), events.FORMAT, (str(path),))
    (batch,) = collector.find(silent, NOW).batches
    (landing,) = collector.land(silent, batch, NOW).landings
    collector.commit(silent, landing, NOW)
    assert lab.one("SELECT cost_usd FROM core_usage_events") is None
    assert lab.one("SELECT list_cost_usd FROM core_usage_events") == Decimal("0.0035")
    collector.note_collected(lab.source(path), NOW)
    assert collector.price_again(NOW) == 1
    assert lab.one("SELECT cost_usd FROM core_usage_events") == Decimal("0.0035")


def test_a_rebuild_keeps_the_prices_of_units_with_those_of_their_event(lab):
    lab.ingest(lab.write("calls.jsonl", [event("a", units={"web_searches": 3})]))
    before = lab.one("SELECT cost_usd FROM core_usage_units")

    def dearer(key):
        return tuple(replace(card, rates=card.rates.times(Decimal(2))) for card in list_cards(key))

    later = replace(lab, book=PriceBook(list_prices=dearer, list_version="dearer"))
    later.collector.rebuild([lab.source()], Window.of_days(date(2026, 11, 18), date(2026, 11, 18)), NOW)
    assert later.one("SELECT cost_usd FROM core_usage_units") == before
    assert later.one("SELECT coalesce(cost_units_usd, -1) FROM core_usage_events") == (
        before if before is not None else -1
    )


def test_a_rebuild_from_landing_gives_the_same_core(lab):
    lab.ingest(
        lab.write("one.jsonl", [event("a"), event("b", "2026-11-17T23:59:59Z"), event("e", output_tokens=-1)]),
        lab.write(
            "two.jsonl",
            [event("b", "2026-11-18T00:00:01Z", output_tokens=300), event("c", units={"web_searches": 2})],
        ),
    )
    before = lab.core()
    changed = lab.collector.rebuild([lab.source()], Window.of_days(date(2026, 11, 17), date(2026, 11, 18)), NOW)
    assert changed.event_count == 3
    assert lab.core() == before
    assert lab.one("SELECT count(*) FROM core_usage_units") == 1
    assert lab.one("SELECT count(*) FROM core_quarantine") == 1


def test_a_rebuild_restores_a_day_whose_file_is_lost(lab):
    lab.ingest(lab.write("calls.jsonl", [event("a"), event("b", "2026-11-17T10:00:00Z")]))
    before = lab.core()
    with duckdb.connect(lab.home / "warehouse.duckdb") as state:
        state.execute("DELETE FROM manifest WHERE day_on = DATE '2026-11-17'")
    assert len(lab.core()) == 1
    lab.collector.rebuild([lab.source()], Window.of_days(date(2026, 11, 17), date(2026, 11, 17)), NOW)
    assert lab.core() == before


def test_a_rebuild_keeps_the_prices_of_events_that_have_one(lab):
    lab.ingest(lab.write("calls.jsonl", [event("a")]))

    def dearer(key):
        return tuple(replace(card, rates=card.rates.times(Decimal(2))) for card in list_cards(key))

    later = replace(lab, book=PriceBook(list_prices=dearer, list_version="dearer"))
    later.collector.rebuild([lab.source()], Window.of_days(date(2026, 11, 18), date(2026, 11, 18)), NOW)
    assert later.one("SELECT cost_usd FROM core_usage_events") == Decimal("0.0035")


def test_a_rebuild_refuses_days_whose_landing_is_gone(lab):
    lab.ingest(lab.write("calls.jsonl", [event("a")]))
    (landed,) = (lab.home / "landing" / "app").glob("*.parquet")
    landed.unlink()
    with pytest.raises(ProcessingError, match="landed files of these days are gone"):
        lab.collector.rebuild([lab.source()], Window.of_days(date(2026, 11, 18), date(2026, 11, 18)), NOW)
    assert lab.one("SELECT count(*) FROM core_usage_events") == 1


def test_an_idle_collection_moves_the_watermark_and_keeps_the_newest_event(lab):
    lab.ingest(lab.write("calls.jsonl", [event("a")]))
    lab.collector.note_collected(lab.source(), NOW + timedelta(hours=1))
    row = lab.warehouse.read(Query("SELECT collected_at, newest_at FROM core_watermarks")).row(0)
    assert row == (NOW + timedelta(hours=1), datetime(2026, 11, 18, 10))


def test_a_state_of_a_newer_program_is_refused(lab):
    _ = lab.warehouse
    with duckdb.connect(lab.home / "warehouse.duckdb") as state:
        state.execute("INSERT INTO schema_migrations VALUES ('m999_from_the_future', TIMESTAMP '2030-01-01')")
    with pytest.raises(ConfigurationError, match="newer sophia-metrics"):
        lab.warehouse.prepare(NOW)


def test_a_state_file_that_another_program_holds_is_unavailable_not_broken(lab):
    _ = lab.warehouse
    program = "import duckdb, sys\nheld = duckdb.connect(sys.argv[1])\nprint('open', flush=True)\nsys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(lab.home / "warehouse.duckdb")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        with pytest.raises(ServiceUnavailableError, match="another program has it open"):
            lab.one("SELECT count(*) FROM core_usage_events")
    finally:
        holder.communicate()


def test_a_network_file_system_is_refused(tmp_path):
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda / ext4 rw 0 0\nserver:/share {tmp_path} nfs4 rw 0 0\n")
    with pytest.raises(ConfigurationError, match="nfs4"):
        refuse_network_filesystem(tmp_path / "state", mounts)
