"""Langfuse's observations, from the vendor's ledger to ours."""

from datetime import datetime, timedelta

import polars as pl
import pytest

from tests.live_faults import FINAL, OF_PAGES, PASSING
from tests.live_lab import LiveLab
from tests.vendors.langfuse import PUBLIC, SECRET, Langfuse, Observed
from tests.vendors.server import Fault, VendorServer

NOW = datetime(2026, 11, 20, 12, 30)
START = datetime(2026, 11, 20)
ENDLESS = frozenset({Fault.ENDLESS_CURSOR, Fault.ENDLESS_PAGES})


@pytest.fixture
def langfuse(monkeypatch):
    monkeypatch.setenv("LANGFUSE_PUBLIC_KEY", PUBLIC)
    monkeypatch.setenv("LANGFUSE_SECRET_KEY", SECRET)
    vendor = Langfuse()
    vendor.now = NOW
    with VendorServer(vendor) as server:
        vendor.url = server.url
        yield vendor


@pytest.fixture
def lab(langfuse, tmp_path):
    source = {"name": "langfuse", "format": "langfuse_observations", "base_url": langfuse.url, "since": "2026-11-20"}
    return LiveLab(tmp_path, [source | {"requests_per_minute": 60000, "deadline_seconds": 0.5}])


def test_cost_and_tokens_of_generations_and_embeddings_are_langfuses(langfuse, lab):
    langfuse.use(START, hours=12)
    lab.collect(NOW)

    assert lab.last["langfuse"].finding is None
    assert lab.usd("langfuse", NOW) == langfuse.usd
    sums = lab.rows(
        "SELECT count(*) AS n, sum(input_tokens) AS i, sum(cache_read_tokens) AS c, sum(output_tokens) AS o, "
        "min(latency_ms) AS l, min(ttft_ms) AS t, min(cost_basis) AS b FROM core_usage_events",
        NOW,
    )
    used = [call.usage for call in langfuse.calls]
    assert sums.rows() == [
        (
            len(used),
            sum(each["input"] for each in used),
            sum(each.get("input_cached_tokens", 0) for each in used),
            sum(each.get("output", 0) for each in used),
            *(1500.0, 400.0, "estimated"),
        )
    ]


def test_a_call_that_was_updated_counts_once_in_its_newest_form(langfuse, lab):
    langfuse.use(START + timedelta(hours=9), hours=3)
    lab.collect(NOW)
    call = langfuse.calls[0]
    call.usage["input"] += 1000
    call.updated_at = NOW
    lab.collect(NOW + timedelta(minutes=5))

    assert lab.usd("langfuse", NOW) == langfuse.usd


def test_what_langfuse_deleted_stays(langfuse, lab):
    langfuse.use(START + timedelta(hours=9), hours=3)
    was = langfuse.usd
    lab.collect(NOW)
    langfuse.observations = langfuse.observations[10:]
    lab.collect(NOW + timedelta(minutes=5))

    assert lab.usd("langfuse", NOW) == was


def test_no_text_and_no_name_of_a_person_is_written(langfuse, lab, tmp_path):
    planted = "PLANTED KEY OF A PROMPT"
    parameters = {"service_tier": "flex", "system": "PLANTED SYSTEM PROMPT"}
    langfuse.observations = [Observed("a", START, {"input": 5, planted: 7}, parameters=parameters)]
    lab.collect(NOW)

    assert not [asked for asked in langfuse.asked if "io" in asked.one("fields") or "metadata" in asked.one("fields")]
    frames = [pl.read_parquet(path) for path in tmp_path.rglob("*.parquet")]
    written = str([frame.rows() for frame in frames]) + str([frame.columns for frame in frames])
    assert "PLANTED" not in written
    assert "ada" not in written
    assert lab.rows("SELECT service_tier, user_hash IS NOT NULL AS u FROM core_usage_events", NOW).rows() == [
        ("flex", True)
    ]
    # The count under that name is not lost.
    assert lab.rows("SELECT quantity FROM core_usage_units", NOW)["quantity"].to_list() == [7]


def test_faults_on_the_way_cost_nothing_but_time(langfuse, lab):
    langfuse.use(START, hours=12)
    langfuse.faults = [*PASSING]
    lab.collect(NOW)

    assert lab.last["langfuse"].finding is None
    assert lab.usd("langfuse", NOW) == langfuse.usd


@pytest.mark.parametrize("fault", FINAL)
def test_what_asking_again_does_not_mend_is_a_finding_and_the_next_reading_is_whole(langfuse, lab, fault):
    langfuse.use(START, hours=12)
    langfuse.faults = [fault]
    finding = lab.pull("langfuse", NOW).finding
    lab.collect(NOW + timedelta(minutes=1))

    assert finding is not None
    assert SECRET not in finding
    assert lab.usd("langfuse", NOW) == langfuse.usd


@pytest.mark.parametrize("fault", OF_PAGES)
def test_pages_that_come_twice_out_of_order_or_for_ever_end_in_the_right_total(langfuse, lab, fault):
    langfuse.use(START, hours=12)
    langfuse.page_faults = [fault]
    finding = lab.pull("langfuse", NOW).finding
    lab.collect(NOW + timedelta(minutes=1))

    assert (finding is not None) == (fault in ENDLESS)
    assert lab.usd("langfuse", NOW) == langfuse.usd
