"""The contract of a warehouse: what every engine does with the same changes of core. DuckDB beside Snowflake."""

import re
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from sophia_metrics.invoices.commit import commit_lines
from sophia_metrics.pricing.book import PriceBook
from sophia_metrics.pricing.override import Override
from sophia_metrics.quality.judging import judge_marts
from sophia_metrics.quality.publishing import publish_judged
from sophia_metrics.schema import core, state
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.usage.price_drift import note_price_drift
from sophia_metrics.warehouse.protocol import Observations, Query, Record, RepriceOrder, Retention
from sophia_metrics.windows import Window
from tests.forgotten import ADA, calls, files_with, forgetter, stored
from tests.lab import NOW, Lab, event
from tests.pulled import Bucket, PulledLab
from tests.snowflake_warehouse import SnowflakeWarehouseLab
from tests.test_invoices import BILL, WINDOW, frame, line
from tests.test_price_drift import DEARER

pytest_plugins = ("tests.snowflake_fixtures",)

LATER = NOW + timedelta(hours=1)
SPEND = "SELECT usage_on, cost_usd, request_count FROM mart_cost_daily ORDER BY usage_on"


@pytest.fixture(params=["duckdb", "snowflake"])
def lab(request, tmp_path):
    """An empty state folder; on Snowflake an empty schema too."""
    home = tmp_path / "here" / "state"
    home.parent.mkdir()
    if request.param == "duckdb":
        return Lab(home)
    return SnowflakeWarehouseLab(home, snowflake=request.getfixturevalue("snowflake"))


def commit(lab, name, *calls):
    """Land and commit some calls as one file; return the counts of its receipts."""
    receipts = lab.ingest(lab.write(name, calls))
    return [
        (count.accepted_count, count.duplicate_count, count.quarantined_count)
        for each in receipts
        for count in each.files
    ]


def test_a_slice_is_committed_once_with_its_money(lab):
    assert commit(lab, "a.jsonl", event("a"), event("b", output_tokens=0)) == [(2, 0, 0)]
    assert commit(lab, "copy.jsonl", event("a"), event("b", output_tokens=0)) == [(0, 2, 0)]
    assert lab.rows("SELECT sum(cost_usd), count(*) FROM core_usage_events") == [(Decimal("0.006000000000"), 2)]


def test_a_newer_version_replaces_and_an_older_one_is_a_duplicate(lab):
    commit(lab, "a.jsonl", event("a", output_tokens=10, source_updated_at="2026-11-18T10:00:00Z"))

    assert commit(lab, "b.jsonl", event("a", output_tokens=30, source_updated_at="2026-11-18T12:00:00Z")) == [(1, 0, 0)]
    assert commit(lab, "c.jsonl", event("a", output_tokens=20, source_updated_at="2026-11-18T11:00:00Z")) == [(0, 1, 0)]
    assert lab.rows("SELECT output_tokens FROM core_usage_events") == [(30,)]


def test_an_event_that_moves_to_the_day_before_stands_there_alone(lab):
    commit(lab, "a.jsonl", event("a", "2026-11-19T00:10:00Z"), event("b", "2026-11-19T09:00:00Z"))
    commit(lab, "b.jsonl", event("a", "2026-11-18T23:50:00Z"))

    rows = lab.rows("SELECT usage_on, count(*) FROM core_usage_events GROUP BY usage_on ORDER BY usage_on")
    assert rows == [(date(2026, 11, 18), 1), (date(2026, 11, 19), 1)]
    assert (
        lab.rows(
            "SELECT day_on, sum(row_count) FROM manifest WHERE table_name = 'core_usage_events' GROUP BY day_on ORDER BY 1"
        )
        == rows
    )


def test_an_event_that_moves_by_days_is_made_one_by_the_audit(lab):
    commit(lab, "a.jsonl", event("a", "2026-11-19T10:00:00Z", output_tokens=10))
    commit(lab, "b.jsonl", event("a", "2026-11-15T10:00:00Z", output_tokens=20))
    lab.collector.audit(lab.now)

    assert lab.rows("SELECT usage_on, output_tokens FROM core_usage_events") == [(date(2026, 11, 15), 20)]
    assert lab.collector.audit(lab.now) == 0


