"""The mirror of a Snowflake warehouse: what is copied, what is forwarded, and what readers here see."""

from contextlib import ExitStack
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from sophia_metrics.errors import ConfigurationError
from sophia_metrics.invoices.commit import commit_lines
from sophia_metrics.quality.judging import judge_marts
from sophia_metrics.schema import core, state
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.serving import Serving
from sophia_metrics.warehouse.duckdb.state import StateFile
from sophia_metrics.warehouse.protocol import Observations, Record, Retention
from sophia_metrics.warehouse.snowflake.copied import COPIED_DAYS, COPIED_MARTS, copied_from
from sophia_metrics.warehouse.snowflake.loading import leftover_stage_tables
from sophia_metrics.warehouse.snowflake.mirror import Mirror
from tests.lab import NOW, Lab, event
from tests.mirror_lab import MirrorLab, ordered
from tests.snowflake_lab import IS_ON_ACCOUNT, PASSWORD, SnowflakeLab, account_lab, fake_settings
from tests.test_invoices import BILL, WINDOW, frame, line

pytest_plugins = ("tests.snowflake_fixtures",)

LAST_DAYS = (date(2026, 11, 18), date(2026, 11, 19))
SERVED = ("mart_cost_trend", "mart_budget_status", "mart_budget_days", "mart_performance_now", "mart_settlement")
"""Marts that each side computes by itself."""


@pytest.fixture(scope="module")
def usage(request, tmp_path_factory):
    """Five days of usage on Snowflake, one call more on each; tests of it change nothing there."""
    with ExitStack() as stack:
        if IS_ON_ACCOUNT:
            lab = stack.enter_context(account_lab())
        else:
            place = fake_settings(request.getfixturevalue("snowflake_server"))
            lab = SnowflakeLab(place, {"SNOWFLAKE_PASSWORD": PASSWORD})
            stack.callback(lab.close)
        yield collected(lab, tmp_path_factory.mktemp("usage"))


def collected(lab, folder):
    source = Lab(folder / "source" / "state")
    calls = [
        event(
            f"{day}-{number}",
            f"2026-11-{day}T0{number}:00:00Z",
            team="search",
            latency_ms=120 + number,
            cache_write_5m_tokens=10,
        )
        for day in range(15, 20)
        for number in range(day - 14)
    ]
    replace(source, now=NOW - timedelta(days=4)).ingest(source.write("bad.jsonl", [event("bad", input_tokens=-1)]))
    source.ingest(source.write("calls.jsonl", calls))
    lab.prepare(NOW)
    made = MirrorLab(source, lab, lab.session(), folder / "mirror" / "state")
    made.upload()
    return made


@pytest.fixture
def mirrored(usage, tmp_path):
    """A mirror of that Snowflake in which nothing is yet."""
    return replace(usage, session=usage.lab.session(), home=tmp_path / "mirror" / "state")


@pytest.fixture
def changing(snowflake, tmp_path):
    """The same with a Snowflake of its own."""
    return collected(snowflake, tmp_path)


def columns(name):
    return ", ".join(COPIED_DAYS[name].names)


def assert_same_marts(lab):
    for table in COPIED_MARTS:
        here = ordered(lab.here(f"SELECT {columns(table.name)} FROM {table.name}"))
        assert here == ordered(lab.there(f"SELECT {columns(table.name)} FROM {copied_from(table)}")), table.name
        assert here, table.name


def test_what_the_published_mirror_answers_is_what_snowflake_answers(mirrored):
    mirrored.sync()
    mirrored.publish()
    assert_same_marts(mirrored)
    names = ", ".join(core.USAGE_EVENTS.names)
    newest = f"SELECT {names} FROM core_usage_events WHERE usage_on >= '2026-11-18'"
    assert ordered(mirrored.here(newest)) == ordered(mirrored.there(newest))
    assert mirrored.here("SELECT count(*), sum(cost_usd) FROM mart_cost_daily")[0][0] == 5


def test_what_is_computed_at_a_publish_is_the_same_in_the_mirror_as_where_all_history_is(mirrored):
    mirrored.sync()
    mirrored.publish()
    mirrored.source.publish()
    for name in SERVED:
        here = Serving(mirrored.home).query(f"SELECT * FROM {name}").rows()
        assert ordered(here) == ordered(Serving(mirrored.source.home).query(f"SELECT * FROM {name}").rows()), name


