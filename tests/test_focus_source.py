"""FOCUS files: what is read of them, what is refused, and that a file that changed replaces its lines."""

import gzip
import os
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from sophia_metrics.connect import connect_bills
from sophia_metrics.errors import ProcessingError
from sophia_metrics.invoices.collect import BillCollector
from sophia_metrics.invoices.focus import read_focus
from sophia_metrics.services import HealthStatus, run_sync
from sophia_metrics.settings import SourceSettings
from tests.command_line import CommandLine, litellm_call
from tests.lab import NOW, Lab

SAMPLE = Path(__file__).parents[1].resolve() / ".." / "shared" / "data" / "focus_saas_a1.csv"
NEEDED = {
    "ProviderName": "OpenAI",
    "ChargePeriodStart": "2026-11-18T00:00:00Z",
    "ChargePeriodEnd": "2026-11-19T00:00:00Z",
    "BilledCost": "1.25",
    "BillingCurrency": "USD",
    "ChargeCategory": "Usage",
}
COSTS = "SELECT sku, billed_cost_usd FROM core_invoice_lines WHERE removed_at IS NULL ORDER BY ALL"


def write(path, *rows):
    """Write rows as a FOCUS file; what a row does not say is as in NEEDED."""
    full = [{**NEEDED, **row} for row in rows]
    names = list(dict.fromkeys(name for row in full for name in row))
    table = pl.DataFrame(
        [{name: row.get(name) for name in names} for row in full], schema=dict.fromkeys(names, pl.String)
    )
    if path.suffix == ".parquet":
        table.write_parquet(path)
    else:
        table.write_csv(path)
    return path


def read_one(tmp_path, **row):
    (found,) = read_focus(write(tmp_path / "bill.csv", row)).to_dicts()
    return found


# --- what a row says ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "model"),
    [
        ({"x_Model": "GPT-9", "SkuMeter": "gpt-4o input"}, "gpt-9"),
        ({"Tags": '{"Model": "gpt-9"}', "SkuMeter": "gpt-4o input"}, "gpt-9"),
        ({"SkuPriceDetails": '{"ModelName": "gpt-9"}'}, "gpt-9"),
        ({"SkuMeter": "gpt-4o-mini-2024-07-18, input"}, "gpt-4o-mini-2024-07-18"),
        ({"SkuId": "o3-mini batch"}, "o3-mini"),
        ({"ResourceId": "arn:aws:bedrock::foundation-model/anthropic.claude-3-5-sonnet-v2:0"}, "claude-3-5-sonnet-v2"),
        ({"ChargeDescription": "Tokens of text-embedding-3-small"}, "text-embedding-3-small"),
        ({"ChargeDescription": "Vector storage", "Tags": "no json"}, None),
    ],
)
def test_the_model_is_what_the_row_tells(tmp_path, row, model):
    assert read_one(tmp_path, **row)["model"] == model


@pytest.mark.parametrize(
    ("row", "is_usage"),
    [
        ({"ChargeCategory": "Usage"}, True),
        ({"ChargeCategory": "Credit", "BilledCost": "-1"}, True),
        ({"ChargeCategory": "Adjustment"}, True),
        ({"ChargeCategory": "Tax"}, False),
        ({"ChargeCategory": "Purchase"}, False),
        ({"ServiceCategory": "AI and Machine Learning"}, True),
        ({"ServiceCategory": "Compute"}, False),
        ({"ServiceCategory": "Compute", "SkuMeter": "gpt-4o input"}, True),
        ({"ServiceCategory": "Compute", "ConsumedUnit": "1000000 Tokens"}, True),
    ],
)
def test_taxes_purchases_and_other_services_are_no_usage_of_models(tmp_path, row, is_usage):
    assert read_one(tmp_path, **row)["is_usage"] is is_usage


@pytest.mark.parametrize(
    ("text", "cost"),
    [("1e-3", "0.001"), ("$10,000.00 ", "10000"), ("-2.5", "-2.5"), ("(2.5)", "-2.5"), ("0.000000000001", "1e-12")],
)
def test_amounts_are_exact_however_they_are_written(tmp_path, text, cost):
    assert read_one(tmp_path, BilledCost=text)["billed_cost"] == Decimal(cost)