def test_a_bad_row_is_quarantined_once(lab):
    bad = event("bad", input_tokens=-1)

    assert commit(lab, "a.jsonl", bad, event("good")) == [(1, 0, 1)]
    commit(lab, "a.jsonl", bad, event("good"), event("more"))
    assert lab.one("SELECT count(*) FROM core_quarantine") == 1


def test_a_landing_that_is_committed_twice_counts_once(lab):
    source = lab.source(lab.write("a.jsonl", [event("a")]))
    (batch,) = lab.collector.find(source, lab.now).batches
    (landing,) = lab.collector.land(source, batch, lab.now).landings
    first = lab.collector.commit(source, landing, lab.now)
    second = lab.collector.commit(source, landing, lab.now)

    assert [count.accepted_count for each in (first, second) for count in each.files] == [1, 1]
    assert lab.one("SELECT count(*) FROM core_usage_events") == 1
    assert lab.one("SELECT sum(accepted_count) FROM core_ingest_ledger") == 1


def test_days_that_are_made_anew_from_landing_are_the_same(lab):
    commit(lab, "a.jsonl", event("a"), event("b", "2026-11-19T08:00:00Z"), event("bad", input_tokens=-1))
    before = lab.core()
    source = lab.source(lab.home.parent / "a.jsonl")
    changed = lab.collector.rebuild([source], Window(datetime(2026, 11, 18), datetime(2026, 11, 20)), lab.now)

    assert changed.event_count == 2
    assert lab.core() == before


def test_a_published_version_has_the_marts_of_what_is_committed(lab):
    commit(lab, "a.jsonl", event("a"), event("b", "2026-11-19T08:00:00Z", output_tokens=300))
    publication = publish_judged(lab.warehouse, lab.now)

    assert (publication.version, publication.is_new, publication.held_because) == (1, True, None)
    expected = [(date(2026, 11, 18), Decimal("0.003500000000"), 1), (date(2026, 11, 19), Decimal("0.005500000000"), 1)]
    assert lab.rows(SPEND) == expected
    assert lab.serving.query(SPEND).rows() == expected


def test_what_is_not_built_holds_a_publish_back_and_what_did_not_change_publishes_nothing(lab):
    commit(lab, "a.jsonl", event("a"))
    publish_judged(lab.warehouse, lab.now)
    again = publish_judged(lab.warehouse, lab.now)
    commit(lab, "b.jsonl", event("b"))

    assert (again.version, again.is_new) == (1, False)
    assert lab.warehouse.publish(lab.now).is_behind
    assert lab.serving.query(SPEND).rows() == [(date(2026, 11, 18), Decimal("0.003500000000"), 1)]
    assert publish_judged(lab.warehouse, lab.now).is_new
    assert lab.serving.query(SPEND).rows() == [(date(2026, 11, 18), Decimal("0.007000000000"), 2)]


def test_only_days_whose_inputs_changed_are_built(lab):
    commit(lab, "a.jsonl", event("a"), event("b", "2026-11-19T08:00:00Z"))
    assert lab.warehouse.build().built["mart_cost_daily"] == (date(2026, 11, 18), date(2026, 11, 19))
    assert lab.warehouse.build().day_count == 0
    commit(lab, "b.jsonl", event("c", "2026-11-19T09:00:00Z"))
    assert lab.warehouse.build().built["mart_cost_daily"] == (date(2026, 11, 19),)


def test_a_record_replaces_the_row_with_its_key(lab):
    def note(held_because):
        row = {"day_on": date(2026, 11, 18), "inputs_sha256": "x", "held_because": held_because, "judged_at": lab.now}
        frame = pl.DataFrame([row], schema=polars_schema(state.JUDGED_DAYS))
        lab.warehouse.record(Record({state.JUDGED_DAYS.name: frame}))

    note("wrong")
    note(None)
    assert lab.rows("SELECT day_on, held_because FROM judged_days") == [(date(2026, 11, 18), None)]