def test_of_core_only_the_newest_days_are_copied(mirrored):
    mirrored.sync()
    days = [day for (day,) in mirrored.committed("SELECT DISTINCT usage_on FROM core_usage_events ORDER BY ALL")]
    assert tuple(days) == LAST_DAYS
    assert mirrored.committed("SELECT kept_from_on FROM core_retention WHERE table_name = 'core_usage_events'") == [
        (LAST_DAYS[0],)
    ]


def test_what_is_in_quarantine_is_copied_of_every_day(mirrored):
    mirrored.sync()
    found = "SELECT quarantine_id, found_on FROM core_quarantine"
    assert mirrored.committed(found) == mirrored.there(found)
    assert [day for _, day in mirrored.committed(found)] == [date(2026, 11, 16)]
    assert mirrored.committed("SELECT table_name FROM core_retention WHERE table_name = 'core_quarantine'") == []


def test_quarantine_of_which_a_mirror_had_the_newest_days_only_is_copied_whole(mirrored):
    _ = mirrored.warehouse
    with StateFile(mirrored.home).transaction() as locked:
        locked.execute("INSERT INTO core_retention VALUES ('core_quarantine', '2026-11-18', $1)", [NOW])
    mirrored.sync()
    assert len(mirrored.committed("SELECT quarantine_id FROM core_quarantine")) == 1
    assert mirrored.committed("SELECT table_name FROM core_retention WHERE table_name = 'core_quarantine'") == []


def test_nothing_is_copied_where_nothing_has_changed(mirrored):
    mirrored.sync()
    mirrored.lab.statements.texts.clear()
    again = mirrored.sync()
    assert (again.days, again.row_count, again.tables) == ((), 0, ())
    assert len(mirrored.lab.statements.texts) < 20
    assert not [text for text in mirrored.lab.statements.texts if "built_" in text.lower()]


def test_only_the_days_that_changed_are_copied(changing):
    changing.sync()
    changing.publish()
    changing.source.ingest(changing.source.write("late.jsonl", [event("late", "2026-11-15T12:00:00Z")]))
    changing.upload()
    again = changing.sync()
    assert {day for _, day in again.days} == {date(2026, 11, 15)}
    assert {name for name, _ in again.days} == {table.name for table in COPIED_MARTS}
    changing.publish()
    assert_same_marts(changing)


def test_a_day_whose_marts_are_behind_its_core_stays_as_it_is_until_it_is_built(changing):
    changing.sync()
    changing.publish()
    before = changing.here("SELECT event_id FROM core_usage_events ORDER BY ALL")
    changing.session.execute(
        "UPDATE manifest SET path = 'new' WHERE table_name = 'core_usage_events' AND day_on = $1", [LAST_DAYS[1]]
    )
    assert changing.sync().days == ()
    changing.publish()
    assert changing.here("SELECT event_id FROM core_usage_events ORDER BY ALL") == before
    changing.note_builds()
    assert changing.sync().days == (("core_usage_events", LAST_DAYS[1]),)


def test_days_that_vanish_on_snowflake_vanish_here(changing):
    changing.sync()
    changing.session.execute("DELETE FROM manifest WHERE day_on = $1", [date(2026, 11, 15)])
    changing.note_builds()
    changing.sync()
    assert changing.committed("SELECT min(usage_on) FROM mart_cost_daily") == [(date(2026, 11, 16),)]


def test_nothing_in_the_mirror_builds_a_copied_day_again(changing):
    changing.sync()
    assert changing.warehouse.build().day_count == 0
    changing.source.ingest(changing.source.write("next.jsonl", [event("next", "2026-11-20T01:00:00Z")]))
    changing.upload()
    changing.sync()
    assert changing.warehouse.build().day_count == 0
    assert_days_of_core(changing, (date(2026, 11, 19), date(2026, 11, 20)))


def assert_days_of_core(lab, days):
    rows = lab.committed("SELECT DISTINCT usage_on FROM core_usage_events ORDER BY ALL")
    assert tuple(day for (day,) in rows) == days


def test_nothing_in_the_mirror_judges_a_copied_day_again(mirrored):
    mirrored.sync()
    judged = judge_marts(mirrored.warehouse, NOW)
    assert judged.runs == ()
    assert judge_marts(mirrored.warehouse, NOW, every_day=True).runs == ()