@pytest.mark.parametrize(
    ("text", "start_at"),
    [
        ("2026-11-18T02:00:00+02:00", datetime(2026, 11, 18)),
        ("2026-11-18 06:00:00", datetime(2026, 11, 18, 6)),
        ("2026-11-18", datetime(2026, 11, 18)),
        ("11/18/26", datetime(2026, 11, 18)),
    ],
)
def test_instants_are_utc(tmp_path, text, start_at):
    assert read_one(tmp_path, ChargePeriodStart=text)["charge_start_at"] == start_at


def test_what_is_told_of_tools_tiers_and_accounts_is_kept(tmp_path):
    found = read_one(
        tmp_path,
        SkuMeter="gpt-4o batch web search",
        SubAccountId="project-1",
        BillingAccountId="org-1",
        BillingPeriodStart="2026-11-01T00:00:00Z",
        ConsumedQuantity="12.5",
        ConsumedUnit="Searches",
        Tags='{"owner": "ada@example.com"}',
    )

    assert (found["cost_type"], found["service_tier"], found["account_id"]) == ("web_search", "batch", "project-1")
    assert (found["billing_period_start"], found["quantity"]) == (date(2026, 11, 1), Decimal("12.5"))
    assert "ada" not in found["dimensions"]


@pytest.mark.parametrize("name", ["bill.csv", "bill.csv.gz", "bill.parquet"])
def test_a_bill_is_read_from_csv_and_parquet(tmp_path, name):
    plain = write(tmp_path / name.removesuffix(".gz"), {"SkuMeter": "gpt-4o input"}, {"SkuMeter": "gpt-4o output"})
    path = tmp_path / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(plain.read_bytes()))

    assert read_focus(path)["sku"].to_list() == ["gpt-4o input", "gpt-4o output"]


@pytest.mark.skipif(not SAMPLE.exists(), reason="the examples of the FOCUS specification are not on this machine")
def test_an_example_of_the_specification_is_read():
    (found,) = read_focus(SAMPLE).to_dicts()

    assert (found["charge_category"], found["is_usage"], found["billed_cost"]) == ("Purchase", False, Decimal(10000))
    assert (found["charge_start_at"], found["charge_end_at"]) == (datetime(2025, 4, 1), datetime(2026, 4, 1))


@pytest.mark.parametrize(
    ("row", "finding"),
    [
        ({"BilledCost": "much"}, "row 2: BilledCost is no amount"),
        ({"BilledCost": ""}, "BilledCost is no amount"),
        ({"ChargePeriodStart": "soon"}, "ChargePeriodStart is no date"),
        ({"ChargePeriodEnd": "2026-11-18T00:00:00Z"}, "ChargePeriodEnd is no date after"),
        ({"BillingCurrency": " "}, "BillingCurrency is empty"),
        ({"ProviderName": ""}, "ProviderName is empty"),
        ({"ChargeCategory": "Gift"}, "ChargeCategory is none of"),
        ({"ConsumedQuantity": "some"}, "is no number"),
    ],
)
def test_a_bill_with_a_bad_row_is_refused_as_a_whole(tmp_path, row, finding):
    path = write(tmp_path / "bill.csv", {}, row)

    with pytest.raises(ProcessingError, match=finding):
        read_focus(path)


def test_a_file_without_the_columns_of_focus_is_refused(tmp_path):
    path = tmp_path / "bill.csv"
    path.write_text("ProviderName,cost\nOpenAI,1\n")

    with pytest.raises(ProcessingError, match=r"is no FOCUS file: it has no column ChargePeriodStart, .*BilledCost"):
        read_focus(path)


# --- files that change -------------------------------------------------------------------------------------


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path / "home")


def collect(lab, *paths):
    source = SourceSettings(name="bills", format="focus", paths=tuple(map(str, paths)))
    return BillCollector(lab.warehouse, {}).collect(connect_bills(source), lab.now)


def test_a_file_that_changed_replaces_its_lines_and_no_others(lab, tmp_path):
    one = write(tmp_path / "one.csv", {"SkuMeter": "a"}, {"SkuMeter": "b", "ChargePeriodStart": "2026-11-17T00:00:00Z"})
    two = write(tmp_path / "two.csv", {"SkuMeter": "c"})
    collect(lab, one, two)
    write(one, {"SkuMeter": "a", "BilledCost": "2"})
    again = collect(lab, one, two)

    assert [receipt.files[0].accepted_count for receipt in again.receipts] == [1]
    assert lab.rows(COSTS) == [("a", Decimal(2)), ("c", Decimal("1.25"))]