def test_a_query_for_some_days_reads_no_others(lab):
    commit(lab, "a.jsonl", event("a"), event("b", "2026-11-19T08:00:00Z"))
    query = Query("SELECT count(*) FROM core_usage_events", days=(date(2026, 11, 19),))

    assert lab.warehouse.read(query).item() == 1
    assert lab.warehouse.read(replace(query, days=())).item() == 0


def test_observations_with_a_known_key_replace_and_are_published(lab):
    def probe(status):
        row = {
            "service": "gateway", "probed_at": lab.now, "kind": "http", "outcome": "ok", "status": status,
            "latency_ms": 1.0, "attempt_count": 1, "is_vantage_ok": True, "interval_seconds": 60,
        }  # fmt: skip
        return lab.warehouse.commit(Observations({core.PROBE_RESULTS.name: pl.DataFrame([row])}))

    assert [probe("healthy").event_count, probe("degraded").event_count, probe("degraded").event_count] == [1, 1, 0]
    publish_judged(lab.warehouse, lab.now)
    assert lab.serving.query("SELECT status FROM core_probe_results").rows() == [("degraded",)]


def test_days_that_are_kept_no_longer_go_and_their_rollups_stay(lab):
    commit(lab, "a.jsonl", event("a"), event("b", "2026-11-19T08:00:00Z"))
    lab.collector.audit(lab.now)
    publish_judged(lab.warehouse, lab.now)
    expired = lab.warehouse.commit(Retention(date(2026, 11, 19), None, None, lab.now))

    assert (expired.row_count, expired.usage_from_on, expired.stopped_because) == (1, date(2026, 11, 19), None)
    assert lab.rows("SELECT usage_on FROM core_usage_events") == [(date(2026, 11, 19),)]
    assert [day for day, _, _ in lab.rows(SPEND)] == [date(2026, 11, 18), date(2026, 11, 19)]


def test_a_judged_day_that_fails_holds_the_publish_back(lab):
    commit(lab, "a.jsonl", event("a"))
    lab.warehouse.build()
    judge_marts(lab.warehouse, lab.now)
    row = {"day_on": date(2026, 11, 18), "inputs_sha256": "x", "held_because": "it fails", "judged_at": lab.now}
    frame = pl.DataFrame([row], schema=polars_schema(state.JUDGED_DAYS))
    lab.warehouse.record(Record({state.JUDGED_DAYS.name: frame}))
    publication = lab.warehouse.publish(LATER)

    assert (publication.version, publication.is_new) == (0, False)
    assert publication.held_because == "2026-11-18: it fails"


def test_a_forgotten_person_is_in_no_row_and_in_no_file_and_money_stays(lab):
    commit(lab, "a.jsonl", *calls())
    publish_judged(lab.warehouse, lab.now)
    money = "SELECT event_id, usage_on, output_tokens, cost_usd FROM core_usage_events ORDER BY event_id"
    before = lab.rows(money)
    forgetter(lab).forget(ADA, lab.now)

    told = lab.rows("SELECT user_hash, session_id, api_key_id, project, tags FROM core_usage_events")
    names = [*stored(ADA, "ada's", "ada's key")]
    assert not [row for row in told for text in row if text is not None and any(name in text for name in names)]
    assert files_with(lab.home, *names) == []
    assert lab.rows(money) == before


