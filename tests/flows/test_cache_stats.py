"""The collection of cache statistics as plain functions: one cache that fails keeps nothing else out."""

from datetime import UTC, datetime

import pytest

from flows.collect_cache_stats import collect_cache_stats
from flows.run_pipeline import run_pipeline
from sophia_metrics.cache.lookups import Lookup, Outcome, record_lookup
from sophia_metrics.cache.outcome import CachesCollected
from sophia_metrics.connect import connect_cache, connect_warehouse
from sophia_metrics.errors import ConfigurationError, ServiceUnavailableError
from sophia_metrics.settings import load_settings
from sophia_metrics.warehouse.protocol import Query
from tasks.clock import utc_now
from tests.redis_server import RedisServer, free_port

PASSWORD = "correct-horse"  # noqa: S105 - no server knows it
SNAPSHOTS = "SELECT cache, entry_count, hit_count FROM core_cache_snapshots ORDER BY taken_at"


@pytest.fixture(scope="module")
def server():
    with RedisServer.running() as started:
        yield started


@pytest.fixture
def client(server):
    with server.client as connected:
        connected.flushall()
        yield connected


def configure(place, *caches):
    with (place.folder / "sophia.toml").open("a", encoding="utf-8") as file:
        file.writelines(f"\n[[caches]]\n{each}\n" for each in caches)


def committed(place, sql=SNAPSHOTS):
    return connect_warehouse(load_settings(place.folder), utc_now()).read(Query(sql)).rows()


def test_a_run_takes_a_snapshot_and_reads_lookups(place, server, client):
    client.set("cache:1", "x")
    record_lookup(client, "a1", Lookup("redis", Outcome.EXACT, count=2), datetime.now(UTC))
    configure(place, f'name = "answers"\nurl = "{server.url}"\nkey_patterns = ["cache:*"]')

    (reading,) = collect_cache_stats.fn(config=place.config).readings

    assert (reading.cache, reading.entries.entry_count) == ("answers", 1)
    assert committed(place) == [("answers", 1, None)]
    assert committed(place, "SELECT cache, lookup_count FROM core_cache_lookups") == [("answers", 2)]
    assert place.runs() == [("collect-cache-stats", "completed", None, True)]


def test_a_dead_cache_is_named_and_the_others_are_committed(place, server, client, monkeypatch):
    dead = free_port()
    monkeypatch.setenv("DEAD_URL", f"redis://u:{PASSWORD}@127.0.0.1:{dead}/0")
    configure(place, 'name = "dead"\nurl_env = "DEAD_URL"', f'name = "answers"\nurl = "{server.url}"')

    with pytest.raises(ServiceUnavailableError) as caught:
        collect_cache_stats.fn(config=place.config)

    assert f"reading cache dead at 127.0.0.1:{dead}/0 failed" in str(caught.value)
    assert PASSWORD not in str(caught.value)
    assert [name for name, _, _ in committed(place)] == ["answers"]
    assert place.runs() == [("collect-cache-stats", "failed", None, True)]


def test_the_whole_pipeline_goes_on_where_a_cache_fails_and_says_which(place, server, client):
    configure(place, 'name = "nowhere"\nurl_env = "NOT_SET_URL"', f'name = "answers"\nurl = "{server.url}"')

    summary = run_pipeline.fn(config=place.config)

    assert summary.counts.accepted == 3
    assert [each.cache for each in summary.caches.readings] == ["answers"]
    assert summary.caches.problems == (
        "cache nowhere: the variable NOT_SET_URL is not set: export NOT_SET_URL=redis://user:password@host:6379/0",
    )
    assert place.serve("SELECT cache, hit_ratio FROM mart_cache_performance") == [("answers", None)]


def test_without_caches_there_is_nothing_to_do_and_nothing_is_recorded(place):
    assert collect_cache_stats.fn(config=place.config) == CachesCollected()
    assert not (place.folder / ".sophia").exists()


def test_a_variable_wins_over_the_url_of_the_file(place, server, monkeypatch):
    configure(place, 'name = "answers"\nurl = "redis://127.0.0.1:1/0"\nurl_env = "CACHE_URL"')
    (cache,) = load_settings(place.folder).caches

    assert connect_cache(cache).node == "127.0.0.1:1/0"
    monkeypatch.setenv("CACHE_URL", server.url)
    assert connect_cache(cache).node == f"127.0.0.1:{server.port}/0"


def test_a_variable_that_is_not_set_is_named(place):
    configure(place, 'name = "answers"\nurl_env = "NOT_SET_URL"')
    (cache,) = load_settings(place.folder).caches

    with pytest.raises(ConfigurationError, match="cache answers: the variable NOT_SET_URL is not set"):
        connect_cache(cache)
