"""A vendor that misbehaves: nothing is lost, nothing counts twice, and whoever reads the finding knows what to do."""

import logging
from datetime import datetime, timedelta

import pytest

from sophia_metrics.connect import connect_reach
from sophia_metrics.services import HealthStatus, run_sync
from tests.live_lab import LiveLab
from tests.vendors.openai import KEY, Completion, OpenAI
from tests.vendors.server import Fault, VendorServer

NOW = datetime(2026, 11, 20, 3, 30)
LATER = NOW + timedelta(minutes=15)
START = datetime(2026, 11, 20)
PASSING = [Fault.HANG, Fault.RESET, Fault.TOO_MANY, Fault.BROKEN, Fault.HALF, Fault.HALF_CHUNKED]
REFUSING = [Fault.CHANGED_SCHEMA, Fault.REFUSED, Fault.REDIRECTED]


@pytest.fixture
def openai(monkeypatch):
    monkeypatch.setenv("OPENAI_ADMIN_KEY", KEY)
    vendor = OpenAI()
    vendor.now = LATER
    vendor.buckets_a_page = 1
    vendor.use(START, hours=3)
    with VendorServer(vendor) as server:
        vendor.url = f"{server.url}/v1"
        yield vendor


@pytest.fixture
def lab(openai, tmp_path):
    source = {
        "name": "openai",
        "format": "openai_usage",
        "base_url": openai.url,
        "since": "2026-11-20",
        "kinds": ["completions"],
        "requests_per_minute": 60000,
        "deadline_seconds": 0.5,
    }
    return LiveLab(tmp_path, [source])


@pytest.mark.parametrize("fault", PASSING)
def test_a_request_that_fails_once_is_asked_again(openai, lab, fault):
    openai.faults = [fault]
    lab.collect(NOW)

    assert lab.last["openai"].finding is None
    assert lab.usd("openai", NOW) == openai.usd(START, NOW)


@pytest.mark.parametrize("fault", PASSING)
def test_a_vendor_that_stays_away_is_a_finding_and_the_next_run_has_everything(openai, lab, fault):
    openai.faults = [fault] * 5
    lab.collect(NOW)
    finding = lab.last["openai"].finding
    lab.collect(LATER)

    assert "source openai" in finding
    assert "next run" in finding
    assert lab.last["openai"].finding is None
    assert lab.usd("openai", LATER) == openai.usd(START, LATER)


@pytest.mark.parametrize("fault", REFUSING)
def test_what_asking_again_does_not_mend_is_asked_once(openai, lab, fault):
    openai.faults = [fault]
    lab.collect(NOW)

    assert lab.last["openai"].finding is not None
    assert len(openai.asked) == 1


@pytest.mark.parametrize("fault", REFUSING)
def test_after_what_asking_again_does_not_mend_nothing_is_missing(openai, lab, fault):
    openai.faults = [fault]
    lab.collect(NOW)
    lab.collect(LATER)

    assert lab.usd("openai", LATER) == openai.usd(START, LATER)


@pytest.mark.parametrize("fault", [Fault.REPEATED_PAGE, Fault.OUT_OF_ORDER])
def test_pages_that_repeat_or_come_in_another_order_count_once(openai, lab, fault):
    openai.page_faults = [fault]
    lab.collect(NOW)

    assert lab.last["openai"].finding is None
    assert lab.usd("openai", NOW) == openai.usd(START, NOW)


@pytest.mark.parametrize("fault", [Fault.ENDLESS_CURSOR, Fault.ENDLESS_PAGES])
def test_pages_without_an_end_are_refused_and_asked_for_again(openai, lab, fault):
    openai.page_faults = [fault]
    lab.collect(NOW)
    finding, asked = lab.last["openai"].finding, len(openai.asked)
    lab.collect(LATER)

    assert "never end" in finding
    assert asked < 20
    assert lab.usd("openai", LATER) == openai.usd(START, LATER)