def test_a_day_that_is_held_on_snowflake_holds_the_mirror_with_the_same_sentence(changing):
    changing.sync()
    version = changing.publish().version
    held = {"day_on": LAST_DAYS[1], "inputs_sha256": None, "held_because": "the sums differ", "judged_at": NOW}
    changing.source.warehouse.record(
        Record({"judged_days": pl.DataFrame([held], schema=polars_schema(state.JUDGED_DAYS))})
    )
    changing.upload()
    changing.sync()
    judge_marts(changing.warehouse, NOW)
    publication = changing.publish()
    assert publication.held_because == "2026-11-19: the sums differ"
    assert publication.version == version


def test_the_copied_marts_are_what_the_copied_core_adds_up_to(mirrored):
    mirrored.sync()
    mirrored.publish()
    verification = mirrored.upkeep.verify(is_deep=True)
    assert verification.findings == ()
    assert verification.checks["marts of core"] >= 2 * len(COPIED_MARTS)


def test_maintenance_works_on_a_mirror(mirrored):
    mirrored.sync()
    mirrored.publish()
    mirrored.upkeep.back_up(NOW)
    expired = mirrored.warehouse.commit(
        Retention(usage_from_on=None, observed_from_on=date(2026, 11, 1), runs_from_at=None, now=NOW)
    )
    swept = mirrored.upkeep.sweep(NOW + timedelta(days=30))
    assert (expired.row_count, swept.orphans, swept.problems, swept.day_files.file_count) == (0, (), (), 0)
    assert mirrored.sync().days == ()
    assert mirrored.upkeep.verify(is_deep=True).findings == ()


def test_a_file_that_is_lost_is_copied_again(mirrored):
    mirrored.sync()
    mirrored.publish()
    (path,) = (mirrored.home / "marts" / "mart_cost_daily" / "usage_on=2026-11-16").glob("*.parquet")
    path.unlink()
    assert mirrored.sync().days == (("mart_cost_daily", date(2026, 11, 16)),)
    mirrored.publish()
    assert_same_marts(mirrored)
    assert mirrored.upkeep.verify(is_deep=True).findings == ()


def test_a_state_file_that_is_lost_comes_back_whole(mirrored):
    mirrored.sync()
    mirrored.publish()
    (mirrored.home / "warehouse.duckdb").unlink()
    mirrored.warehouse.build()
    judge_marts(mirrored.warehouse, NOW)
    mirrored.sync()
    mirrored.publish()
    assert_same_marts(mirrored)
    assert mirrored.warehouse.build().day_count == 0
    assert mirrored.upkeep.verify(is_deep=True).findings == ()


def test_a_folder_that_holds_usage_of_its_own_is_refused(mirrored):
    with pytest.raises(ConfigurationError, match="set SOPHIA_HOME"):
        replace(mirrored, home=mirrored.source.home).sync()


def probes(*rows):
    """Results of probes of the service chat, from (instant, outcome)."""
    return Observations({core.PROBE_RESULTS.name: pl.DataFrame([probe(*row) for row in rows], schema=PROBES)})


PROBES = polars_schema(core.PROBE_RESULTS)


def probe(at, outcome="ok"):
    return {
        **dict.fromkeys(PROBES),
        "service": "chat",
        "probed_on": at.date(),
        "probed_at": at,
        "kind": "http",
        "outcome": outcome,
        "status": "healthy",
        "latency_ms": 12.5,
        "attempt_count": 1,
        "is_vantage_ok": True,
        "interval_seconds": 60,
    }


def run_frame(ident, status, version=None):
    row = {"run_id": ident, "flow": "probe-services", "started_at": NOW, "run_status": status, "version": version}
    return pl.DataFrame(
        [{**dict.fromkeys(state.PIPELINE_RUNS.names), **row}], schema=polars_schema(state.PIPELINE_RUNS)
    )


def heartbeat_frame(succeeded_at):
    row = {**dict.fromkeys(state.HEARTBEATS.names), "flow": "probe-services", "succeeded_at": succeeded_at}
    return pl.DataFrame([row], schema=polars_schema(state.HEARTBEATS))


@pytest.fixture
def operating(tmp_path, snowflake):
    """A mirror in which a service was probed and a run was recorded, beside a Snowflake without usage."""
    snowflake.prepare(NOW)
    lab = MirrorLab(Lab(tmp_path / "source" / "state"), snowflake, snowflake.session(), tmp_path / "mirror" / "state")
    lab.sync()
    lab.warehouse.commit(probes((datetime(2026, 11, 19, 23, 59),), (datetime(2026, 11, 20, 11),)))
    lab.warehouse.record(
        Record({"core_pipeline_runs": run_frame("one", "running"), "core_heartbeats": heartbeat_frame(NOW)})
    )
    return lab


