"""The KPI: the first four full weeks are the baseline, once, and what a person sets takes its place."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from sophia_metrics.costs.change import Days
from sophia_metrics.costs.kpi import Baseline, load_kpis, note_baselines, set_baseline
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.warehouse.protocol import Observations
from tests.lab import NOW, Lab, event

FIRST = date(2026, 9, 20)
MILLION = {"input_tokens": 1_000_000, "output_tokens": 0}


def lab_of(folder, first, days, now=NOW):
    """A lab with a call of 2.50 dollars on each day from a first one, but for the second."""
    lab = Lab(folder / "home", now=now)
    at = [datetime(first.year, first.month, first.day, 10) + timedelta(days=each) for each in range(days)]
    calls = [event(f"{day:%m%d}", f"{day:%Y-%m-%dT%H:%M:%SZ}", **MILLION) for day in at if day != at[1]]
    lab.ingest(lab.write("calls.jsonl", calls))
    lab.warehouse.build()
    return lab


def look_up(lab, day, outcome, count):
    at = datetime(day.year, day.month, day.day, 10)
    row = {
        "cache": "answers",
        "scope_hash": "x",
        "tier": "redis",
        "outcome": outcome,
        "interval_start_at": at,
        "interval_end_at": at + timedelta(hours=1),
        "read_at": at + timedelta(hours=1),
        "lookup_count": count,
        "unpriced_count": 0,
    }
    lab.warehouse.commit(Observations({"core_cache_lookups": pl.DataFrame([row])}))


def test_the_first_28_settled_days_are_the_baseline_and_stay_it(tmp_path):
    lab = lab_of(tmp_path, FIRST, 61)
    for ago, outcome, count in ((60, "exact", 10), (59, "miss", 40), (2, "exact", 36), (1, "miss", 64)):
        look_up(lab, date(2026, 11, 20) - timedelta(days=ago), outcome, count)
    lab.warehouse.build()

    noted = note_baselines(lab.warehouse, NOW)

    assert noted == (
        Baseline("cache_hit_rate", 0.2, Days(date(2026, 9, 21), date(2026, 10, 18)), "measured"),
        Baseline("daily_cost", 2.5 * 27 / 28, Days(FIRST, date(2026, 10, 17)), "measured"),
    )
    assert note_baselines(lab.warehouse, NOW + timedelta(days=1)) == ()

    lab.publish()
    rate, cost, load = load_kpis(lab.serving)
    assert (rate.kpi, rate.current_value, rate.kpi_state, rate.is_met) == ("cache_hit_rate", 0.36, "ok", True)
    assert rate.change_ratio == pytest.approx(0.8)
    assert (cost.kpi, cost.current_value, cost.is_met) == ("daily_cost", 2.5, False)
    assert (load.kpi, load.current_value, load.kpi_state) == ("dashboard_load_ms", None, "insufficient_history")


def test_how_long_the_page_takes_is_what_probing_a_service_of_that_name_tells(tmp_path):
    lab = lab_of(tmp_path, FIRST, 61)
    for ago, service, latency_ms in (
        (60, "dashboard", 900.0),
        (60, "chat", 1.0),
        (40, "dashboard", 700.0),
        (2, "dashboard", 400.0),
    ):
        at = NOW - timedelta(days=ago)
        row = {
            "service": service,
            "kind": "http",
            "probed_at": at,
            "probed_on": at.date(),
            "outcome": "ok",
            "status": "healthy",
            "latency_ms": latency_ms,
            "interval_seconds": 60,
            "attempt_count": 1,
            "is_vantage_ok": True,
        }
        lab.warehouse.commit(Observations({"core_probe_results": pl.DataFrame([row])}))
    lab.warehouse.build()

    noted = {each.kpi: each.value for each in note_baselines(lab.warehouse, NOW)}
    assert noted["dashboard_load_ms"] == 800.0
    lab.publish()
    load = load_kpis(lab.serving)[-1]
    assert (load.kpi, load.current_value, load.change_ratio, load.is_met) == ("dashboard_load_ms", 400.0, -0.5, True)
    assert lab.serving.query("SELECT count(*) FROM mart_service_15min").item() == 4  # readers see all days


def test_before_four_settled_weeks_there_is_no_baseline(tmp_path):
    lab = lab_of(tmp_path, date(2026, 10, 24), 28)

    assert note_baselines(lab.warehouse, NOW) == ()
    lab.publish()
    assert [each.kpi_state for each in load_kpis(lab.serving)] == ["insufficient_history"] * 3


def test_a_baseline_that_a_person_sets_takes_the_place_of_the_measured_one(tmp_path):
    lab = lab_of(tmp_path, FIRST, 61)
    note_baselines(lab.warehouse, NOW)
    set_baseline(lab.warehouse, "daily_cost", 5.0, Days.parse("2026-08-01..2026-08-28"), NOW)
    lab.publish()

    cost = load_kpis(lab.serving)[1]
    assert (cost.baseline_value, cost.current_value, cost.change_ratio, cost.is_met) == (5.0, 2.5, -0.5, True)
    assert note_baselines(lab.warehouse, NOW) == ()


@pytest.mark.parametrize(("kpi", "value"), [("type_errors", 1.0), ("daily_cost", -1.0), ("daily_cost", float("inf"))])
def test_what_is_no_baseline_is_refused(tmp_path, kpi, value):
    lab = Lab(tmp_path / "home")
    with pytest.raises(ConfigurationError, match=r"there is no KPI|is a number of 0 or more"):
        set_baseline(lab.warehouse, kpi, value, Days.parse("2026-08-01..2026-08-28"), NOW)


def test_the_savings_of_a_day_are_those_of_both_caches(tmp_path):
    lab = Lab(tmp_path / "home")
    cached = {"provider": "anthropic", "model": "claude-sonnet-4-5", "input_tokens": 0, "output_tokens": 0}
    written = event("1", "2026-11-18T10:00:00Z", **cached, cache_write_5m_tokens=100_000)
    read = event("2", "2026-11-18T10:01:00Z", **cached, cache_read_tokens=100_000)
    lab.ingest(lab.write("calls.jsonl", [written, read]))
    lab.publish()

    (row,) = lab.serving.query("SELECT usage_on, prompt_cache_saving_usd FROM mart_savings").rows()
    assert row == (date(2026, 11, 18), Decimal("0.195"))  # 0.27 for the read, less the premium of 0.075