def test_a_refused_key_is_named_by_its_variable_and_never_shown(openai, lab, caplog):
    openai.faults = [Fault.REFUSED]
    with caplog.at_level(logging.DEBUG):
        lab.collect(NOW)

    assert "OPENAI_ADMIN_KEY" in lab.last["openai"].finding
    assert KEY not in lab.last["openai"].finding + caplog.text


def test_a_key_that_is_not_set_is_a_finding(lab, monkeypatch):
    monkeypatch.delenv("OPENAI_ADMIN_KEY")
    lab.collect(NOW)

    assert "export OPENAI_ADMIN_KEY=" in lab.last["openai"].finding


def test_a_vendor_that_asks_for_seven_seconds_gets_them(openai, lab):
    openai.faults, openai.retry_after = [Fault.TOO_MANY], "7"
    lab.collect(NOW)

    assert 7 in lab.slept


def test_a_vendor_that_asks_for_an_hour_is_left_alone_until_the_next_run(openai, lab):
    openai.faults, openai.retry_after = [Fault.TOO_MANY], "3600"
    lab.collect(NOW)

    assert "asks to wait 3600 s" in lab.last["openai"].finding
    assert len(openai.asked) == 1


def test_no_more_requests_are_sent_than_the_limit_allows(openai, lab):
    lab.sources[0]["requests_per_minute"] = 6
    lab.collect(NOW)

    assert len(openai.asked) == 4
    assert 29 < sum(lab.slept) <= 30


def test_a_clock_that_is_far_from_the_vendors_is_worth_a_warning(openai, lab, caplog):
    openai.clock_ahead = NOW - LATER - timedelta(minutes=9)
    lab.collect(NOW)

    assert "our clock is 540 s ahead of the vendor's" in caplog.text


def test_a_restated_hour_replaces_what_was_told(openai, lab):
    lab.collect(NOW)
    for call in openai.calls:
        call.project_id = "proj_moved"
    openai.calls.pop()
    lab.collect(LATER)

    projects = lab.rows("SELECT DISTINCT project FROM core_usage_events", LATER)
    assert projects["project"].to_list() == ["proj_moved"]
    assert lab.usd("openai", LATER) == openai.usd(START, LATER)


def test_a_call_that_the_vendor_counts_late_is_found_in_the_days_that_are_read_again(openai, lab):
    lab.collect(NOW)
    openai.calls.append(Completion(START, "proj_late", "user-ada", "key_1", "gpt-4.1-2025-04-14", 1_000_000, 0, 0))
    openai.now = NOW + timedelta(hours=60)
    lab.collect(openai.now)

    late = lab.rows("SELECT cost_usd FROM core_usage_events WHERE project = 'proj_late'", openai.now)
    assert late["cost_usd"].to_list() == [2]


def test_a_number_that_nobody_reads_is_noted_as_a_change_of_the_schema(openai, lab):
    openai.extra_usage = {"input_holographic_tokens": 12}
    lab.collect(NOW)

    changes = lab.rows("SELECT field_name FROM core_schema_changes WHERE source = 'openai' AND NOT is_read", NOW)
    assert "input_holographic_tokens" in changes["field_name"].to_list()


def test_people_stand_in_no_file_by_their_name(openai, lab):
    lab.collect(NOW)

    files = [path.read_bytes() for path in lab.folder.rglob("*") if path.is_file()]
    assert files
    assert not any(b"user-ada" in content for content in files)


def test_a_source_that_answers_is_healthy_and_one_that_does_not_says_why(openai, lab):
    service = connect_reach(lab.settings, lab.source("openai"), NOW)
    openai.faults = [Fault.REFUSED]
    first, second = run_sync(_two_looks(service))

    assert (first.status, second.status) == (HealthStatus.DOWN, HealthStatus.HEALTHY)
    assert "the key is refused" in first.message


async def _two_looks(service):
    async with service:
        first, second = await service.health_check(), await service.health_check()
        assert await service.get_metrics() == {}
        return first, second
