"""Observations: facts of caches and services are committed beside usage, once each, and nobody's are lost."""

import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from sophia_metrics.schema import core
from sophia_metrics.schema.column import Kind
from sophia_metrics.warehouse.duckdb.changes import COMPACT_AT
from sophia_metrics.warehouse.protocol import Changed, Observations, Query
from tests.lab import Lab, event

NOON = datetime(2026, 11, 18, 12)
DAY = date(2026, 11, 18)
RESULTS = "SELECT service, probed_at, status FROM core_probe_results ORDER BY ALL"


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path / "state")


def result(service: str, probed_at: datetime = NOON, status: str = "healthy") -> dict[str, object]:
    return {
        "service": service,
        "probed_at": probed_at,
        "kind": "http",
        "outcome": "ok",
        "status": status,
        "latency_ms": 12.5,
        "attempt_count": 1,
        "is_vantage_ok": True,
        "interval_seconds": 60,
    }


def probes(*rows: dict[str, object]) -> Observations:
    return Observations({"core_probe_results": pl.DataFrame(list(rows))})


def test_observations_are_read_with_their_utc_day_and_null_for_what_was_not_given(lab):
    changed = lab.warehouse.commit(probes(result("api"), result("api", NOON + timedelta(days=1))))

    assert changed == Changed(2, (DAY, DAY + timedelta(days=1)))
    rows = lab.warehouse.read(Query("SELECT probed_on, probed_at, message, latency_ms FROM core_probe_results"))
    assert sorted(rows.rows()) == [
        (DAY, NOON, None, 12.5),
        (DAY + timedelta(days=1), NOON + timedelta(days=1), None, 12.5),
    ]


def test_committing_twice_is_once_and_writes_no_file(lab):
    lab.warehouse.commit(probes(result("api"), result("web")))
    files = "SELECT path FROM manifest"
    before = sorted(lab.warehouse.read(Query(files)).rows())

    assert lab.warehouse.commit(probes(result("web"), result("api"))) == Changed(0, ())
    assert sorted(lab.warehouse.read(Query(files)).rows()) == before
    assert lab.one("SELECT count(*) FROM core_probe_results") == 2


def test_a_row_replaces_the_one_with_its_key_and_no_other(lab):
    lab.warehouse.commit(probes(result("api"), result("web"), result("api", NOON + timedelta(minutes=1))))

    assert lab.warehouse.commit(probes(result("api", status="down"))) == Changed(1, (DAY,))
    assert lab.warehouse.read(Query(RESULTS)).rows() == [
        ("api", NOON, "down"),
        ("api", NOON + timedelta(minutes=1), "healthy"),
        ("web", NOON, "healthy"),
    ]


def test_of_rows_with_the_same_key_in_one_frame_the_last_counts(lab):
    assert lab.warehouse.commit(probes(result("api"), result("api", status="down"))) == Changed(1, (DAY,))
    assert lab.one("SELECT status FROM core_probe_results") == "down"


def test_a_key_of_five_columns_is_the_whole_key(lab):
    def lookups(tier: str, outcome: str, count: int) -> Observations:
        row = {
            "cache": "answers",
            "scope_hash": "a1",
            "tier": tier,
            "outcome": outcome,
            "interval_start_at": NOON,
            "interval_end_at": NOON + timedelta(hours=1),
            "read_at": NOON,
            "lookup_count": count,
            "unpriced_count": 0,
        }
        return Observations({"core_cache_lookups": pl.DataFrame([row])})

    for change in (lookups("redis", "exact", 3), lookups("redis", "miss", 5), lookups("redis", "exact", 4)):
        lab.warehouse.commit(change)

    counts = "SELECT outcome, lookup_count FROM core_cache_lookups ORDER BY outcome"
    assert lab.warehouse.read(Query(counts)).rows() == [("exact", 4), ("miss", 5)]


