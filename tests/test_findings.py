"""Forecasts and anomalies of a warehouse: what is made of settled days, kept, published, and ended."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from sophia_metrics.costs.anomalies import AnomaliesFound, find_anomalies
from sophia_metrics.costs.budgets import Budget, set_budget
from sophia_metrics.costs.forecasts import ForecastsMade, is_day_to_close, make_forecasts
from sophia_metrics.scopes import Scope
from tests.lab import NOW, Lab, event

LAST = date(2026, 11, 19)
"""The last settled day: files are settled an hour after the end of a day."""
USAGE = "usage.jsonl"


def calls(days, per_day=20, last=LAST, **fields):
    """Return calls of 0.0035 USD on each of so many days, 20 a day, at 23:30 UTC."""
    return [
        event(
            f"{fields.get('model', 'gpt-4o')} {fields.get('team')} {back} {number}",
            f"{last - timedelta(days=back)}T23:30:00Z",
            **fields,
        )
        for back in range(days)
        for number in range(per_day(back) if callable(per_day) else per_day)
    ]


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path / "home")


def given(lab, *usage):
    lab.ingest(lab.write(USAGE, [call for part in usage for call in part]))
    lab.warehouse.build()


def snapshots(lab, columns, where):
    return lab.rows(f"SELECT {columns} FROM core_forecast_snapshots WHERE {where} ORDER BY ALL")


# --- forecasts ---------------------------------------------------------------------------------------------


def test_each_scope_has_a_forecast_of_35_days_and_the_next_run_changes_nothing(lab):
    given(lab, calls(30, team="search"))

    assert make_forecasts(lab.warehouse, NOW) == ForecastsMade(6, 0, 0, LAST)
    before = snapshots(lab, "*", "TRUE")
    assert len(before) == 6 * 35
    assert make_forecasts(lab.warehouse, NOW + timedelta(hours=3)) == ForecastsMade(0, 6, 0, LAST)
    assert snapshots(lab, "*", "TRUE") == before


def test_a_forecast_goes_on_with_what_is_spent_each_day(lab):
    given(lab, calls(30))
    make_forecasts(lab.warehouse, NOW)

    assert snapshots(
        lab,
        "target_on, horizon_days, p50_usd, through_p50_usd, method, day_count",
        "scope_type = 'all' AND horizon_days IN (1, 30)",
    ) == [
        (date(2026, 11, 20), 1, Decimal("0.07"), Decimal("0.07"), "median", 30),
        (date(2026, 12, 19), 30, Decimal("0.07"), Decimal("2.1"), "median", 30),
    ]


def test_of_two_settled_days_nothing_is_said(lab):
    given(lab, calls(2))

    assert make_forecasts(lab.warehouse, NOW) == ForecastsMade(0, 0, 6, LAST)
    assert snapshots(lab, "*", "TRUE") == []


def test_today_is_not_known_and_days_before_the_first_call_are_no_zeros(lab):
    given(lab, calls(10), [event(f"today {number}", "2026-11-20T10:00:00Z") for number in range(500)])
    make_forecasts(lab.warehouse, NOW)

    ((p50, day_count),) = snapshots(lab, "p50_usd, day_count", "scope_type = 'all' AND horizon_days = 1")
    assert (p50, day_count) == (Decimal("0.07"), 10)


def test_an_idle_settled_day_is_a_zero_and_one_without_prices_is_unknown(lab):
    idle = [call for call in calls(20) if not call["started_at"].startswith("2026-11-12")]
    given(lab, [{**each, "model": "nobody-knows"} if "2026-11-10" in each["started_at"] else each for each in idle])
    make_forecasts(lab.warehouse, NOW)

    ((day_count,),) = snapshots(lab, "day_count", "scope_type = 'all' AND horizon_days = 1")
    assert day_count == 19


def test_a_scope_that_spends_nothing_any_more_has_no_forecast(lab):
    given(lab, calls(100), calls(10, model="gpt-4", last=LAST - timedelta(days=80)))
    make_forecasts(lab.warehouse, NOW)

    assert snapshots(lab, "DISTINCT scope_value", "scope_type = 'model'") == [("gpt-4o",)]


def test_the_scopes_of_budgets_are_forecast_in_their_zone_and_by_their_tag(lab):
    given(lab, calls(20, team="search", tags={"feature": "chat"}), calls(20, team="other", per_day=5))
    for name, scope, zone in (
        ("berlin", Scope("team", "search"), "Europe/Berlin"),
        ("chat", Scope("tag:feature", "chat"), "UTC"),
        ("plain", Scope("team", "search"), "UTC"),
    ):
        set_budget(lab.warehouse, Budget(name, scope, "month", Decimal(100), zone), NOW)
    make_forecasts(lab.warehouse, NOW)

    # 23:30 UTC is the next day in Berlin: the last of them, 20 November there, is not settled.
    assert snapshots(
        lab,
        "time_zone, scope_type, scope_value, data_through_on, p50_usd, day_count",
        "horizon_days = 1 AND scope_value IN ('search', 'chat')",
    ) == [
        ("Europe/Berlin", "team", "search", LAST, Decimal("0.07"), 19),
        ("UTC", "tag:feature", "chat", LAST, Decimal("0.07"), 20),
        ("UTC", "team", "search", LAST, Decimal("0.07"), 20),
    ]


def test_earlier_forecasts_that_held_too_little_make_the_next_ranges_wider(lab):
    given(lab, calls(30, last=LAST - timedelta(days=10)))
    early = NOW - timedelta(days=10)
    replace(lab, now=early).collect_new(lab.source(lab.write("earlier.jsonl", [])))
    make_forecasts(lab.warehouse, early)
    lab.warehouse.read  # noqa: B018 - nothing is settled yet of what follows
    lab.ingest(lab.write("later.jsonl", calls(10, per_day=60)))
    lab.warehouse.build()
    make_forecasts(lab.warehouse, NOW)

    ((inflation, coverage),) = snapshots(
        lab,
        "inflation_ratio, coverage_ratio",
        f"scope_type = 'all' AND horizon_days = 1 AND data_through_on = '{LAST}'",
    )
    assert inflation > 1
    assert coverage < 0.5


def test_a_day_is_to_be_closed_once_it_is_settled_and_not_again(lab):
    assert not is_day_to_close(lab.warehouse)
    given(lab, calls(30))
    assert is_day_to_close(lab.warehouse)
    make_forecasts(lab.warehouse, NOW)
    assert not is_day_to_close(lab.warehouse)


def test_the_published_version_shows_the_newest_forecast(lab):
    given(lab, calls(30))
    make_forecasts(lab.warehouse, NOW)
    lab.publish()

    assert lab.serving.query(
        "SELECT count(*) AS days, min(target_on) AS first_on FROM mart_cost_forecast WHERE scope_type = 'all'"
    ).row(0) == (35, date(2026, 11, 20))


# --- anomalies ---------------------------------------------------------------------------------------------


def spike(back):
    """Six hundred calls on the day two before the last one, else 20, with a little variation."""
    return 600 if back == 2 else 20 + back % 3


def open_anomalies(lab, kind):
    return lab.rows(
        f"SELECT scope_type, usage_on FROM core_anomalies WHERE ended_at IS NULL AND kind = '{kind}' ORDER BY 1"
    )


def test_a_spike_is_found_once_and_published(lab):
    given(lab, calls(60, per_day=spike))
    found = find_anomalies(lab.warehouse, NOW)

    assert open_anomalies(lab, "spend_spike") == [
        (scope, date(2026, 11, 17)) for scope in ("all", "environment", "model", "project", "provider", "team")
    ]
    assert found == AnomaliesFound(6, 6, 0)
    before = lab.rows("SELECT * FROM core_anomalies ORDER BY ALL")
    assert find_anomalies(lab.warehouse, NOW + timedelta(hours=1)) == AnomaliesFound(6, 0, 0)
    assert lab.rows("SELECT * FROM core_anomalies ORDER BY ALL") == before
    lab.publish()
    assert lab.serving.query("SELECT count(*) AS found FROM mart_anomalies").item() == 6


def test_what_a_restatement_makes_normal_is_ended_and_what_comes_back_is_open_again(lab):

    def restate(tokens, hour):
        big = event(
            "big", "2026-11-17T10:00:00Z", input_tokens=tokens, source_updated_at=f"2026-11-20T{hour:02}:00:00Z"
        )
        lab.ingest(lab.write(f"restated-{hour}.jsonl", [big]))
        lab.warehouse.build()
        return find_anomalies(lab.warehouse, NOW + timedelta(hours=hour))

    given(lab, calls(60, per_day=lambda back: 20 + back % 3))

    # At 2.50 dollars for a million tokens these are 5 dollars; then it was a mistake; then it was none.
    assert restate(2_000_000, 1).new_count > 0
    assert restate(1_000, 2).open_count == 0
    assert lab.rows("SELECT DISTINCT found_at, ended_at FROM core_anomalies WHERE kind = 'spend_spike'") == [
        (NOW + timedelta(hours=1), NOW + timedelta(hours=2))
    ]
    assert restate(2_000_000, 3).new_count > 0
    assert len(open_anomalies(lab, "spend_spike")) == 6


def test_a_new_user_who_spends_a_share_of_everything_is_found_by_the_keyed_hash(lab):
    given(lab, calls(60, user="ada"), calls(3, user="grace", team="new", per_day=400))
    find_anomalies(lab.warehouse, NOW)
    (found,) = lab.rows(
        "SELECT usage_on, impact_usd, length(scope_value) > 5 AND scope_value <> 'grace' AS is_hashed "
        "FROM core_anomalies WHERE kind = 'new_spender' AND scope_type = 'user'"
    )

    assert found == (date(2026, 11, 17), Decimal("4.2"), True)


def test_where_no_day_is_settled_nothing_is_found(lab):
    assert find_anomalies(lab.warehouse, NOW) == AnomaliesFound(0, 0, 0)


def test_findings_of_sample_data_go_with_them(lab):
    lab.ingest(lab.write("sample.jsonl", calls(30)), name="sample")
    lab.warehouse.build()
    make_forecasts(lab.warehouse, NOW)
    assert snapshots(lab, "*", "TRUE") != []

    lab.ingest(lab.write("real.jsonl", calls(3)), name="app")
    assert snapshots(lab, "*", "TRUE") == []
