"""Portkey's analytics, from the gateway's ledger to ours: for comparing, and never spend."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from sophia_metrics.sources.live import portkey_analytics as adapter
from tests.live_faults import FINAL, OF_PAGES, PASSING
from tests.live_lab import LiveLab
from tests.vendors.portkey import KEY, Call, Portkey
from tests.vendors.server import VendorServer

NOW = datetime(2026, 11, 20, 12, 30)
START, TODAY = datetime(2026, 11, 18), datetime(2026, 11, 20)
MODELS = ("gpt-4o", "claude-sonnet-4-5", "us.anthropic.claude-haiku-4-5-20251001-v1:0", "llama-local")
REPORTED = "SELECT sum(cost_reported_usd) AS usd FROM core_usage_events"


@pytest.fixture
def portkey(monkeypatch):
    monkeypatch.setenv("PORTKEY_API_KEY", KEY)
    vendor = Portkey()
    vendor.now = NOW
    with VendorServer(vendor) as server:
        vendor.url = server.url
        yield vendor


@pytest.fixture
def source(portkey):
    place = {"name": "portkey", "format": "portkey_analytics", "base_url": f"{portkey.url}/v1", "since": "2026-11-18"}
    return place | {"requests_per_minute": 60000, "deadline_seconds": 0.5}


@pytest.fixture
def lab(source, tmp_path):
    return LiveLab(tmp_path, [source])


def usd(lab):
    return lab.rows(REPORTED, NOW)["usd"][0]


def test_days_by_model_have_the_cost_that_portkey_tells_and_are_only_compared(portkey, lab):
    portkey.use(START, hours=60, models=MODELS)
    portkey.calls.append(Call("midnight", datetime(2026, 11, 19), "gpt-4o", 1000, 100))
    lab.collect(NOW)

    assert lab.last["portkey"].finding is None
    assert usd(lab) == portkey.usd(START, TODAY)
    told = lab.rows(
        "SELECT DISTINCT source_role, record_kind, usage_quality, cost_basis, input_tokens, output_tokens, route "
        "FROM core_usage_events",
        NOW,
    )
    assert told.rows() == [("reconcile", "bucket", "missing", "estimated", None, None, None)]
    calls = lab.rows("SELECT sum(request_count) AS n FROM core_usage_events", NOW)["n"][0]
    assert calls == sum(call.at < TODAY for call in portkey.calls)


def test_the_maker_of_a_model_is_read_from_its_name(portkey, lab):
    names = (*MODELS, "mystery")
    portkey.calls = [Call(model, START, model, 1000, 100) for model in names]
    lab.collect(NOW)

    found = lab.rows("SELECT model, provider, cost_reported_usd FROM core_usage_events", NOW).rows()
    # A cost of 0 for calls of which no tokens are known is no cost that is known.
    assert set(found) == {
        ("gpt-4o", "openai", Decimal("0.0035")),
        ("claude-sonnet-4-5", "anthropic", Decimal("0.0045")),
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", "anthropic", Decimal("0.0015")),
        ("llama-local", "unknown", Decimal("0.00104")),
        ("mystery", "unknown", None),
    }


def test_groups_whose_names_differ_by_spaces_alone_both_count(portkey, lab):
    portkey.calls = [Call(name, START, name, 1000, 100) for name in ("mystery", "mystery ", "")]
    lab.collect(NOW)

    found = lab.rows("SELECT model, request_count FROM core_usage_events ORDER BY model", NOW).rows()
    assert found == [("mystery", 1), ("mystery", 1), ("unknown", 1)]


def test_a_restated_day_replaces_what_was_read_of_it(portkey, lab):
    portkey.use(START, hours=48, models=MODELS)
    lab.collect(NOW)
    portkey.calls = [call for call in portkey.calls if call.model != "gpt-4o"]
    portkey.calls[-1].output_tokens += 1000
    lab.collect(NOW + timedelta(hours=1))

    assert usd(lab) == portkey.usd(START, TODAY)


def test_an_answer_without_costs_tells_calls_and_no_cost(portkey, lab):
    portkey.is_as_described = True
    portkey.calls = [Call("c1", START, "gpt-4o", 1000, 100), Call("c2", START, "gpt-4o", 1000, 100)]
    lab.collect(NOW)

    found = lab.rows("SELECT request_count, cost_reported, cost_reported_usd FROM core_usage_events", NOW)
    assert found.rows() == [(2, None, None)]


def test_a_new_number_is_noted(portkey, lab):
    portkey.extra = {"req_units": 1000}
    portkey.calls = [Call("c1", START, "gpt-4o", 1000, 100)]
    lab.collect(NOW)

    assert "req_units" in set(lab.rows("SELECT field_name FROM core_schema_changes", NOW)["field_name"])


def test_the_workspace_of_an_organisations_key_is_asked_for(portkey, source, tmp_path):
    LiveLab(tmp_path, [source | {"workspace": "ws-search"}]).pull("portkey", NOW)

    assert {asked.one("workspace_slug") for asked in portkey.asked} == {"ws-search"}


def test_the_settings_may_say_that_it_is_the_ledger(portkey, source, tmp_path):
    portkey.calls = [Call("c1", START, "gpt-4o", 1000, 100)]
    lab = LiveLab(tmp_path, [source | {"role": "ledger"}])
    lab.collect(NOW)

    assert lab.rows("SELECT source_role FROM core_usage_events", NOW).rows() == [("ledger",)]


@pytest.mark.parametrize("fault", [None, *OF_PAGES])
def test_all_pages_are_read_and_each_model_counts_once(portkey, lab, monkeypatch, fault):
    monkeypatch.setattr(adapter, "PAGE_SIZE", 1)
    portkey.use(START, hours=48, models=MODELS)
    portkey.page_faults = [fault, fault]
    lab.collect(NOW)

    assert lab.last["portkey"].finding is None
    assert usd(lab) == portkey.usd(START, TODAY)


def test_pages_that_end_too_early_are_a_finding_and_nothing_of_the_day_is_taken(portkey, lab):
    portkey.use(START, hours=48, models=MODELS)
    portkey.missing = 1
    finding = lab.pull("portkey", NOW).finding
    portkey.missing = 0
    lab.collect(NOW + timedelta(minutes=1))

    assert "Portkey says that 2026-11-18 has 5 models, and tells 4" in finding
    assert usd(lab) == portkey.usd(START, TODAY)


def test_a_quota_that_is_used_up_is_a_finding_and_no_empty_day(portkey, lab):
    portkey.use(START, hours=48, models=MODELS)
    portkey.is_quota_exceeded = True
    finding = lab.pull("portkey", NOW).finding
    portkey.is_quota_exceeded = False
    lab.collect(NOW + timedelta(minutes=1))

    assert "quota of analytics is used up" in finding
    assert usd(lab) == portkey.usd(START, TODAY)


def test_faults_on_the_way_cost_nothing_but_time(portkey, lab):
    portkey.use(START, hours=48, models=MODELS)
    portkey.faults = [*PASSING]
    lab.collect(NOW)

    assert lab.last["portkey"].finding is None
    assert usd(lab) == portkey.usd(START, TODAY)


@pytest.mark.parametrize("fault", FINAL)
def test_what_asking_again_does_not_mend_is_a_finding_and_the_next_reading_is_whole(portkey, lab, fault):
    portkey.use(START, hours=48, models=MODELS)
    portkey.faults = [fault]
    finding = lab.pull("portkey", NOW).finding
    lab.collect(NOW + timedelta(minutes=1))

    assert finding is not None
    assert KEY not in finding
    assert usd(lab) == portkey.usd(START, TODAY)
