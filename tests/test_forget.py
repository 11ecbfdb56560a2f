"""A person is forgotten everywhere in the state folder, and every total stays."""

from dataclasses import replace
from datetime import timedelta

import pytest

from sophia_metrics.errors import ConfigurationError, ProcessingError
from sophia_metrics.usage.identity import Identity, keyed_hash
from sophia_metrics.warehouse.protocol import Erasure, ForgottenMeanwhileError, Query, Rebuild, Slice
from sophia_metrics.windows import Window
from tests.forgotten import ADA, BOB, KEY, calls, files_with, forgetter, stored
from tests.lab import NOW, Lab, event


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path / "home")


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


class Interrupted:
    """A warehouse to which, just before a change of one kind, something else happens once."""

    def __init__(self, warehouse, kind, happen):
        self._warehouse, self._kind, self._happen = warehouse, kind, happen

    def commit(self, change):
        if isinstance(change, self._kind) and self._happen:
            happen, self._happen = self._happen, None
            happen()
        return self._warehouse.commit(change)

    def __getattr__(self, name):
        return getattr(self._warehouse, name)


def test_rows_that_were_on_their_way_to_core_arrive_without_the_person(lab):
    lab.ingest(lab.write("app.jsonl", calls()))
    source = lab.source(lab.write("late.jsonl", [event("late", "2026-11-01T10:00:00Z", user=ADA)]))
    forget = lambda: forgetter(lab).forget(ADA, NOW)  # noqa: E731 - it happens later, once
    collector = replace(lab.collector, warehouse=Interrupted(lab.warehouse, Slice, forget))
    (batch,) = collector.find(source, NOW).batches
    (landing,) = collector.land(source, batch, NOW).landings
    unclean = landing.path.read_bytes()

    receipt = collector.commit(source, landing, NOW)

    assert receipt.files[0].accepted_count == 1
    assert lab.one(f"SELECT count(*) FROM core_usage_events WHERE user_hash = '{keyed_hash(KEY, ADA)}'") == 0
    forget()  # the day file that was refused is swept away at once
    assert files_with(lab.home, *stored(ADA)) == []
    assert landing.path.read_bytes() != unclean


def test_a_landed_file_that_was_placed_after_landing_was_looked_through_is_cleaned_before_it_is_committed(lab):
    lab.ingest(lab.write("app.jsonl", calls()))
    source = lab.source(lab.write("late.jsonl", [event("late", user=ADA)]))
    (batch,) = lab.collector.find(source, NOW).batches
    (landing,) = lab.collector.land(source, batch, NOW).landings
    unclean = landing.path.read_bytes()
    forgetter(lab).forget(ADA, NOW)
    landing.path.write_bytes(unclean)

    lab.collect(source)
    lab.publish()

    assert lab.one("SELECT count(*) FROM core_usage_events") == 8
    assert files_with(lab.home, *stored(ADA)) == []


def test_a_rebuild_that_read_landing_before_somebody_was_forgotten_is_refused(lab):
    path = lab.write("app.jsonl", calls())
    lab.ingest(path)
    forget = lambda: forgetter(lab).forget(ADA, NOW)  # noqa: E731 - it happens later, once
    collector = replace(lab.collector, warehouse=Interrupted(lab.warehouse, Rebuild, forget))

    with pytest.raises(ForgottenMeanwhileError):
        collector.rebuild([lab.source(path)], Window.of_days(NOW.date() - timedelta(days=2), NOW.date()), NOW)

    forget()
    assert files_with(lab.home, *stored(ADA)) == []


def test_a_dry_run_counts_and_changes_nothing(lab):
    lab.ingest(lab.write("app.jsonl", calls()))
    lab.publish()
    before = {path: path.read_bytes() for path in lab.home.rglob("*.parquet")}

    traces = forgetter(lab).look(ADA, NOW)

    # a1 to a5 are Ada's, and b2 has her in a tag.
    assert (traces.core_row_count, traces.landed_row_count, traces.landed_file_count) == (6, 6, 1)
    assert (traces.session_count, traces.api_key_count, traces.is_forgotten) == (1, 1, False)
    assert {path: path.read_bytes() for path in lab.home.rglob("*.parquet")} == before
    assert lab.one("SELECT count(*) FROM core_tombstones") == 0


def test_nobody_is_forgotten_who_is_not_there(lab):
    lab.ingest(lab.write("app.jsonl", calls()))

    with pytest.raises(ProcessingError, match="nobody has that identifier") as caught:
        forgetter(lab).forget("carol@example.com", NOW)

    assert "carol" not in str(caught.value)
    assert lab.one("SELECT count(*) FROM core_tombstones") == 0


