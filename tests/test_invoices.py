"""Lines of bills: what identifies them, what replaces them, and that they are never spend."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from threading import Thread

import polars as pl
import pytest

from sophia_metrics.alerts.observation import GapObservation
from sophia_metrics.alerts.published import read_observations
from sophia_metrics.alerts.reconciliation_rule import ReconciliationRule
from sophia_metrics.costs.reconciliation import load_double_ledgers, load_reconciliation
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.invoices.commit import commit_lines
from sophia_metrics.invoices.lines import LINE_SCHEMA, InvoiceSource, number_lines
from sophia_metrics.schema import core
from sophia_metrics.warehouse.protocol import Observations, Whole
from sophia_metrics.windows import Window
from tests.lab import NOW, Lab, event

DAY, NEXT = datetime(2026, 11, 18), datetime(2026, 11, 19)
WINDOW = Window(DAY, NEXT)
BILL = InvoiceSource("bill", 48 * 3600, {"EUR": Decimal("1.1")})
COSTS = "SELECT model, billed_cost_usd FROM core_invoice_lines WHERE removed_at IS NULL ORDER BY ALL"


def line(model="gpt-4o", cost: str | None = "1.5", **fields):
    """A line of a day of openai, in dollars."""
    return {
        "provider": "openai",
        "charge_start_at": DAY,
        "charge_end_at": NEXT,
        "model": model,
        "billed_cost": None if cost is None else Decimal(cost),
        "currency": "USD",
        **fields,
    }


def frame(*lines):
    kinds = {name: kind for name, kind in LINE_SCHEMA.items() if any(name in each for each in lines)}
    return pl.DataFrame([{name: each.get(name) for name in kinds} for each in lines], schema=kinds)


def ids(*lines, source=BILL):
    return number_lines(source, frame(*lines), NOW)["line_id"].to_list()


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path / "home")


# --- what a line is ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "other",
    [
        line(model="gpt-5"),
        line(account_id="org-1"),
        line(provider="azure"),
        line(charge_start_at=DAY + timedelta(hours=1)),
        line(sku="input"),
        line(description="input"),
        line(unit="tokens"),
        line(charge_category="Credit"),
        line(dimensions='{"project":"a"}'),
    ],
)
def test_whatever_tells_lines_apart_makes_another_id(other):
    assert set(ids(line())).isdisjoint(ids(other))


def test_another_source_makes_another_id():
    assert ids(line()) != ids(line(), source=InvoiceSource("other", 0))


def test_an_amount_and_a_quantity_make_no_other_id():
    assert ids(line(cost="1")) == ids(line(cost="2", quantity=Decimal(7)))


def test_equal_lines_are_numbered_in_whatever_order_they_come():
    there = [line(cost="1"), line(cost="2"), line(cost="2")]
    found = number_lines(BILL, frame(*there), NOW).select("line_id", "billed_cost")
    turned = number_lines(BILL, frame(*reversed(there)), NOW).select("line_id", "billed_cost")

    assert found["line_id"].n_unique() == 3
    assert set(found.rows()) == set(turned.rows())


def test_money_becomes_dollars_by_the_configured_rate_and_never_without_one():
    lines = frame(line("a", "1.5"), line("b", "2", currency="eur"), line("c", "3", currency="JPY"), line("d", None))
    found = dict(number_lines(BILL, lines, NOW).select("model", "billed_cost_usd").iter_rows())

    assert found == {"a": Decimal("1.5"), "b": Decimal("2.2"), "c": None, "d": None}


def test_a_line_settles_some_hours_after_the_end_of_its_last_day():
    ends = [NEXT, NEXT + timedelta(hours=1), DAY + timedelta(hours=1)]
    found = number_lines(BILL, frame(*(line(charge_end_at=end, sku=str(end)) for end in ends)), NOW)

    # The 18th ends at midnight of the 19th: 48 hours later it is the 21st; a line into the 19th settles a day later.
    assert sorted(found["settles_at"]) == [datetime(2026, 11, 21), datetime(2026, 11, 21), datetime(2026, 11, 22)]


@pytest.mark.parametrize(
    ("category", "is_usage"),
    [(None, True), ("Usage", True), ("Credit", True), ("Adjustment", True), ("Tax", False), ("Purchase", False)],
)
def test_what_is_usage_is_told_by_the_category(category, is_usage):
    assert number_lines(BILL, frame(line(charge_category=category)), NOW)["is_usage"].to_list() == [is_usage]


def test_a_column_that_no_line_has_is_refused():
    with pytest.raises(ValueError, match="has no mood"):
        number_lines(BILL, pl.DataFrame([{"mood": 1}]), NOW)


# --- what replaces what ------------------------------------------------------------------------------------


def test_a_window_that_is_read_again_replaces_its_lines(lab):
    commit_lines(lab.warehouse, BILL, WINDOW, frame(line("a"), line("b", "2"), line("c", "4")), NOW)
    changed = commit_lines(lab.warehouse, BILL, WINDOW, frame(line("a"), line("b", "3"), line("d", "5")), NOW)

    assert changed.event_count == 3  # b is another, c is gone, d is new
    assert lab.rows(COSTS) == [("a", Decimal("1.5")), ("b", Decimal(3)), ("d", Decimal(5))]
    assert lab.one("SELECT sum(billed_cost_usd) FROM core_invoice_lines") == Decimal("9.5")


def test_reading_a_window_again_changes_nothing_and_builds_nothing(lab):
    commit_lines(lab.warehouse, BILL, WINDOW, frame(line()), NOW)
    lab.warehouse.build()
    again = commit_lines(lab.warehouse, BILL, WINDOW, frame(line()), NOW + timedelta(hours=1))

    assert (again.event_count, lab.warehouse.build().day_count) == (0, 0)
    assert lab.one("SELECT read_at FROM core_invoice_lines") == NOW


def test_a_window_without_lines_removes_those_that_there_were_and_no_others(lab):
    later = line("later", charge_start_at=NEXT, charge_end_at=NEXT + timedelta(days=1))
    commit_lines(lab.warehouse, BILL, Window(DAY, NEXT + timedelta(days=1)), frame(line(), later), NOW)
    commit_lines(lab.warehouse, InvoiceSource("other", 0), WINDOW, frame(line("other")), NOW)
    commit_lines(lab.warehouse, BILL, WINDOW, frame(), NOW + timedelta(hours=1))

    assert [model for model, _ in lab.rows(COSTS)] == ["later", "other"]
    gone = "SELECT quantity, billed_cost, billed_cost_usd, removed_at FROM core_invoice_lines WHERE model = 'gpt-4o'"
    assert lab.rows(gone) == [(None, None, None, NOW + timedelta(hours=1))]


def test_a_line_that_comes_back_counts_again(lab):
    for lines in (frame(line()), frame(), frame(line())):
        commit_lines(lab.warehouse, BILL, WINDOW, lines, NOW)

    assert lab.rows(COSTS) == [("gpt-4o", Decimal("1.5"))]


def test_a_line_outside_of_the_window_is_refused(lab):
    with pytest.raises(ValueError, match="begins outside of"):
        commit_lines(lab.warehouse, BILL, Window(NEXT, NEXT + timedelta(days=1)), frame(line()), NOW)


def test_only_bills_are_told_as_a_whole(lab):
    whole = Whole(core.PROBE_RESULTS.name, WINDOW, {}, NOW)

    with pytest.raises(ValueError, match="core_probe_results"):
        lab.warehouse.commit(Observations({}, (whole,)))


def test_two_writers_lose_no_line(lab):
    sources = [InvoiceSource(f"bill-{number}", 0) for number in range(6)]
    lab.warehouse.build()  # the tables are there
    threads = [
        Thread(target=commit_lines, args=(lab.warehouse, source, WINDOW, frame(line()), NOW)) for source in sources
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert lab.one("SELECT count(DISTINCT source) FROM core_invoice_lines") == 6


def test_a_line_that_is_gone_stays_gone_when_the_state_is_lost(lab):
    commit_lines(lab.warehouse, BILL, WINDOW, frame(line("a"), line("b")), NOW)
    commit_lines(lab.warehouse, BILL, WINDOW, frame(line("a")), NOW + timedelta(hours=1))
    lab.publish()
    (lab.home / "warehouse.duckdb").write_bytes(b"damaged")

    assert lab.rows(COSTS) == [("a", Decimal("1.5"))]


# --- bills beside usage ------------------------------------------------------------------------------------


@pytest.fixture
def billed(lab):
    """A call of 0.0035 USD on the 18th, and the marts of cost before and after a bill of 5 USD."""
    lab.ingest(lab.write("a.jsonl", [event("one")]))
    lab.publish()
    before = spend_of(lab)
    commit_lines(lab.warehouse, BILL, WINDOW, frame(line(cost="5")), NOW)
    lab.publish()
    return lab, before


def spend_of(lab):
    marts = [name for (name,) in lab.serving.query("SELECT table_name FROM information_schema.tables").rows()]
    return {
        name: sorted(lab.serving.query(f"SELECT * FROM {name}").rows(), key=repr)
        for name in marts
        if name.startswith(("mart_cost", "mart_budget", "mart_source", "mart_kpi", "mart_model"))
    }


def test_a_bill_moves_no_figure_of_spend(billed):
    lab, before = billed

    assert before["mart_cost_daily"]
    assert spend_of(lab) == before


def test_a_bill_that_comes_later_is_held_against_the_day_that_was_built(billed):
    lab, _ = billed
    found = lab.serving.query("SELECT usage_on, model, computed_usd, invoiced_usd, gap_usd FROM mart_reconciliation")

    assert found.rows() == [
        (date(2026, 11, 18), "gpt-4o", Decimal("0.0035"), Decimal(5), Decimal("4.9965")),
    ]


def test_rules_of_alerts_see_a_gap_that_nothing_explains_once_it_is_settled(billed):
    lab, _ = billed

    assert read_observations(lab.serving).gaps == (
        GapObservation("openai", "(none)", "gpt-4o", DAY.date(), Decimal(5), Decimal("4.9965"), Decimal("0.0035")),
    )

    commit_lines(lab.warehouse, InvoiceSource("bill", 10**9, {}), WINDOW, frame(line(cost="5")), NOW)
    lab.publish()
    assert read_observations(lab.serving).gaps == ()


def test_what_another_seller_bills_alerts_nobody_and_a_gap_beyond_it_does(lab):
    # 4,000,000 tokens at 2.50 a million and 100 at 10.00: 10.001 USD, through each.
    calls = [event("own", input_tokens=4_000_000), event("sold", input_tokens=4_000_000, route="azure")]
    lab.ingest(lab.write("a.jsonl", calls))
    sold = {"provider": "azure"}
    commit_lines(lab.warehouse, BILL, WINDOW, frame(line(cost="10.001"), line(cost="10.001", **sold)), NOW)
    lab.publish()
    assert lab.serving.query("SELECT sum(computed_usd), sum(invoiced_usd), sum(gap_usd) FROM mart_reconciliation").row(
        0
    ) == (Decimal("20.002"), Decimal("20.002"), Decimal(0))
    assert alerts(lab) == []

    commit_lines(lab.warehouse, BILL, WINDOW, frame(line(cost="15.001"), line(cost="8.001", **sold)), NOW)
    lab.publish()
    assert alerts(lab) == ["azure/(none) 2026-11", "openai/(none) 2026-11"]


def alerts(lab):
    """Return what alerts of gaps are about, as the limits are that nobody set."""
    rule = ReconciliationRule(min_gap_usd=Decimal(1), min_gap_ratio=Decimal("0.02"))
    return [each.subject for each in rule.readings(read_observations(lab.serving))]


# --- the report --------------------------------------------------------------------------------------------


@pytest.fixture
def two_ledgers(lab):
    """Calls of one day: the gateway tells of two, the application of one of them and of another one."""
    gateway = [event("g1", request_id="r1"), event("g2", request_id="r2", input_tokens=3000)]
    lab.ingest(lab.write("gateway.jsonl", gateway), name="gateway")
    lab.ingest(lab.write("app.jsonl", [event("a1", request_id="r2"), event("a2", request_id="r3")]), name="app")
    commit_lines(lab.warehouse, BILL, WINDOW, frame(line(cost="0.0155")), NOW)
    lab.publish()
    return lab


def test_two_ledgers_over_the_same_account_are_a_finding(two_ledgers):
    (found,) = load_double_ledgers(two_ledgers.serving, NOW)

    assert (found.provider, found.account_id, found.sources, found.day_count) == ("openai", "(none)", "app, gateway", 1)
    assert 'role = "reconcile"' in found.message


def test_calls_are_matched_by_their_request_id(two_ledgers):
    report = load_reconciliation(two_ledgers.serving, date(2026, 11, 1), date(2026, 11, 30))
    (matched,) = report.matched

    # r2: 1,000 tokens by the application (0.0035), 3,000 by the gateway (0.0085).
    assert (matched.ledger_source, matched.other_source, matched.other_role) == ("app", "gateway", "ledger")
    assert (matched.call_count, matched.compared_count) == (1, 1)
    assert (matched.ledger_usd, matched.other_usd) == (Decimal("0.0035"), Decimal("0.0085"))
    assert matched.difference_usd == Decimal("0.005")


def test_the_report_sums_days(two_ledgers):
    (row,) = load_reconciliation(two_ledgers.serving, date(2026, 11, 1), date(2026, 11, 30)).rows

    # Three calls of 0.0035 and one of 0.0085, where the bill has 0.0155: less than a cent apart.
    assert (row.computed_usd, row.invoiced_usd, row.gap_usd) == (
        Decimal("0.019"),
        Decimal("0.0155"),
        Decimal("-0.0035"),
    )
    assert (row.day_count, row.billed_day_count) == (1, 1)


def test_days_that_are_none_are_refused(two_ledgers):
    with pytest.raises(ConfigurationError, match="name the earlier day first"):
        load_reconciliation(two_ledgers.serving, date(2026, 11, 2), date(2026, 11, 1))
