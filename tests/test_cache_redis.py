"""A cache in Redis: what a real server says is read, and reading it changes nothing."""

import asyncio
import re
import socket
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sophia_metrics.cache.deltas import delta
from sophia_metrics.cache.key_patterns import compile_patterns
from sophia_metrics.cache.lookups import Lookup, Outcome, record_lookup
from sophia_metrics.cache.redis_cache import CacheTerms, RedisCache
from sophia_metrics.cache.redis_info import ServerInfo
from sophia_metrics.errors import ConfigurationError, ServiceUnavailableError
from sophia_metrics.services import HealthStatus
from sophia_metrics.windows import naive_utc
from tests.redis_server import RedisServer, free_port

PASSWORD = "correct-horse"  # noqa: S105 - of a server that lives for a test
RIGHTS = (
    "-@all", "+info", "+ping", "+dbsize", "+scan", "+memory|usage", "+auth", "+select",
)  # fmt: skip


def now() -> datetime:
    return naive_utc(datetime.now(UTC))


@pytest.fixture(scope="module")
def server():
    with RedisServer.running() as started:
        yield started


@pytest.fixture
def client(server):
    with server.client as connected:
        connected.flushall()
        connected.config_set("maxmemory", 0)
        yield connected


def look(url, **terms):
    """Look at a cache once."""

    async def read():
        async with RedisCache(CacheTerms("answers", url, **terms)) as cache:
            return await cache.read(now(), now() - timedelta(days=1))

    return asyncio.run(read())


def test_counts_between_two_looks_are_those_of_the_application_alone(server, client):
    client.set("cache:1", "x")
    record_lookup(client, "a1", Lookup("redis", Outcome.EXACT), datetime.now(UTC))
    before = look(server.url, key_patterns=("cache:*",), lookups_prefix="sc:stats")
    for key in ("cache:1", "cache:1", "cache:2"):
        client.get(key)
    after = look(server.url, key_patterns=("cache:*",), lookups_prefix="sc:stats")

    counts = delta(before.counters, after.counters)
    assert (counts.hit_count, counts.miss_count, counts.is_reset) == (2, 1, False)
    assert (after.counters.own_hit_count, after.counters.own_miss_count) == (3, 0)


def test_without_lookups_the_two_questions_about_them_are_taken_off_too(server, client):
    before = look(server.url, lookups_prefix="sc:stats")
    after = look(server.url, lookups_prefix="sc:stats")

    assert delta(before.counters, after.counters).miss_count == 0
    assert after.counters.own_miss_count == 2


def test_counting_entries_adds_no_hit_and_no_miss(server, client):
    for number in range(50):
        client.set(f"cache:{number}", "x" * 100)
    before = client.info("stats")
    reading = look(server.url, key_patterns=("cache:*",))
    after = client.info("stats")

    assert reading.entries.entry_count == 50
    assert [after[name] - before[name] for name in ("keyspace_hits", "keyspace_misses")] == [0, 0]


def test_a_reset_of_the_statistics_is_seen_although_run_and_uptime_stay(server, client):
    client.set("cache:1", "x")
    for _ in range(5):
        client.get("cache:1")
    before = look(server.url)
    client.config_resetstat()
    for _ in range(3):
        client.get("cache:1")
    after = look(server.url)

    counts = delta(before.counters, after.counters)
    assert before.counters.run_id == after.counters.run_id
    assert (counts.hit_count, counts.is_reset, counts.is_lower_bound) == (3, True, True)


def test_a_reset_is_seen_even_where_traffic_refilled_every_counter(server, client):
    client.set("cache:1", "x")
    client.get("cache:1")
    look(server.url)
    before = look(server.url)
    client.config_resetstat()
    for _ in range(before.counters.command_total + 100):
        client.get("cache:1")
        client.get("cache:2")
    after = look(server.url)

    assert after.counters.hit_total > before.counters.hit_total
    assert after.counters.command_total > before.counters.command_total
    counts = delta(before.counters, after.counters)
    assert (counts.hit_count, counts.is_lower_bound) == (after.counters.hit_total, True)


def test_a_restart_is_seen_and_counts_what_came_after_it():
    with RedisServer.running() as server:
        with server.client as client:
            client.set("cache:1", "x")
            client.get("cache:1")
        before = look(server.url)
        server.stop()
        server.start()
        with server.client as client:
            client.get("cache:1")
        after = look(server.url)

    counts = delta(before.counters, after.counters)
    assert (counts.hit_count, counts.miss_count, counts.is_reset, counts.is_lower_bound) == (0, 1, True, True)


def test_evictions_and_expiries_are_told_apart(server, client):
    before = look(server.url)
    client.set("short", "x", px=1)
    deadline = time.monotonic() + 10
    while client.exists("short") and time.monotonic() < deadline:
        continue
    client.config_set("maxmemory-policy", "allkeys-lru")
    client.config_set("maxmemory", client.info("memory")["used_memory"] + 300_000)
    for number in range(1000):
        client.set(f"cache:{number}", "x" * 1000)
    after = look(server.url)

    counts = delta(before.counters, after.counters)
    assert counts.expired_count == 1
    assert counts.evicted_count > 100
    assert after.max_bytes > 300_000


