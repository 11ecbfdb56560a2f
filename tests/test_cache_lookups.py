"""The application's counters: what it writes is what is read, whatever happens to the hashes."""

import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
import redis.asyncio

from sophia_metrics.cache.counters import CountedLookups, HourCounters, newer_counts
from sophia_metrics.cache.lookups import Lookup, Outcome, hash_key, record_lookup, record_lookup_async
from tests.redis_server import RedisServer

TEN = datetime(2026, 11, 18, 10)
AT = datetime(2026, 11, 18, 10, 20, tzinfo=UTC)
HIT = Lookup(
    "redis",
    Outcome.EXACT,
    lookup_ms=1.5,
    saved_tokens=1100,
    saved_gross_usd=Decimal("0.0035"),
    saved_net_usd=Decimal("-0.0001"),
)


@pytest.fixture(scope="module")
def server():
    with RedisServer.running() as started:
        yield started


@pytest.fixture
def client(server):
    with server.client as connected:
        connected.flushall()
        yield connected


def read(client, scope="a1"):
    fields = client.hgetall(hash_key("sc:stats", scope, TEN))
    return HourCounters(scope, TEN, {name.decode(): value.decode() for name, value in fields.items()})


def test_what_is_recorded_is_read_to_the_last_digit(client):
    record_lookup(client, "a1", HIT, AT)
    record_lookup(client, "a1", HIT, AT + timedelta(minutes=5))
    record_lookup(client, "a1", Lookup("redis", Outcome.MISS, count=3), AT)

    exact, miss = read(client).lookups

    assert exact == CountedLookups(
        scope_hash="a1",
        tier="redis",
        outcome="exact",
        interval_start_at=datetime(2026, 11, 18, 10, 20),
        interval_end_at=datetime(2026, 11, 18, 11),
        lookup_count=2,
        saved_tokens=2200,
        saved_gross_usd=Decimal("0.007"),
        saved_net_usd=Decimal("-0.0002"),
        unpriced_count=0,
        lookup_ms_sum=3.0,
    )
    assert (miss.outcome, miss.lookup_count, miss.saved_gross_usd, miss.lookup_ms_sum) == ("miss", 3, None, None)


def test_a_hit_of_unknown_saving_is_counted_as_such_and_a_miss_is_not(client):
    record_lookup(client, "a1", Lookup("redis", Outcome.SEMANTIC), AT)
    record_lookup(client, "a1", Lookup("redis", Outcome.MISS), AT)

    assert {each.outcome: each.unpriced_count for each in read(client).lookups} == {"semantic": 1, "miss": 0}


def test_asynchronous_code_writes_the_same(client, server):
    async def write():
        async with redis.asyncio.Redis(port=server.port) as connected:
            await record_lookup_async(connected, "a1", HIT, AT)

    asyncio.run(write())
    record_lookup(client, "b2", HIT, AT)

    assert dict(read(client).fields) == dict(read(client, "b2").fields)


def test_counters_go_by_themselves_after_eight_days_and_the_index_forgets_them(client):
    record_lookup(client, "a1", HIT, AT - timedelta(days=9))
    record_lookup(client, "a1", HIT, AT)

    assert client.ttl(hash_key("sc:stats", "a1", TEN)) == 8 * 86_400
    assert client.zrange("sc:stats:index", 0, -1) == [b"a1:2026111810"]


def test_a_time_zone_decides_nothing_but_the_utc_hour(client):
    record_lookup(client, "a1", HIT, AT.astimezone(ZoneInfo("Asia/Kolkata")))

    assert read(client).lookups[0].lookup_count == 1


@pytest.mark.parametrize(
    ("scope", "lookup", "at", "message"),
    [
        ("acme:secret", HIT, AT, "a scope is"),
        ("a1", Lookup("Redis!", Outcome.MISS), AT, "a tier is"),
        ("a1", Lookup("redis", "hit"), AT, "'hit' is not a valid Outcome"),
        ("a1", Lookup("redis", Outcome.MISS, count=-1), AT, "not negative"),
        ("a1", HIT, AT.replace(tzinfo=None), "no time zone"),
    ],
)
def test_what_cannot_be_read_back_is_refused_and_nothing_is_written(client, scope, lookup, at, message):
    with pytest.raises(ValueError, match=message):
        record_lookup(client, scope, lookup, at)

    assert client.dbsize() == 0


def test_a_hash_that_tells_no_start_began_with_its_hour():
    (counted,) = HourCounters("a1", TEN, {"redis:miss": "3"}).lookups

    assert counted.interval_start_at == TEN


@pytest.mark.parametrize("started", ["0", "99999999999999", "soon"])
def test_a_start_outside_of_the_hour_is_not_believed(started):
    (counted,) = HourCounters("a1", TEN, {"redis:miss": "3", "started_at_ms": started}).lookups

    assert counted.interval_start_at == TEN


def test_fields_that_are_no_counters_are_listed_and_keep_nothing_else_out():
    hour = HourCounters("a1", TEN, {"redis:exact": "2", "redis:hit": "5", "redis:miss": "many", "note": "1"})

    assert [each.outcome for each in hour.lookups] == ["exact"]
    assert hour.unread == ("note", "redis:hit", "redis:miss")


def test_a_counter_is_written_only_when_it_has_counted_on():
    three, five = (HourCounters("a1", TEN, {"redis:miss": str(count)}).lookups for count in (3, 5))
    key = three[0].key

    assert newer_counts(three, {}) == three
    assert newer_counts(three, {key: 3}) == ()
    assert newer_counts(three, {key: 5}) == ()
    assert newer_counts(five, {key: 3}) == five


def test_an_application_needs_redis_client_and_nothing_else_of_ours():
    program = (
        "import sys\nimport sophia_metrics.cache.lookups\n"
        "print([each for each in ('polars', 'duckdb', 'pydantic', 'prefect', 'numpy') if each in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
