"""Anthropic's usage of messages and of Claude Code, from the vendor's ledger to ours."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from tests.live_lab import LiveLab
from tests.vendors.anthropic import HAIKU, KEY, SONNET, Anthropic, Message, Work
from tests.vendors.server import Fault, VendorServer

NOW = datetime(2026, 11, 20, 12, 30)
START = datetime(2026, 11, 20)
FAST = {"requests_per_minute": 60000, "deadline_seconds": 0.5}
WHOLE_HOURS = datetime(2026, 11, 20, 12)


@pytest.fixture
def anthropic(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_ADMIN_KEY", KEY)
    vendor = Anthropic()
    vendor.now = NOW
    with VendorServer(vendor) as server:
        vendor.url = f"{server.url}/v1/organizations"
        yield vendor


@pytest.fixture
def lab(anthropic, tmp_path):
    terms = {"base_url": anthropic.url, "since": "2026-11-19", **FAST}
    return LiveLab(tmp_path, [{"name": "anthropic", "format": "anthropic_usage", **terms}])


def code_lab(anthropic, folder, **terms):
    shared = {"base_url": anthropic.url, "since": "2026-11-19", **FAST}
    return LiveLab(folder, [{"name": "code", "format": "anthropic_claude_code", **shared, **terms}])


def total(lab, expression, now=NOW, table="core_usage_events"):
    return lab.rows(f"SELECT sum({expression}) AS amount FROM {table}", now)["amount"][0]


def test_our_cost_is_the_vendors_to_the_cent(anthropic, lab):
    anthropic.use(START - timedelta(days=1), hours=40)
    lab.collect(NOW)

    assert lab.last["anthropic"].finding is None
    assert lab.usd("anthropic", NOW) == anthropic.usd(START - timedelta(days=1), WHOLE_HOURS)


def test_cache_writes_of_both_ages_are_counted_and_paid(anthropic, lab):
    anthropic.calls = [Message(START, SONNET, 1500, 200, 500, 1000, 500)]
    lab.collect(NOW)

    row = lab.rows("SELECT * FROM core_usage_events", NOW).row(0, named=True)
    tokens = ("input_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens", "output_tokens")
    assert [row[name] for name in tokens] == [1500, 200, 500, 1000, 500]
    assert row["cost_cache_write_usd"] == Decimal("0.007875")  # 500 * 3.75 + 1000 * 6 dollars a million
    assert row["cost_usd"] == Decimal("0.019935")  # and 1500 * 3, 200 * 0.3, 500 * 15
    assert (row["usage_quality"], row["request_count"]) == ("exact", 0)


def test_writes_that_the_vendor_stops_telling_are_missed_and_told(anthropic, lab):
    anthropic.calls = [Message(START, SONNET, 1500, 200, 500, 1000, 500)]
    anthropic.is_written_flat = True
    anthropic.extra_usage = {"cache_creation_input_tokens": 1500}
    lab.collect(NOW)

    assert lab.rows("SELECT usage_quality FROM core_usage_events", NOW)["usage_quality"].to_list() == ["partial"]
    changes = lab.rows("SELECT * FROM core_schema_changes", NOW)
    assert "cache_creation_input_tokens" in str(changes.rows())


def test_numbers_in_objects_that_nobody_reads_are_told(anthropic, lab):
    anthropic.calls = [Message(START, SONNET, 10, output=5)]
    anthropic.extra_usage = {"server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 4}}
    lab.collect(NOW)

    changes = lab.rows("SELECT * FROM core_schema_changes", NOW)
    assert "server_tool_use_web_fetch_requests" in str(changes.rows())


def test_large_calls_have_the_price_of_their_size(anthropic, lab):
    anthropic.calls = [
        Message(START, SONNET, 300_000, output=10, context_window="200k-1M"),
        Message(START, SONNET, 150_000, output=10),
        Message(START, SONNET, 150_000, output=10),
    ]
    lab.collect(NOW)

    assert lab.usd("anthropic", NOW) == Decimal("2.700525")  # 300,000 * 6 + 10 * 22.5, and 300,000 * 3 + 20 * 15
    windows = lab.rows("SELECT context_window FROM core_usage_events ORDER BY 1", NOW)["context_window"].to_list()
    assert windows == ["0-200k", "200k-1M"]


def test_searches_are_units_with_a_price(anthropic, lab):
    anthropic.calls = [Message(START, HAIKU, 100, output=10, searches=3)]
    lab.collect(NOW)

    units = lab.rows("SELECT unit, quantity, cost_usd FROM core_usage_units", NOW).rows()
    assert units == [("web_searches", Decimal(3), Decimal("0.03"))]


def test_tiers_have_our_names(anthropic, lab):
    ours = {
        "standard": "standard",
        "batch": "batch",
        "priority": "priority",
        "priority_on_demand": "priority",
        "flex": "flex",
        "flex_discount": "flex",
    }
    anthropic.calls = [
        Message(START, HAIKU, place, output=10, service_tier=told) for place, told in enumerate(ours, start=1)
    ]
    lab.collect(NOW)

    rows = lab.rows("SELECT service_tier FROM core_usage_events ORDER BY input_tokens", NOW)
    assert rows["service_tier"].to_list() == list(ours.values())


def test_who_called_is_hashed_and_no_workspace_is_the_default_one(anthropic, lab):
    anthropic.calls = [Message(START, HAIKU, 100, output=10, api_key_id="apikey_7", account_id="user_ada")]
    lab.collect(NOW)

    row = lab.rows("SELECT project, user_hash, api_key_id FROM core_usage_events", NOW).row(0, named=True)
    assert row["project"] == "default"
    assert row["user_hash"] not in (None, "user_ada")
    assert row["api_key_id"] not in (None, "apikey_7")


def test_a_restated_hour_replaces_what_it_said(anthropic, lab):
    anthropic.use(START, hours=6)
    lab.collect(NOW)
    anthropic.calls = anthropic.calls[4:]
    anthropic.calls[0].output += 1000
    lab.collect(NOW + timedelta(hours=1))

    assert lab.usd("anthropic", NOW) == anthropic.usd(START, WHOLE_HOURS)


def test_an_hour_that_begins_is_not_asked_for(anthropic, lab):
    lab.sources[0]["since"] = "2026-11-20"
    anthropic.calls = [Message(START, HAIKU, 100, output=10)]
    lab.collect(START + timedelta(minutes=30))

    assert lab.last["anthropic"].finding is None
    assert anthropic.asked == []


@pytest.mark.parametrize("fault", list(Fault))
def test_the_total_is_right_after_the_next_pull(anthropic, lab, fault):
    lab.sources[0]["since"] = "2026-11-20"
    anthropic.use(START, hours=12, calls_an_hour=1)
    paged = fault in {Fault.REPEATED_PAGE, Fault.OUT_OF_ORDER, Fault.ENDLESS_CURSOR, Fault.ENDLESS_PAGES}
    (anthropic.page_faults if paged else anthropic.faults).append(fault)
    lab.collect(NOW)
    lab.collect(NOW + timedelta(minutes=5))

    assert lab.last["anthropic"].finding is None
    assert lab.usd("anthropic", NOW) == anthropic.usd(START, WHOLE_HOURS)


def test_a_refused_key_is_named_by_its_variable_and_never_shown(anthropic, lab, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_ADMIN_KEY", "sk-ant-admin01-wrong")
    finding = lab.pull("anthropic", NOW).finding or ""

    assert "ANTHROPIC_ADMIN_KEY" in finding
    assert "wrong" not in finding


def test_claude_code_of_api_customers_is_spend_by_our_prices(anthropic, tmp_path):
    lab = code_lab(anthropic, tmp_path, kinds=["api"], billing="api")
    anthropic.work = [
        Work(date(2026, 11, 19), {SONNET: (45_230, 2_340, 8_790, 12_450, 186)}, email_address="ada@example.com"),
        Work(
            date(2026, 11, 19), {HAIKU: (10, 0, 0, 5, 1)}, email_address="bob@example.com", customer_type="subscription"
        ),
    ]
    lab.collect(NOW)

    row = lab.rows("SELECT * FROM core_usage_events", NOW).row(0, named=True)
    assert lab.rows("SELECT count(*) AS amount FROM core_usage_events", NOW)["amount"][0] == 1
    assert row["cost_reported_usd"] == Decimal("1.86")
    # 45,230 * 3 + 2,340 * 3.75 + 8,790 * 0.3 + 12,450 * 15 dollars a million
    assert row["cost_usd"] == Decimal("0.333852")
    assert row["usage_quality"] == "ttl_assumed"
    assert "ada" not in str(row)


def test_claude_code_of_subscriptions_stays_out_of_spend(anthropic, tmp_path):
    lab = code_lab(anthropic, tmp_path, kinds=["subscription"], billing="subscription")
    anthropic.work = [
        Work(date(2026, 11, 19), {HAIKU: (1_000_000, 0, 0, 0, 100)}, api_key_name="ci", customer_type="subscription"),
        Work(date(2026, 11, 19), {HAIKU: (7, 0, 0, 5, 1)}, email_address="ada@example.com"),
    ]
    lab.collect(NOW)

    row = lab.rows("SELECT * FROM core_usage_events", NOW).row(0, named=True)
    assert (row["cost_usd"], row["price_status"]) == (None, "subscription")
    assert row["list_cost_usd"] == Decimal(1)


def test_claude_code_is_read_page_by_page(anthropic, tmp_path):
    lab = code_lab(anthropic, tmp_path)
    anthropic.work = [
        Work(date(2026, 11, 19), {HAIKU: (each, 0, 0, 0, 1)}, email_address=f"{each}@example.com") for each in range(12)
    ]
    lab.collect(NOW)

    assert total(lab, "input_tokens") == sum(range(12))


@pytest.mark.parametrize("fault", [Fault.REPEATED_PAGE, Fault.CHANGED_SCHEMA, Fault.ENDLESS_CURSOR])
def test_the_days_of_claude_code_are_right_after_the_next_pull(anthropic, tmp_path, fault):
    lab = code_lab(anthropic, tmp_path)
    anthropic.work = [
        Work(date(2026, 11, 19), {HAIKU: (each, 0, 0, 0, 1)}, email_address=f"{each}@example.com") for each in range(12)
    ]
    (anthropic.faults if fault is Fault.CHANGED_SCHEMA else anthropic.page_faults).append(fault)
    lab.collect(NOW)
    lab.collect(NOW + timedelta(minutes=5))

    assert lab.last["code"].finding is None
    assert total(lab, "input_tokens") == sum(range(12))


def test_a_kind_of_customer_that_there_is_not_is_refused(anthropic, tmp_path):
    finding = code_lab(anthropic, tmp_path, kinds=["partner"]).pull("code", NOW).finding or ""

    assert "'partner'" in finding
    assert "api, subscription" in finding
