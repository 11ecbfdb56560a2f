"""Cost reports of vendors, from their ledgers to lines of bills: they are never spend."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from tests.live_lab import LiveLab
from tests.vendors import openai
from tests.vendors.anthropic import HAIKU, KEY, SONNET, Anthropic, Line, Message
from tests.vendors.openai_costs import Cost, OpenAIBills
from tests.vendors.server import Fault, VendorServer

NOW = datetime(2026, 11, 20, 12, 30)
DAY = date(2026, 11, 18)
START = datetime(2026, 11, 18)
FAST = {"since": "2026-11-17", "requests_per_minute": 60000, "deadline_seconds": 0.5}
STANDING = "FROM core_invoice_lines WHERE removed_at IS NULL"


@pytest.fixture
def anthropic(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_ADMIN_KEY", KEY)
    vendor = Anthropic()
    vendor.now = NOW
    vendor.buckets_a_page = 2
    with VendorServer(vendor) as server:
        vendor.url = f"{server.url}/v1/organizations"
        yield vendor


@pytest.fixture
def lab(anthropic, tmp_path):
    return LiveLab(tmp_path, [{"name": "bill", "format": "anthropic_costs", "base_url": anthropic.url, **FAST}])


@pytest.fixture
def openai_bills(monkeypatch):
    monkeypatch.setenv("OPENAI_ADMIN_KEY", openai.KEY)
    vendor = OpenAIBills()
    vendor.now = NOW
    with VendorServer(vendor) as server:
        vendor.url = f"{server.url}/v1"
        yield vendor


@pytest.fixture
def openai_lab(openai_bills, tmp_path):
    return LiveLab(tmp_path, [{"name": "bill", "format": "openai_costs", "base_url": openai_bills.url, **FAST}])


def billed(lab, now=NOW):
    return lab.rows(f"SELECT sum(billed_cost_usd) AS usd {STANDING}", now)["usd"][0]


def test_cents_are_dollars_and_no_spend(anthropic, lab):
    anthropic.lines = [Line(DAY, "12345.00", {"description": "a"}), Line(DAY, "2500.00", {"description": "b"})]
    lab.collect(NOW)

    assert billed(lab) == Decimal("148.45")
    assert lab.rows("SELECT count(*) AS amount FROM core_usage_events", NOW)["amount"][0] == 0


def test_the_lines_add_up_to_the_vendors_own_without_priority(anthropic, lab):
    anthropic.use(START, hours=30, calls_an_hour=2)
    anthropic.calls.append(Message(START, SONNET, 1000, output=10, service_tier="priority"))
    lab.collect(NOW)

    assert billed(lab) == anthropic.billed_usd(START, NOW)
    assert billed(lab) == anthropic.usd(START, NOW) - anthropic.calls[-1].usd


def test_a_line_says_what_it_is_of(anthropic, lab):
    anthropic.calls = [Message(START, HAIKU, written_1h=1_000_000, workspace_id="wrkspc_search")]
    lab.collect(NOW)

    columns = "model, sku, cost_type, service_tier, billed_cost, currency, charge_start_at, charge_end_at"
    row = lab.rows(f"SELECT {columns}, dimensions {STANDING} AND billed_cost > 0", NOW).row(0, named=True)
    assert (row["model"], row["sku"]) == (HAIKU, "cache_creation.ephemeral_1h_input_tokens")
    assert (row["cost_type"], row["service_tier"]) == ("tokens", "standard")
    assert (row["billed_cost"], row["currency"]) == (Decimal(2), "USD")
    assert (row["charge_start_at"], row["charge_end_at"]) == (START, START + timedelta(days=1))
    assert '"workspace":"wrkspc_search"' in row["dimensions"]


def test_a_restated_amount_replaces_and_a_line_that_vanished_goes(anthropic, lab):
    anthropic.lines = [Line(DAY, "12345.00", {"description": "a"}), Line(DAY, "2500.00", {"description": "b"})]
    lab.collect(NOW)
    anthropic.lines = [Line(DAY, "12000.00", {"description": "a"})]
    lab.collect(NOW + timedelta(hours=1))

    assert billed(lab) == Decimal(120)
    anthropic.lines = []
    lab.collect(NOW + timedelta(hours=2))

    assert lab.rows(f"SELECT * {STANDING}", NOW).height == 0


def test_a_second_reading_of_the_same_changes_nothing(anthropic, lab):
    anthropic.lines = [Line(DAY, "12345.00", {"description": "a"})]
    lab.collect(NOW)
    lab.collect(NOW + timedelta(minutes=1))

    assert lab.last["bill"].file_count == 0
    assert billed(lab) == Decimal("123.45")


def test_the_day_that_runs_is_no_bill_yet(anthropic, lab):
    anthropic.lines = [Line(NOW.date(), "100.00", {"description": "a"})]
    lab.collect(NOW)

    assert lab.rows(f"SELECT * {STANDING}", NOW).height == 0


def test_openais_dollars_are_not_cents(openai_bills, openai_lab):
    openai_bills.costs = [
        Cost(DAY, 0.06, "gpt-4o-2024-08-06, input", "proj_a", "key_1", 24_000.0, "tokens"),
        Cost(DAY, 1.1, "gpt-4o-2024-08-06, cached input", "proj_a", "key_1"),
        Cost(DAY, 2.5, "web search tool calls", "proj_b"),
    ]
    openai_lab.collect(NOW)

    assert billed(openai_lab) == Decimal("3.66")
    columns = "model, sku, cost_type, quantity, unit"
    rows = openai_lab.rows(f"SELECT {columns} {STANDING} ORDER BY billed_cost", NOW).rows()
    assert rows == [
        ("gpt-4o-2024-08-06", "input", "tokens", Decimal(24_000), "tokens"),
        ("gpt-4o-2024-08-06", "cached input", "tokens", None, None),
        (None, "web search tool calls", "web_search", None, None),
    ]
    dimensions = openai_lab.rows(f"SELECT dimensions {STANDING}", NOW)["dimensions"].to_list()
    assert not any("key_1" in text for text in dimensions)


@pytest.mark.parametrize("fault", list(Fault))
def test_the_bill_is_right_after_the_next_pull(openai_bills, openai_lab, fault):
    openai_lab.sources[0]["since"] = "2026-11-10"
    openai_bills.costs = [Cost(date(2026, 11, day), day / 100, "gpt-4.1, input", "proj_a") for day in range(12, 20)]
    paged = fault in {Fault.REPEATED_PAGE, Fault.OUT_OF_ORDER, Fault.ENDLESS_CURSOR, Fault.ENDLESS_PAGES}
    (openai_bills.page_faults if paged else openai_bills.faults).append(fault)
    openai_lab.collect(NOW)
    openai_lab.collect(NOW + timedelta(minutes=5))

    assert openai_lab.last["bill"].finding is None
    assert billed(openai_lab) == openai_bills.billed_usd