def test_a_file_that_is_as_it_was_is_not_read_again(lab, tmp_path):
    path = write(tmp_path / "one.csv", {"SkuMeter": "a"})
    first = collect(lab, path)
    os.utime(path, (1, 1))

    assert (len(first.receipts), collect(lab, path).receipts, collect(lab, path).receipts) == (1, (), ())
    assert lab.one("SELECT count(*) FROM core_ingest_ledger") == 1


def test_the_same_line_in_a_newer_file_counts_once_with_its_newer_amount(lab, tmp_path):
    old = write(tmp_path / "z.csv", {"SkuMeter": "a"})
    new = write(tmp_path / "a.csv", {"SkuMeter": "a", "BilledCost": "3"})
    os.utime(old, (1, 1))
    collect(lab, old, new)

    assert lab.rows(COSTS) == [("a", Decimal(3))]


def test_a_file_that_is_refused_keeps_no_other_out_and_leaves_what_it_had(lab, tmp_path):
    good, bad = write(tmp_path / "good.csv", {"SkuMeter": "a"}), write(tmp_path / "bad.csv", {"SkuMeter": "b"})
    collect(lab, good, bad)
    write(good, {"SkuMeter": "a", "BilledCost": "2"})
    write(bad, {"SkuMeter": "b", "BilledCost": "?"})
    found = collect(lab, good, bad)

    assert [Path(each.path).name for each in found.refused] == ["bad.csv"]
    assert lab.rows(COSTS) == [("a", Decimal(2)), ("b", Decimal("1.25"))]


def test_a_file_without_rows_takes_its_lines_away(lab, tmp_path):
    path = write(tmp_path / "one.csv", {"SkuMeter": "a"})
    collect(lab, path)
    path.write_text(",".join(NEEDED) + "\n")
    collect(lab, path)

    assert lab.rows(COSTS) == []


def test_a_source_of_bills_is_fresh_and_never_a_ledger(lab, tmp_path):
    collect(lab, write(tmp_path / "one.csv", {}))

    assert lab.rows("SELECT source, source_role, collected_at FROM core_watermarks") == [("bills", "reconcile", NOW)]


def test_the_health_of_a_source_of_bills_is_whether_there_are_files(tmp_path):
    missing = connect_bills(SourceSettings(name="bills", format="focus", paths=(str(tmp_path / "no.csv"),)))
    there = connect_bills(SourceSettings(name="bills", format="focus", paths=(str(write(tmp_path / "one.csv", {})),)))

    assert run_sync(missing.health_check()).status is HealthStatus.DOWN
    assert run_sync(there.health_check()).status is HealthStatus.HEALTHY


# --- as a person uses it -----------------------------------------------------------------------------------


def test_a_run_takes_usage_and_bills_and_reconcile_shows_both(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOPHIA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SOPHIA_QUALITY__CHECKPOINT", "false")
    sophia = CommandLine(tmp_path)
    sophia.write("calls.jsonl", [litellm_call("one")])
    write(tmp_path / "bill.csv", {"SkuMeter": "gpt-4o input"}, {"ChargeCategory": "Tax", "BilledCost": "0.25"})
    (tmp_path / "sophia.toml").write_text(
        '[[sources]]\nname = "gateway"\nformat = "litellm"\npaths = ["calls.jsonl"]\n'
        '[[sources]]\nname = "bills"\nformat = "focus"\npaths = ["bill.csv"]\n'
    )
    run = sophia("run", "--plain")
    facts = sophia.facts("reconcile", "--from", "2026-11-01", "--to", "2026-11-30")["reconciliation"]

    assert run.exit_code == 0, run.stderr
    assert [(row["model"], row["computed_usd"], row["invoiced_usd"]) for row in facts["rows"]] == [
        ("gpt-4o", "0.0035", "1.25")
    ]
    assert [(each["charge_category"], each["billed_cost_usd"]) for each in facts["apart"]] == [("Tax", "0.25")]
    assert sophia.rows("SELECT sum(cost_usd) AS usd FROM mart_cost_daily") == [{"usd": "0.0035"}]
    assert "1.25" in sophia("reconcile", "--from", "2026-11-01", "--to", "2026-11-30").stdout


def test_a_bill_is_new_once(lab, tmp_path):
    path = write(tmp_path / "one.csv", {})

    assert [collect(lab, path).new_count for _ in range(2)] == [1, 0]
