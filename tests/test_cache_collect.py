"""From looks at a cache to rows of core: counts are right whatever is run twice, late, or after a loss."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from sophia_metrics.cache.collect import commit_readings, lookups_since
from sophia_metrics.cache.counters import HourCounters
from sophia_metrics.cache.deltas import Counters
from sophia_metrics.cache.lookups import Lookup, Outcome, hash_key, record_lookup
from sophia_metrics.cache.reading import CacheReading, Entries
from sophia_metrics.cache.redis_cache import CacheTerms, RedisCache
from sophia_metrics.services import run_sync
from sophia_metrics.warehouse.protocol import Changed, Query
from sophia_metrics.windows import naive_utc
from tests.lab import Lab
from tests.redis_server import RedisServer

NOON = datetime(2026, 11, 18, 12)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path / "state")


def reading(minute: int, hits: int, lookups=(), node: str = "127.0.0.1:6379/0", **counters) -> CacheReading:
    """A look at a cache at 12:00 and so many minutes."""
    own = {"hit_total": hits, "miss_total": 2 * hits, "command_total": 10 * minute, "info_call_total": minute}
    return CacheReading(
        cache="answers",
        node=node,
        counters=Counters(taken_at=NOON + minute * MINUTE, run_id="a", **{**own, **counters}),
        entries=Entries(3, 300),
        max_bytes=None,
        memory_bytes=1_000_000,
        lookups=tuple(lookups),
        notes=(),
    )


def lookups(hour_at: datetime, **fields: str):
    return HourCounters("a1", hour_at, {name.replace("__", ":"): value for name, value in fields.items()}).lookups


def hit_counts(lab: Lab) -> list[tuple[int, int | None]]:
    sql = "SELECT taken_at, hit_count FROM core_cache_snapshots ORDER BY node, taken_at"
    return [((at - NOON) // MINUTE, hits) for at, hits in lab.warehouse.read(Query(sql)).rows()]


def counts(lab: Lab) -> list[tuple[str, datetime, int]]:
    sql = "SELECT outcome, interval_start_at, lookup_count FROM core_cache_lookups ORDER BY ALL"
    return lab.warehouse.read(Query(sql)).rows()


def test_a_snapshot_counts_from_the_one_before_it_and_the_first_counts_nothing(lab):
    for each in (reading(1, hits=100), reading(2, hits=130)):
        commit_readings(lab.warehouse, [each])

    sql = "SELECT hit_total, hit_count, miss_count, is_reset FROM core_cache_snapshots ORDER BY taken_at"
    assert lab.warehouse.read(Query(sql)).rows() == [(100, None, None, False), (130, 30, 60, False)]


def test_a_reading_that_is_committed_twice_is_there_once(lab):
    commit_readings(lab.warehouse, [reading(1, hits=100)])
    commit_readings(lab.warehouse, [reading(2, hits=130)])

    assert commit_readings(lab.warehouse, [reading(2, hits=130)]) == Changed(0, ())
    assert hit_counts(lab) == [(1, None), (2, 30)]


def test_snapshots_that_arrive_in_another_order_count_the_same(lab):
    for each in (reading(1, hits=100), reading(4, hits=170), reading(2, hits=130), reading(3, hits=150)):
        commit_readings(lab.warehouse, [each])

    assert hit_counts(lab) == [(1, None), (2, 30), (3, 20), (4, 20)]


def test_each_node_has_a_series_of_its_own(lab):
    commit_readings(lab.warehouse, [reading(1, hits=100), reading(1, hits=7, node="127.0.0.1:6380/0")])
    commit_readings(lab.warehouse, [reading(2, hits=130), reading(2, hits=8, node="127.0.0.1:6380/0")])

    assert hit_counts(lab) == [(1, None), (2, 30), (1, None), (2, 1)]


def test_after_more_than_a_week_a_snapshot_is_a_first_one(lab):
    commit_readings(lab.warehouse, [reading(1, hits=100)])
    commit_readings(lab.warehouse, [reading(1 + 8 * 24 * 60, hits=900)])

    assert [hits for _, hits in hit_counts(lab)] == [None, None]


def test_an_hour_that_is_still_open_replaces_its_rows(lab):
    for minute, count in ((1, "3"), (2, "5")):
        commit_readings(lab.warehouse, [reading(minute, 1, lookups(NOON, redis__miss=count))])

    assert counts(lab) == [("miss", NOON, 5)]
    assert lab.one("SELECT read_at FROM core_cache_lookups") == NOON + 2 * MINUTE


def test_a_hash_that_vanished_takes_nothing_away_and_what_follows_it_is_added(lab):
    begun = int(NOON.replace(tzinfo=UTC).timestamp() * 1000)
    first = lookups(NOON, redis__exact="100", started_at_ms=str(begun))
    second = lookups(NOON, redis__exact="5", started_at_ms=str(begun + 1_800_000))
    for minute, found in ((1, first), (2, ()), (31, second), (32, second)):
        commit_readings(lab.warehouse, [reading(minute, 1, found)])

    assert counts(lab) == [("exact", NOON, 100), ("exact", NOON + 30 * MINUTE, 5)]


def test_a_counter_that_fell_keeps_what_was_read(lab):
    for minute, count in ((1, "9"), (2, "7"), (3, "8"), (4, "10")):
        commit_readings(lab.warehouse, [reading(minute, 1, lookups(NOON, redis__miss=count))])
        assert counts(lab) == [("miss", NOON, 10 if count == "10" else 9)]


def test_lookups_are_read_again_from_the_hour_before_the_newest_one(lab):
    assert lookups_since(lab.warehouse, "answers", NOON) == NOON - timedelta(days=8)
    commit_readings(lab.warehouse, [reading(1, 1, lookups(NOON, redis__miss="3"))])

    assert lookups_since(lab.warehouse, "answers", NOON + timedelta(hours=5)) == NOON - timedelta(hours=1)
    assert lookups_since(lab.warehouse, "other", NOON) == NOON - timedelta(days=8)


def test_nothing_that_was_read_commits_nothing(lab):
    assert commit_readings(lab.warehouse, []) == Changed(0, ())


def collect(lab: Lab, server: RedisServer) -> None:
    now = naive_utc(datetime.now(UTC))

    async def read() -> CacheReading:
        async with RedisCache(CacheTerms("answers", server.url, ("cache:*",), "sc:stats")) as cache:
            return await cache.read(now, lookups_since(lab.warehouse, "answers", now))

    commit_readings(lab.warehouse, [run_sync(read())])


def test_a_restart_of_a_real_server_loses_no_lookup_and_counts_none_twice(lab):
    at = (datetime.now(UTC) - timedelta(hours=1)).replace(minute=10)
    hit = Lookup("redis", Outcome.EXACT, saved_gross_usd=Decimal("0.0035"))
    with RedisServer.running() as server:
        with server.client as client:
            client.set("cache:1", "answer")
            for _ in range(10):
                record_lookup(client, "a1", hit, at)
                client.get("cache:1")
        collect(lab, server)
        collect(lab, server)
        server.stop()
        server.start()
        with server.client as client:
            for _ in range(3):
                record_lookup(client, "a1", hit, at + timedelta(seconds=1))
                client.get("cache:1")
            assert client.hlen(hash_key("sc:stats", "a1", at)) == 3
        collect(lab, server)
        collect(lab, server)

    assert lab.one("SELECT CAST(sum(lookup_count) AS BIGINT) FROM core_cache_lookups") == 13
    assert lab.one("SELECT sum(saved_gross_usd) FROM core_cache_lookups") == Decimal("0.0455")
    sql = "SELECT hit_count, miss_count, is_reset, is_lower_bound FROM core_cache_snapshots ORDER BY taken_at"
    assert lab.warehouse.read(Query(sql)).rows() == [
        (None, None, False, False),
        (0, 0, False, False),
        (1, 3, True, True),  # the hit is the HLEN above
        (0, 0, False, False),
    ]


def test_the_mart_keeps_the_caches_own_ratio_apart_from_the_servers(lab):
    found = lookups(NOON, redis__exact="6", redis__miss="2", redis__bypass_error="4")
    commit_readings(lab.warehouse, [reading(1, hits=100)])
    commit_readings(lab.warehouse, [reading(2, hits=130, lookups=found)])
    lab.publish()

    sql = "SELECT hour_at, lookup_count, hit_ratio, keyspace_hit_ratio, entry_count FROM mart_cache_performance"
    assert lab.serving.query(sql).rows() == [(NOON, 8, 0.75, pytest.approx(1 / 3), 3)]
    card = (
        "SELECT text_value, window_minutes, data_through_at FROM mart_performance_now WHERE metric = 'cache_hit_ratio'"
    )
    assert lab.serving.query(card).rows() == [("75.0 %", 60, NOON + 2 * MINUTE)]
    assert lab.one("SELECT min(interval_on) FROM core_cache_lookups") == date(2026, 11, 18)