def test_events_without_a_price_are_priced_when_one_is_known(lab):
    commit(lab, "a.jsonl", event("a", model="our-own-model"), event("b"))
    assert lab.rows("SELECT count(*) FROM core_usage_events WHERE cost_usd IS NULL") == [(1,)]
    card = Override.model_validate(
        {"provider": "openai", "model": "our-own-model", "per_million": {"input": "1", "output": "2"}}
    )
    lab = replace(lab, book=PriceBook((card,)))
    collector = lab.collector
    if isinstance(lab, SnowflakeWarehouseLab):
        lab.snowflake.statements.texts.clear()

    assert collector.price_again(lab.now) == 1
    if isinstance(lab, SnowflakeWarehouseLab):
        rows = r"SELECT event_id, .* FROM core_usage_(events|units) "
        read = [found[1] for text in lab.snowflake.statements.texts if (found := re.match(rows, text, re.DOTALL))]
        assert read == ["events"]  # the rows that may be priced are fetched once; of units there are none
    assert lab.rows("SELECT event_id IS NULL, cost_usd FROM core_usage_events ORDER BY cost_usd") == [
        (False, Decimal("0.001200000000")),
        (False, Decimal("0.003500000000")),
    ]
    assert lab.collector.price_again(lab.now) == 0


def test_a_bucket_is_priced_by_its_window_and_counted_once(lab):
    usage = {"provider": "anthropic", "model": "claude-sonnet-4-5", "input_tokens": 1_000_000, "output_tokens": 0}
    sums = {**usage, "record_kind": "bucket", "request_count": 10}
    buckets = [event("a", **sums), event("b", **sums, context_window="200k-1M")]

    assert commit(lab, "a.jsonl", *buckets) == [(2, 0, 0)]
    assert commit(lab, "copy.jsonl", *buckets) == [(0, 2, 0)]
    assert lab.rows("SELECT cost_usd, usage_quality, context_window FROM core_usage_events ORDER BY cost_usd") == [
        (Decimal("3.000000000000"), "tier_unknown", None),
        (Decimal("6.000000000000"), "exact", "200k-1M"),
    ]
    publish_judged(lab.warehouse, lab.now)
    parts = "SELECT price_tier, cost_usd FROM mart_cost_parts WHERE part = 'input' ORDER BY cost_usd"
    assert lab.serving.query(parts).rows() == [
        ("standard", Decimal("3.000000000000")),
        ("standard above 200000", Decimal("6.000000000000")),
    ]


def test_events_are_priced_again_on_request_and_what_changed_is_kept(lab):
    commit(lab, "a.jsonl", event("a"), event("b", "2026-11-17T10:00:00Z"))
    card = Override.model_validate(
        {"provider": "openai", "model": "gpt-4o", "per_million": {"input": "1", "output": "5"}}
    )
    lab = replace(lab, book=PriceBook((card,)))
    order = RepriceOrder(Window.of_days(date(2026, 11, 18), date(2026, 11, 18)), "the contract came late", "gpt-4o")

    told = lab.collector.reprice(replace(order, is_dry_run=True), lab.now)
    assert lab.rows("SELECT count(*) FROM core_reprices") == [(0,)]
    done = lab.collector.reprice(order, lab.now)
    again = lab.collector.reprice(order, lab.now)

    assert (told.changes, told.days) == (done.changes, done.days)
    assert again.changes == ()
    assert lab.rows("SELECT usage_on, cost_usd FROM core_usage_events ORDER BY usage_on") == [
        (date(2026, 11, 17), Decimal("0.003500000000")),
        (date(2026, 11, 18), Decimal("0.001500000000")),
    ]
    assert lab.rows("SELECT model, reason, event_count, before_usd, after_usd FROM core_reprices") == [
        ("gpt-4o", "the contract came late", 1, Decimal("0.003500000000"), Decimal("0.001500000000"))
    ]