def test_without_patterns_the_whole_database_is_the_cache(server, client):
    client.mset({f"any:{number}": "x" for number in range(7)})
    reading = look(server.url)

    assert reading.entries.entry_count == 7
    assert reading.entries.used_bytes == reading.memory_bytes
    assert reading.max_bytes is None
    assert look(server.url.replace("/0", "/3")).entries.entry_count == 0


def test_entries_and_bytes_are_those_of_the_patterns_and_no_other_keys(server, client):
    client.set("cache:1", "x" * 1000)
    client.set("llm:exact:1", "x" * 1000)
    client.set("session:1", "x" * 1000)
    expected = client.memory_usage("cache:1") + client.memory_usage("llm:exact:1")

    entries = look(server.url, key_patterns=("cache:*", "llm:exact:*")).entries
    assert (entries.entry_count, entries.used_bytes, entries.is_sampled) == (2, expected, False)


def test_above_the_limit_entries_are_estimated_and_say_so(server, client):
    for first in range(0, 20_000, 1000):
        client.mset({f"{'cache' if number % 2 else 'other'}:{number}": "x" for number in range(first, first + 1000)})
    entries = look(server.url, key_patterns=("cache:*",), scan_limit=5000).entries

    assert entries.is_sampled
    assert entries.entry_count == pytest.approx(10_000, rel=0.1)
    assert entries.used_bytes == pytest.approx(entries.entry_count * client.memory_usage("cache:1"), rel=0.1)


def test_a_user_with_the_least_rights_reads_all_but_lookups(server, client):
    client.acl_setuser(
        "mon", enabled=True, reset=True, passwords=[f"+{PASSWORD}"], keys=["cache:*"],
        commands=list(RIGHTS),
    )  # fmt: skip
    client.set("cache:1", "x")
    client.acl_log_reset()
    url = f"redis://mon:{PASSWORD}@127.0.0.1:{server.port}/0"
    reading = look(url, key_patterns=("cache:*",), lookups_prefix="sc:stats")

    assert reading.counters.hit_total is not None
    assert (reading.entries.entry_count, reading.entries.used_bytes) == (1, client.memory_usage("cache:1"))
    assert [note.split(":")[0] for note in reading.notes] == ["lookups cannot be read under sc"]
    assert {each["object"] for each in client.acl_log()} == {"zrangebyscore"}


def test_the_rights_that_the_docs_name_are_enough_for_everything(server, client):
    page = (Path(__file__).parent.parent / "docs" / "caches.md").read_text(encoding="utf-8")
    command = re.search(r"^ACL SETUSER sophia .*$", page, re.MULTILINE)
    client.execute_command(*command[0].replace("PASSWORD", PASSWORD).split())
    client.set("cache:1", "x")
    record_lookup(client, "a1", Lookup("redis", Outcome.MISS), datetime.now(UTC))
    client.acl_log_reset()
    url = f"redis://sophia:{PASSWORD}@127.0.0.1:{server.port}/0"
    reading = look(url, key_patterns=("cache:*",), lookups_prefix="sc:stats")

    assert (reading.notes, client.acl_log()) == ((), [])
    assert (reading.entries.entry_count, len(reading.lookups)) == (1, 1)


def test_two_more_rights_are_enough_for_lookups(server, client):
    client.acl_setuser(
        "mon", enabled=True, reset=True, passwords=[f"+{PASSWORD}"], keys=["sc:*"],
        commands=[*RIGHTS, "+zrangebyscore", "+hgetall"],
    )  # fmt: skip
    record_lookup(client, "a1", Lookup("redis", Outcome.MISS, count=4), datetime.now(UTC))
    reading = look(f"redis://mon:{PASSWORD}@127.0.0.1:{server.port}/0", lookups_prefix="sc:stats")

    assert ([each.lookup_count for each in reading.lookups], reading.notes) == ([4], ())


def test_a_user_who_may_only_ask_for_info_gets_null_for_the_rest(server, client):
    client.acl_setuser("mon", enabled=True, reset=True, passwords=[f"+{PASSWORD}"], commands=["-@all", "+info"])
    client.set("cache:1", "x")
    reading = look(f"redis://mon:{PASSWORD}@127.0.0.1:{server.port}/0", key_patterns=("cache:*",))

    assert (reading.entries.entry_count, reading.entries.used_bytes) == (None, None)
    assert reading.notes == ("its keys cannot be counted: give the user +dbsize and +scan",)


def test_keys_whose_memory_may_not_be_asked_for_are_counted_all_the_same(server, client):
    client.acl_setuser(
        "mon", enabled=True, reset=True, passwords=[f"+{PASSWORD}"], keys=["other:*"], commands=list(RIGHTS)
    )
    client.set("cache:1", "x")
    reading = look(f"redis://mon:{PASSWORD}@127.0.0.1:{server.port}/0", key_patterns=("cache:*",))

    assert (reading.entries.entry_count, reading.entries.used_bytes) == (1, None)
    assert "+memory|usage" in reading.notes[0]


