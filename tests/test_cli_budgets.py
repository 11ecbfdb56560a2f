"""Budgets on the command line: the platform's own on a bare machine, one that a person sets, and takes back."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.command_line import CommandLine


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A machine without anything, after its first run; and what that run printed."""
    sophia = CommandLine(tmp_path_factory.mktemp("bare"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(sophia.folder)
        patch.setenv("HOME", str(sophia.folder))
        patch.setenv("SOPHIA_HOME", str(sophia.folder / "home"))
        yield sophia, sophia("run", "--plain")


def test_a_first_run_shows_the_platforms_budgets_beside_the_sample_spend(bare):
    _, result = bare
    (daily,) = [line for line in result.stdout.splitlines() if line.startswith("daily")]
    (monthly,) = [line for line in result.stdout.splitlines() if line.startswith("monthly")]

    assert "SAMPLE DATA" in result.stdout
    assert "100.00" in daily
    assert "3,000.00" in monthly
    assert daily.split()[-1] == "ok"


def test_a_budget_that_is_set_is_published_until_it_is_unset(bare):
    sophia, _ = bare
    by_name = {
        each["budget"]: each
        for each in sophia.facts("budgets", "set", "daily", "--limit", "7.5", "--period", "day")["budgets"]
    }
    unset = {each["budget"]: each for each in sophia.facts("budgets", "unset", "daily")["budgets"]}

    assert (by_name["daily"]["limit_usd"], by_name["monthly"]["limit_usd"]) == ("7.5", "3000")
    assert unset["daily"]["limit_usd"] == "100"


def test_a_budget_of_another_scope_and_zone_stands_beside_the_others(bare):
    sophia, _ = bare
    options = [
        "--limit",
        "0.000001",
        "--scope",
        "team/search",
        "--time-zone",
        "Asia/Kathmandu",
        "--thresholds",
        "0.5, 1",
    ]
    assert sophia("budgets", "set", "search", *options).exit_code == 0
    page = sophia("budgets")
    rows = sophia.rows(
        "SELECT scope, time_zone, thresholds FROM mart_budget_status WHERE budget = 'search' AND is_current"
    )
    sophia("budgets", "unset", "search")

    assert rows == [{"scope": "team/search", "time_zone": "Asia/Kathmandu", "thresholds": "[0.5, 1]"}]
    assert "SAMPLE DATA" in page.stdout
    assert "team/search" in page.stdout


def test_the_sample_spend_of_the_month_is_the_sum_of_its_days(bare):
    sophia, _ = bare
    (row,) = sophia.rows(
        "SELECT spent_usd, (SELECT sum(cost_usd) FROM mart_cost_daily WHERE usage_on >= period_start_on) AS summed_usd "
        "FROM mart_budget_status WHERE budget = 'monthly' AND is_current"
    )

    assert (row["summed_usd"] or "0") == row["spent_usd"]


def test_a_budget_of_a_quarter_from_the_fifteenth_is_shown_as_such(bare):
    sophia, _ = bare
    options = ["--limit", "500", "--period", "quarter", "--start-day", "15", "--forecast-thresholds", "0.9,1"]
    budgets = sophia.facts("budgets", "set", "quarterly", *options)["budgets"]
    page = sophia("budgets")
    (row,) = sophia.rows(
        "SELECT forecast_thresholds, day(period_start_on) AS day FROM mart_budget_status "
        "WHERE budget = 'quarterly' AND is_current"
    )
    sophia("budgets", "unset", "quarterly")

    assert {each["budget"]: each["period"] for each in budgets}["quarterly"] == "quarter"
    assert row == {"forecast_thresholds": "[0.9, 1]", "day": 15}
    assert "quarter from" in page.stdout


def test_a_day_on_which_no_week_begins_is_refused(bare):
    sophia, _ = bare
    result = sophia("budgets", "set", "weekly", "--limit", "5", "--period", "week", "--start-day", "8")

    assert result.exit_code == 2
    assert "1 (Monday) to 7 (Sunday)" in result.stderr


def test_a_budget_from_a_later_day_is_listed_as_planned(bare):
    sophia, _ = bare
    first_on = datetime.now(UTC).date() + timedelta(days=40)
    options = ["--limit", "7", "--period", "day", "--from", first_on.isoformat()]
    facts = sophia.facts("budgets", "set", "later", *options)
    page = sophia("budgets").stdout
    sophia("budgets", "unset", "later")

    (planned,) = facts["planned"]
    assert (planned["budget"], planned["valid_from_at"]) == ("later", f"{first_on}T00:00:00Z")
    assert "later" not in {each["budget"] for each in facts["budgets"]}
    assert f"from {first_on} 00:00 UTC: later, 7.00 each day" in page


def test_a_budget_cannot_be_set_for_the_past(bare):
    sophia, _ = bare
    result = sophia("budgets", "set", "daily", "--limit", "5", "--from", "2020-01-01")

    assert result.exit_code == 2
    assert "what held before today stays" in result.stderr