def assert_same_operations(lab):
    for table in (core.PROBE_RESULTS, state.PIPELINE_RUNS, state.HEARTBEATS):
        names = ", ".join(table.names)
        here = ordered(lab.committed(f"SELECT {names} FROM {table.name}"))
        assert here == ordered(lab.there(f"SELECT {names} FROM {table.name}")), table.name
        assert here, table.name


def test_what_is_observed_and_recorded_here_is_forwarded(operating):
    forwarded = operating.forward()
    assert dict(forwarded.rows) == {"core_probe_results": 2, "core_pipeline_runs": 1, "core_heartbeats": 1}
    assert_same_operations(operating)
    listed = operating.there("SELECT table_name, day_on, row_count FROM manifest ORDER BY day_on")
    assert listed == [("core_probe_results", date(2026, 11, 19), 1), ("core_probe_results", date(2026, 11, 20), 1)]


def test_only_what_has_changed_is_forwarded_again(operating):
    operating.forward()
    paths = dict(operating.there("SELECT day_on, path FROM manifest"))
    operating.warehouse.commit(probes((datetime(2026, 11, 20, 11, 1), "failed")))
    operating.warehouse.record(Record({"core_pipeline_runs": run_frame("one", "completed", 7)}))
    assert dict(operating.forward().rows) == {"core_probe_results": 1, "core_pipeline_runs": 1}
    assert_same_operations(operating)
    after = dict(operating.there("SELECT day_on, path FROM manifest"))
    assert [day for day in after if after[day] != paths[day]] == [date(2026, 11, 20)]


def test_where_nothing_has_changed_snowflake_is_not_asked(operating):
    operating.forward()
    operating.lab.statements.texts.clear()
    assert operating.forward().row_count == 0
    assert operating.lab.statements.texts == []


def test_forwarding_again_after_a_lost_note_changes_nothing(operating):
    operating.forward()
    before = ordered(operating.there("SELECT table_name, day_on, path, row_count FROM manifest"))
    with StateFile(operating.home).transaction() as locked:
        locked.execute("DELETE FROM forwarded_parts")
    assert operating.forward().row_count == 4
    assert_same_operations(operating)
    assert ordered(operating.there("SELECT table_name, day_on, path, row_count FROM manifest")) == before


def test_forwarding_writes_in_one_transaction_and_leaves_no_stage_table(operating):
    operating.forward()
    verbs = {text.split(maxsplit=1)[0] for text in operating.lab.statements.in_transactions()}
    assert verbs <= {"UPDATE", "MERGE", "SELECT", "DELETE", "INSERT"}
    assert operating.lab.statements.verbs.count("BEGIN") == 1
    assert leftover_stage_tables(operating.session, NOW + timedelta(days=3650)) == ()


def test_days_that_snowflake_keeps_no_longer_are_not_forwarded(operating):
    operating.session.execute(
        "INSERT INTO core_retention (table_name, kept_from_on, moved_at) VALUES ('core_probe_results', $1, $2)",
        [date(2026, 11, 20), NOW],
    )
    assert operating.forward().rows["core_probe_results"] == 1
    assert operating.there("SELECT min(probed_on) FROM core_probe_results") == [(date(2026, 11, 20),)]


def test_forwarding_is_due_a_quarter_of_an_hour_after_the_last_time(operating):
    assert operating.mirror.is_due(NOW)
    operating.forward()
    assert not operating.mirror.is_due(NOW + timedelta(minutes=13))
    assert operating.mirror.is_due(NOW + timedelta(minutes=14))


def test_a_mirror_of_another_schema_is_refused(operating):
    operating.forward()
    other = Mirror(operating.home, "OTHER/DB/SC")
    with pytest.raises(ConfigurationError, match="mirrors fakesnow/DB/SC, and not OTHER/DB/SC"):
        other.forward(operating.session, NOW)


def test_a_mirror_whose_folder_is_lost_gets_its_operations_back(operating, tmp_path):
    operating.forward()
    lost = replace(operating, home=tmp_path / "another" / "state")
    lost.warehouse.record(Record({"core_pipeline_runs": run_frame("two", "running")}))
    lost.sync()
    assert ordered(lost.committed("SELECT run_id FROM core_pipeline_runs")) == [("one",), ("two",)]
    assert lost.committed("SELECT succeeded_at FROM core_heartbeats") == [(NOW,)]
    assert lost.committed("SELECT count(*) FROM core_probe_results") == [(2,)]