def test_a_wrong_password_is_a_matter_of_configuration_and_is_not_repeated(server, client):
    client.acl_setuser("mon", enabled=True, reset=True, passwords=[f"+{PASSWORD}"], commands=["+info"])
    with pytest.raises(ConfigurationError) as caught:
        look(f"redis://mon:wrong-{PASSWORD}@127.0.0.1:{server.port}/0")

    assert f"127.0.0.1:{server.port}/0 failed with AuthenticationError" in str(caught.value)
    assert PASSWORD not in f"{caught.value} {caught.value.__cause__} {caught.value.__context__}"


def test_a_user_without_the_right_to_info_is_a_matter_of_configuration(server, client):
    client.acl_setuser("mon", enabled=True, reset=True, passwords=[f"+{PASSWORD}"], commands=["-@all", "+ping"])
    with pytest.raises(ConfigurationError, match="NoPermissionError"):
        look(f"redis://mon:{PASSWORD}@127.0.0.1:{server.port}/0")


def test_a_server_that_is_not_there_is_unavailable():
    with pytest.raises(ServiceUnavailableError, match="ConnectionError: start the server"):
        look(f"redis://:{PASSWORD}@127.0.0.1:{free_port()}/0")


@contextmanager
def listening(answer: bytes = b"", endless: bytes = b""):
    """A TCP server that takes connections, answers each of them with some bytes, and says nothing more."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        is_over = threading.Event()
        open_connections = []

        def serve():
            while not is_over.is_set():
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                open_connections.append(connection)
                if answer:
                    connection.sendall(answer)
                if endless:
                    threading.Thread(target=drip, args=(connection,), daemon=True).start()

        def drip(connection):
            while not is_over.wait(0.05):
                try:
                    connection.sendall(endless)
                except OSError:
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        is_over.set()
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        for connection in open_connections:
            connection.close()


def test_a_server_that_hangs_is_given_up_at_its_timeout():
    with listening() as port:
        started = time.monotonic()
        with pytest.raises(ServiceUnavailableError, match="TimeoutError"):
            look(f"redis://127.0.0.1:{port}/0", timeout_seconds=0.3)

    assert time.monotonic() - started < 30


def test_a_server_that_drips_is_given_up_at_the_deadline_of_the_whole():
    with listening(answer=b"$1000000\r\n", endless=b"x") as port:
        started = time.monotonic()
        with pytest.raises(ServiceUnavailableError, match="TimeoutError"):
            look(f"redis://127.0.0.1:{port}/0", timeout_seconds=10, deadline_seconds=0.5)

    assert time.monotonic() - started < 30


def test_a_server_that_is_no_redis_is_a_matter_of_configuration():
    with listening(answer=b"HTTP/1.1 400 Bad Request\r\n\r\n") as port, pytest.raises(ConfigurationError):
        look(f"redis://127.0.0.1:{port}/0")


@pytest.mark.parametrize("url", [f"http://u:{PASSWORD}@h/", f"redis://u:{PASSWORD}@h:{PASSWORD}/0"])
def test_a_url_that_cannot_be_read_is_not_repeated(url):
    with pytest.raises(ConfigurationError, match="cache answers: its URL cannot be read") as caught:
        RedisCache(CacheTerms("answers", url))

    assert PASSWORD not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_dead_cache_is_an_answer_of_its_health_check_and_names_no_password():
    async def ask():
        url = f"redis://mon:{PASSWORD}@127.0.0.1:{free_port()}/0"
        async with RedisCache(CacheTerms("answers", url)) as cache:
            return await cache.health_check()

    health = asyncio.run(ask())
    assert (health.component, health.status) == ("answers", HealthStatus.DOWN)
    assert PASSWORD not in health.message


def test_snapshots_carry_the_servers_time_unless_it_is_wrong():
    noon = datetime(2026, 11, 18, 12)
    right = ServerInfo({"server_time_usec": 1_795_003_201_500_000})
    wrong = ServerInfo({"server_time_usec": 1_500_000})

    assert right.counters(noon, 0, 0).taken_at == datetime(2026, 11, 18, 12, 0, 1, 500_000)
    assert wrong.counters(noon, 0, 0).taken_at == noon


SIGNS = st.text(alphabet="ab[]^-*?\\c", min_size=1, max_size=8)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pattern=SIGNS, names=st.lists(SIGNS, min_size=1, max_size=10, unique=True))
def test_a_pattern_matches_what_redis_matches(client, pattern, names):
    client.flushall()
    client.mset(dict.fromkeys(names, "x"))
    ours = compile_patterns([pattern])

    assert {name for name in names if ours.fullmatch(name.encode())} == {name.decode() for name in client.keys(pattern)}