def test_a_person_is_forgotten_by_the_hash_that_the_tables_show(lab):
    lab.ingest(lab.write("app.jsonl", calls()))

    forgetter(lab).forget(keyed_hash(KEY, ADA), NOW)
    lab.ingest(lab.write("copy.jsonl", [*calls(), event("a9", user=ADA)]))
    lab.publish()

    assert files_with(lab.home, *stored(ADA)) == []
    assert lab.one("SELECT count(*) FROM core_usage_events") == 8


def test_forgetting_again_changes_nothing_and_says_so(lab):
    lab.ingest(lab.write("app.jsonl", calls()))
    forgetter(lab).forget(ADA, NOW)
    before = lab.core()

    again = forgetter(lab).forget(ADA, NOW)

    assert (again.traces.is_forgotten, again.core_row_count, again.landed_file_count) == (True, 0, 0)
    assert lab.core() == before


def test_two_people_are_forgotten_one_after_the_other(lab):
    path = lab.write("app.jsonl", [{**call, "id": None} for call in calls()])
    lab.ingest(path)
    forgetter(lab).forget(ADA, NOW)
    forgetter(lab).forget(BOB, NOW)
    before = lab.core()

    lab.collector.rebuild([lab.source(path)], Window.of_days(NOW.date() - timedelta(days=2), NOW.date()), NOW)

    assert lab.core() == before
    lab.publish()
    assert files_with(lab.home, *stored(ADA, BOB)) == []
    assert lab.one("SELECT count(*) FROM core_usage_events WHERE user_hash IS NOT NULL") == 0


def test_a_person_in_quarantined_rows_is_forgotten(lab):
    bad = [event("q1", output_tokens=-1, user=ADA), event("q2", output_tokens=-1, provider=ADA.partition("@")[0])]
    lab.ingest(lab.write("app.jsonl", [*bad, event("b", user=BOB)]))

    forgetter(lab).forget(ADA.partition("@")[0], NOW)
    forgetter(lab).forget(ADA, NOW)

    kept = lab.warehouse.read(Query("SELECT kept_values ->> 'provider' AS provider FROM core_quarantine"))
    assert sorted(kept["provider"], key=repr) == ["openai", None] or sorted(kept["provider"], key=repr) == [
        None,
        "openai",
    ]
    assert files_with(lab.home / "landing", keyed_hash(KEY, ADA)) == []


def test_older_backups_are_replaced_before_anything_that_they_list_is_removed(lab):
    lab.ingest(lab.write("app.jsonl", calls()))
    lab.publish()
    seen = []

    def renew(now):
        seen.append(len(files_with(lab.home / "core", *stored(ADA))))
        return 7

    forgotten = forgetter(lab, renew_backups=renew).forget(ADA, NOW)

    assert forgotten.backup_count == 7
    assert seen[0] > 0
    assert files_with(lab.home, *stored(ADA)) == []


def test_while_a_day_is_held_the_published_version_stays_and_the_result_says_so(lab):
    lab.ingest(lab.write("app.jsonl", calls()))
    lab.publish()
    with lab.warehouse._state.transaction() as connection:
        connection.execute("INSERT INTO judged_days VALUES (DATE '2026-11-18', 'x', 'a sum is wrong', $1)", [NOW])

    held = forgetter(lab).forget(ADA, NOW)
    assert "a sum is wrong" in held.publication.held_because
    assert lab.serving.query("SELECT count(*) FROM core_usage_events").item() == 7

    with lab.warehouse._state.transaction() as connection:
        connection.execute("DELETE FROM judged_days")
    forgetter(lab).forget(ADA, NOW)
    assert files_with(lab.home, *stored(ADA)) == []


def test_landing_of_a_source_that_is_not_configured_stops_it_before_anything_changes(lab):
    lab.ingest(lab.write("app.jsonl", calls()))

    with pytest.raises(ConfigurationError, match=r"add it to sophia\.toml again"):
        forgetter(lab, lab.source(name="other")).forget(ADA, NOW)

    assert lab.one("SELECT count(*) FROM core_tombstones") == 0


def test_the_identifier_is_in_no_representation_of_what_carries_it(lab):
    lab.ingest(lab.write("app.jsonl", calls()))
    _, tombstones = forgetter(lab)._look(ADA, NOW)

    assert ADA not in f"{Erasure(tombstones, NOW)!r}"
    assert KEY.decode() not in f"{forgetter(lab)!r} {Erasure(tombstones, NOW)!r}"
