"""Portkey's log export, from the gateway's ledger to ours."""

from datetime import datetime, timedelta

import polars as pl
import pytest

from sophia_metrics.sources.live import portkey as adapter
from tests.live_faults import FINAL, PASSING
from tests.live_lab import LiveLab
from tests.vendors.portkey import KEY, Call, Portkey
from tests.vendors.server import VendorServer

NOW = datetime(2026, 11, 20, 12, 30)
HOUR = datetime(2026, 11, 20, 12)
START = datetime(2026, 11, 20)


@pytest.fixture
def portkey(monkeypatch):
    monkeypatch.setenv("PORTKEY_API_KEY", KEY)
    vendor = Portkey()
    vendor.now = NOW
    with VendorServer(vendor) as server:
        vendor.url = server.url
        yield vendor


@pytest.fixture
def lab(portkey, tmp_path):
    source = {"name": "portkey", "format": "portkey", "base_url": f"{portkey.url}/v1", "since": "2026-11-20"}
    return LiveLab(tmp_path, [source | {"requests_per_minute": 60000, "deadline_seconds": 0.5}])


def test_cents_become_dollars_and_every_call_of_the_hours_that_ended_is_there(portkey, lab):
    portkey.use(START, hours=13)
    lab.collect(NOW)

    assert lab.last["portkey"].finding is None
    assert lab.usd("portkey", NOW) == portkey.usd(START, HOUR)
    calls = [call for call in portkey.calls if call.at < HOUR]
    told = lab.rows(
        "SELECT count(*) AS n, sum(input_tokens) AS i, sum(output_tokens) AS o, min(cost_basis) AS b, "
        "min(usage_quality) AS q, min(team) AS t, min(latency_ms) AS l FROM core_usage_events",
        NOW,
    )
    assert told.rows() == [
        (
            len(calls),
            sum(call.input_tokens for call in calls),
            sum(call.output_tokens for call in calls),
            *("estimated", "partial", "search", 900.0),
        )
    ]


def test_an_export_that_is_full_has_another_one_after_it(portkey, lab, monkeypatch):
    monkeypatch.setattr(adapter, "PAGE_SIZE", 10)
    portkey.use(START, hours=12)
    lab.collect(NOW)

    assert len(portkey.exports) == len(portkey.calls) // 10 + 1
    assert lab.usd("portkey", NOW) == portkey.usd(START, HOUR)


def test_what_the_gateway_deleted_stays_and_nothing_counts_twice(portkey, lab):
    portkey.use(START, hours=12)
    lab.collect(NOW)
    was = portkey.usd(START, HOUR)
    portkey.calls = []
    lab.collect(NOW + timedelta(minutes=5))

    assert lab.usd("portkey", NOW) == was


def test_no_text_and_no_name_of_a_person_is_asked_for_or_written(portkey, lab, tmp_path):
    metadata = {"_user": "ada@example.com", "_environment": "production", "note": "PLANTED NOTE", "team": "P\nLANTED"}
    portkey.calls = [
        Call("log-1", START, "llama-local", 10, 5, metadata=metadata),
        Call("log-2", START, "llama-local", 0, 0, is_success=False),
        Call("log-3", START, "llama-local", 0, 0),
    ]
    lab.collect(NOW)

    frames = [pl.read_parquet(path) for path in tmp_path.rglob("*.parquet")]
    written = str([frame.rows() for frame in frames])
    assert "LANTED" not in written
    assert "ada@" not in written
    told = lab.rows(
        "SELECT request_id, status, error_class, usage_quality, environment, team, user_hash IS NOT NULL AS u "
        "FROM core_usage_events ORDER BY request_id",
        NOW,
    )
    assert told.rows() == [
        ("log-1", "ok", None, "partial", "production", None, True),
        ("log-2", "error", "503", "partial", None, "search", True),
        ("log-3", "ok", None, "missing", None, "search", True),
    ]


@pytest.mark.parametrize("ends", ["failed", "stopped", "in_progress"])
def test_an_export_that_is_never_done_is_a_finding_and_the_next_one_is_whole(portkey, lab, monkeypatch, ends):
    monkeypatch.setattr(adapter, "MOST_LOOKS", 3)
    portkey.use(START, hours=2)
    portkey.ends = ends
    finding = lab.pull("portkey", NOW).finding
    portkey.ends = "success"
    lab.collect(NOW + timedelta(minutes=5))

    assert "the next run makes another one" in finding
    assert lab.usd("portkey", NOW) == portkey.usd(START, HOUR)


def test_faults_on_the_way_cost_nothing_but_time(portkey, lab):
    portkey.use(START, hours=12)
    portkey.faults = [*PASSING, None, *PASSING]
    lab.collect(NOW)

    assert lab.last["portkey"].finding is None
    assert lab.usd("portkey", NOW) == portkey.usd(START, HOUR)


@pytest.mark.parametrize("before", [0, 4 + 1])
@pytest.mark.parametrize("fault", FINAL)
def test_what_asking_again_does_not_mend_is_a_finding_that_tells_no_secret(portkey, lab, fault, before):
    portkey.use(START, hours=2)
    portkey.faults = [*[None] * before, fault]
    finding = lab.pull("portkey", NOW).finding
    lab.collect(NOW + timedelta(minutes=1))

    assert finding is not None
    assert KEY not in finding
    assert "Signature" not in finding
    assert lab.usd("portkey", NOW) == portkey.usd(START, HOUR)