def test_rows_of_several_tables_are_committed_in_one_step(lab):
    snapshot = {
        "cache": "answers",
        "node": "127.0.0.1:6379/0",
        "taken_at": NOON,
        "own_hit_count": 0,
        "own_miss_count": 0,
        "is_sampled": False,
        "is_reset": False,
        "is_lower_bound": False,
    }
    both = {**probes(result("api")).rows, "core_cache_snapshots": pl.DataFrame([snapshot])}

    assert lab.warehouse.commit(Observations(both)) == Changed(2, (DAY,))
    assert lab.one("SELECT node FROM core_cache_snapshots") == "127.0.0.1:6379/0"
    assert lab.one("SELECT hit_count FROM core_cache_snapshots") is None


def test_two_writers_at_once_lose_nothing(lab):
    start = threading.Barrier(2)

    def write(service: str) -> None:
        warehouse = Lab(lab.home).warehouse
        start.wait()
        for minute in range(15):
            warehouse.commit(probes(result(service, NOON + timedelta(minutes=minute)), result("shared")))

    writers = [threading.Thread(target=write, args=(name,)) for name in ("api", "web")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    counts = "SELECT service, count(*) FROM core_probe_results GROUP BY service ORDER BY service"
    assert lab.warehouse.read(Query(counts)).rows() == [("api", 15), ("shared", 1), ("web", 15)]


def test_a_day_of_many_small_commits_has_few_files_and_all_its_rows(lab):
    warehouse = lab.warehouse
    for minute in range(40):
        warehouse.commit(probes(result("api", NOON + timedelta(minutes=minute))))

    assert lab.one("SELECT count(*) FROM manifest") < COMPACT_AT
    assert lab.one("SELECT count(DISTINCT probed_at) FROM core_probe_results") == 40


def test_a_published_version_shows_observations_beside_usage(lab):
    lab.ingest(lab.write("calls.jsonl", [event("a")]))
    lab.warehouse.commit(probes(result("api")))
    lab.publish()

    with duckdb.connect(lab.home / "serving" / "current.duckdb", read_only=True) as version:
        assert version.execute(RESULTS).fetchall() == [("api", NOON, "healthy")]
        assert version.execute("SELECT count(*) FROM core_usage_events").fetchall() == [(1,)]
        assert version.execute("SELECT count(*) FROM core_cache_snapshots").fetchall() == [(0,)]


def test_nothing_to_commit_changes_nothing(lab):
    assert lab.warehouse.commit(Observations({})) == Changed(0, ())
    assert lab.warehouse.commit(Observations({"core_probe_results": pl.DataFrame()})) == Changed(0, ())


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"core_usage_events": pl.DataFrame()}, "core_usage_events: observations stand in"),
        ({"core_probe_results": pl.DataFrame([{"mood": 1}])}, "has no columns mood"),
        ({"core_probe_results": pl.DataFrame([{**result("api"), "status": None}])}, "never has a null in status"),
    ],
)
def test_rows_that_do_not_fit_are_refused_whole(lab, rows, message):
    with pytest.raises(ValueError, match=message):
        lab.warehouse.commit(Observations({**probes(result("web")).rows, **rows}))
    assert lab.one("SELECT count(*) FROM core_probe_results") == 0


def test_an_instant_with_a_time_zone_is_kept_as_naive_utc(lab):
    lab.warehouse.commit(probes(result("api", NOON.replace(tzinfo=UTC))))
    assert lab.one("SELECT probed_at FROM core_probe_results") == NOON


@pytest.mark.parametrize("table", core.OBSERVED, ids=lambda table: table.name)
def test_an_observation_stands_in_the_day_of_the_first_column_of_its_order_which_its_key_tells(table):
    instant = next(column for column in table.columns if column.name == table.order[0])
    is_told = instant.name in table.key or table.key == ("line_id",)  # a hash over it, among others
    assert (instant.kind, instant.is_required, is_told) == (Kind.INSTANT, True, True)