def test_lines_of_bills_are_forwarded_as_they_stand_and_come_back_to_a_folder_that_is_lost(operating, tmp_path):
    columns = ", ".join(core.INVOICE_LINES.names)
    lines = f"SELECT {columns} FROM core_invoice_lines ORDER BY line_id"
    known = "SELECT model, billed_cost, billed_cost_usd, removed_at FROM core_invoice_lines ORDER BY model"
    commit_lines(operating.warehouse, BILL, WINDOW, frame(line("a", "1.5", currency="EUR"), line("b", "2")), NOW)
    assert operating.forward().rows["core_invoice_lines"] == 2
    commit_lines(operating.warehouse, BILL, WINDOW, frame(line("a", "1.6", currency="EUR")), NOW + timedelta(hours=1))
    assert dict(operating.forward().rows) == {"core_invoice_lines": 2}

    assert operating.there(known) == [
        ("a", Decimal("1.6"), Decimal("1.76"), None),
        ("b", None, None, NOW + timedelta(hours=1)),
    ]
    assert operating.there(lines) == operating.committed(lines)
    lost = replace(operating, home=tmp_path / "another" / "state")
    lost.sync()
    assert lost.committed(lines) == operating.committed(lines)


def test_observations_whose_file_is_lost_come_back(operating):
    operating.forward()
    operating.publish()
    (path,) = (operating.home / "core" / "probe_results" / "probed_on=2026-11-19").glob("*.parquet")
    path.unlink()
    operating.sync()
    assert operating.publish().held_because is None
    assert_same_operations(operating)
    assert operating.upkeep.verify(is_deep=True).findings == ()


def test_what_changes_on_snowflake_meanwhile_is_copied_as_of_one_moment(changing):
    late = event("late", "2026-11-16T12:00:00Z", latency_ms=1)
    changing.source.ingest(changing.source.write("late.jsonl", [late]))
    other = replace(changing, session=changing.lab.session(observe=lambda _: None))

    def change_once(sql):
        if "built_mart_cost_daily" in sql.lower() and not changed:
            changed.append(sql)
            other.upload()

    changed: list[str] = []
    meanwhile = replace(changing, session=changing.lab.session(observe=change_once))
    meanwhile.sync()
    meanwhile.publish()
    assert changed
    assert_same_marts(meanwhile)
    assert meanwhile.here("SELECT count(*) FROM core_ingest_ledger") == [(3,)]


def test_a_sync_that_fails_on_its_way_changes_nothing_here(mirrored):
    class LostError(Exception):
        """The connection went."""

    def lose(sql):
        if "core_watermarks" in sql.lower() and "hash" not in sql.lower():
            raise LostError

    with pytest.raises(LostError):
        replace(mirrored, session=mirrored.lab.session(observe=lose)).sync()
    assert mirrored.committed("SELECT count(*) FROM mart_cost_daily") == [(0,)]
    mirrored.sync()
    mirrored.publish()
    assert_same_marts(mirrored)


def test_budgets_of_tags_bring_the_days_that_they_need(changing):
    changing.sync()
    row = {
        "budget": "blue",
        "origin": "set",
        "scope_type": "tag:colour",
        "scope_value": "blue",
        "period": "month",
        "limit_usd": 10,
        "time_zone": "UTC",
        "thresholds": "[0.8]",
        "warning_ratio": 0.8,
        "valid_from_at": datetime(2026, 11, 1),
        "valid_to_at": None,
    }
    budgets = pl.DataFrame([row], schema=polars_schema(state.BUDGETS))
    changing.source.warehouse.record(Record({"core_budgets": budgets}))
    changing.upload()
    changing.sync()
    assert_days_of_core(changing, tuple(date(2026, 11, day) for day in range(15, 20)))
    changing.publish()
    changing.source.publish()
    for name in SERVED:
        here = Serving(changing.home).query(f"SELECT * FROM {name}").rows()
        assert ordered(here) == ordered(Serving(changing.source.home).query(f"SELECT * FROM {name}").rows()), name


def test_who_was_forgotten_on_snowflake_is_no_longer_in_a_copy_of_what_was_published(changing):
    changing.sync()
    version = changing.publish().version
    row = {"tombstone": "t", "reach": "person", "forgotten_at": NOW, "last_version": 900}
    stones = pl.DataFrame([row], schema=polars_schema(state.TOMBSTONES))
    changing.source.warehouse.record(Record({"core_tombstones": stones}))
    changing.upload()
    changing.sync()
    assert changing.committed("SELECT last_version FROM core_tombstones") == [(version,)]
    assert changing.sync().tables == ()