def test_a_price_that_is_learnt_holds_for_usage_from_then_on_and_is_learnt_once(lab):
    commit(lab, "a.jsonl", event("a"))
    tomorrow = NOW + timedelta(days=1)
    cards = "SELECT count(*), count(known_to_at) FROM core_price_cards"
    assert lab.rows(cards) == [(3, 0)]  # gpt-4o has had three prices

    (drift,) = note_price_drift(lab.warehouse, DEARER, tomorrow)
    assert note_price_drift(lab.warehouse, DEARER, tomorrow + timedelta(hours=1)) == ()
    assert (drift.rate_before_usd, drift.rate_after_usd) == (Decimal("0.00001"), Decimal("0.000011"))
    assert lab.rows(cards) == [(6, 3)]
    assert lab.rows("SELECT DISTINCT known_from_at FROM core_price_cards WHERE known_to_at IS NULL") == [(tomorrow,)]
    assert lab.rows("SELECT change_ratio IS NOT NULL, spend_28d_usd FROM core_price_drifts") == [
        (True, Decimal("0.0035"))
    ]
    commit(replace(lab, book=DEARER, now=tomorrow + timedelta(hours=2)), "b.jsonl", event("b", "2026-11-21T13:00:00Z"))
    assert lab.rows("SELECT event_id IS NULL, cost_usd FROM core_usage_events ORDER BY cost_usd") == [
        (False, Decimal("0.003500000000")),
        (False, Decimal("0.003600000000")),
    ]


def test_a_bill_is_held_against_what_was_computed_and_its_lines_replace_what_was_billed_before(lab):
    commit(lab, "a.jsonl", event("a", route="Azure OpenAI"))
    sold = {"provider": "azure"}
    first = frame(line(cost="0.004", **sold), line("gpt-5", "7", currency="EUR", **sold))
    commit_lines(lab.warehouse, BILL, WINDOW, first, NOW)
    commit_lines(lab.warehouse, BILL, WINDOW, frame(line(cost="0.005", **sold)), LATER)
    publish_judged(lab.warehouse, LATER)

    assert lab.rows("SELECT model, billed_cost_usd, removed_at FROM core_invoice_lines ORDER BY model") == [
        ("gpt-4o", Decimal("0.005"), None),
        ("gpt-5", None, LATER),
    ]
    held = "SELECT usage_on, provider, model, computed_usd, invoiced_usd FROM mart_reconciliation_days ORDER BY model"
    expected = [(date(2026, 11, 18), "azure", "gpt-4o", Decimal("0.003500000000"), Decimal("0.005000000000"))]
    assert lab.serving.query(held).rows() == expected
    if isinstance(lab, SnowflakeWarehouseLab):
        assert lab.session.fetch_frame(held).rows() == expected


def test_a_complete_window_that_is_read_again_takes_away_what_it_no_longer_has(lab):
    pulled = PulledLab(lab)
    start_at, read_at = datetime(2026, 11, 17), datetime(2026, 11, 20, 9)
    window = (start_at, start_at + timedelta(days=2))
    a = Bucket("a", start_at + timedelta(hours=1), 1000, 2)
    b = Bucket("b", start_at + timedelta(hours=25), 2000, 3)
    other = PulledLab(lab, "other")
    other.commit(*window, read_at, [replace(b, tokens=4000, searches=0)])
    pulled.commit(*window, read_at, [a, b])
    lab.publish()
    assert [row[2] for row in lab.rows(SPEND)] == [1, 2]

    partly = pulled.commit(*window, read_at + timedelta(hours=1), [b])
    assert (partly.removed_count, pulled.rows()) == (1, [(b.start_at, 2000)])
    assert lab.rows("SELECT usage_on, quantity FROM core_usage_units") == [(date(2026, 11, 18), 3)]
    emptied = pulled.commit(*window, read_at + timedelta(hours=2))
    lab.publish()

    assert (emptied.removed_count, pulled.rows(), other.rows()) == (1, [], [(b.start_at, 4000)])
    assert lab.rows("SELECT count(*) FROM core_usage_units") == [(0,)]
    assert [row[::2] for row in lab.rows(SPEND)] == [(date(2026, 11, 18), 1)]
    lab.collector.rebuild([pulled.source, other.source], Window(*window), lab.now)
    assert (pulled.rows(), other.rows()) == ([], [(b.start_at, 4000)])
    assert lab.rows(
        "SELECT window_start_at, window_end_at, row_count FROM core_ingest_ledger "
        "WHERE source = 'vendor' ORDER BY row_count DESC"
    ) == [(*window, 2), (*window, 1), (*window, 0)]
