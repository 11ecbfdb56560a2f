"""A state of the program before findings, with rows in it: after the upgrade they are there, and the new marts are built."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import duckdb
import pytest

from sophia_metrics.alerts.episode import Delivery, DeliveryKind, Episode, EpisodeState
from sophia_metrics.alerts.known import Acknowledgement
from sophia_metrics.alerts.records import list_silences, read_known, record_of
from sophia_metrics.alerts.silence import Silence
from sophia_metrics.costs.budgets import Budget, load_budgets, set_budget
from sophia_metrics.costs.forecasts import make_forecasts
from sophia_metrics.costs.spend_report import load_spend
from sophia_metrics.dashboard.reading import load_overview
from sophia_metrics.schema import findings
from sophia_metrics.scopes import Scope
from sophia_metrics.serving import POINTER
from sophia_metrics.warehouse.duckdb.migrations import MIGRATIONS
from tests.lab import NOW, Lab, event

NEW_MARTS = "('mart_cost_parts', 'mart_savings', 'mart_source_daily', 'mart_usage_15min', 'mart_price_assumptions')"
OLDER = (
    *(f"DROP TABLE {table.name}" for table in findings.FINDINGS),
    "ALTER TABLE core_budgets DROP COLUMN start_day",
    "ALTER TABLE core_budgets DROP COLUMN forecast_thresholds",
    "DROP TABLE core_alert_acknowledgements",
    *(
        f"ALTER TABLE core_alert_silences DROP COLUMN {each}"
        for each in ("scope_type", "scope_value", "created_by", "created_at")
    ),
    *(f"ALTER TABLE core_alert_episodes DROP COLUMN {each}" for each in ("held_count", "held_basis", "kept_back_by")),
    "ALTER TABLE core_alert_deliveries DROP COLUMN group_id",
    f"DELETE FROM manifest WHERE table_name IN {NEW_MARTS}",
    f"DELETE FROM manifest_days WHERE table_name IN {NEW_MARTS}",
    f"DELETE FROM mart_builds WHERE mart IN {NEW_MARTS}",
)
"""What makes of a state one that m013 was the last migration of: it had no findings and none of their marts."""

EPISODE = Episode(
    episode_id="e1",
    fingerprint="budget/search/2026-11-01/0.8",
    episode_number=1,
    rule="budget-80",
    severity="warning",
    scope_type="team",
    scope_value="search",
    subject="search",
    state=EpisodeState.FIRING,
    opened_at=datetime(2026, 11, 19),
    threshold=0.8,
    observed=0.85,
    message="budget search is close",
    evidence="{}",
    fired_at=datetime(2026, 11, 19),
)
FIRE = Delivery("e1", "ops", DeliveryKind.FIRE, 1, 0.85, "budget search is close", datetime(2026, 11, 19))
SILENCE = Silence("s1", "service-*", None, NOW, NOW + timedelta(hours=2), "upgrade")
BUDGET = Budget("search", Scope("team", "search"), "month", Decimal(100))


@pytest.fixture
def older(tmp_path):
    """Calls on 30 days, a budget, an alert that was told, a silence: committed, published, and then made older."""
    lab = Lab(tmp_path / "state")
    days = (date(2026, 10, 21) + timedelta(days=each) for each in range(30))
    lab.ingest(lab.write("calls.jsonl", [event(str(day), f"{day}T10:00:00Z", team="search") for day in days]))
    set_budget(lab.warehouse, BUDGET, NOW)
    lab.warehouse.record(record_of((EPISODE,), (FIRE,), (SILENCE,)))
    lab.publish()
    steps = [step.__name__ for step in MIGRATIONS]
    with duckdb.connect(lab.home / "warehouse.duckdb") as connection:
        for statement in OLDER:
            connection.execute(statement)
        connection.execute(
            "DELETE FROM schema_migrations WHERE list_contains($1, migration)", [steps[steps.index("m014_findings") :]]
        )
    return lab


def test_what_was_committed_and_decided_is_there_after_the_upgrade(older):
    assert older.one("SELECT sum(cost_usd) FROM core_usage_events") == Decimal("0.105")
    (held,) = [each for each in load_budgets(older.warehouse) if each.origin == "set"]
    assert held.budget == BUDGET
    known = read_known(older.warehouse, NOW)
    assert (known.episodes, known.deliveries) == ((EPISODE,), (FIRE,))
    assert list_silences(older.warehouse, NOW) == (SILENCE,)


def test_the_marts_that_are_new_are_built_of_the_rows_that_were_there(older):
    older.warehouse.build()
    make_forecasts(older.warehouse, NOW)
    older.publish()

    spent = "SELECT sum(cost_usd), count(DISTINCT usage_on) FROM {}"
    for mart in ("mart_cost_daily", "mart_cost_parts", "mart_usage_15min"):
        assert older.serving.query(spent.format(mart)).rows() == [(Decimal("0.105"), 30)]
    assert older.serving.query("SELECT count(*) FROM mart_cost_forecast WHERE scope_type = 'all'").item() == 35
    assert older.serving.query("SELECT count(*) FROM mart_cost_change").item() == 0  # every day was as the one before
    assert older.serving.query("SELECT count(DISTINCT usage_on) FROM mart_savings").item() == 30


def test_what_the_new_tables_are_for_can_be_done_with_old_rows(older):
    older.warehouse.record(record_of(acknowledgements=(Acknowledgement("e1", NOW, "ada", "on it"),)))
    older.publish()

    (alert,) = load_overview(older.serving, NOW, "UTC").alerts
    assert alert.handling.acknowledgement == "acknowledged by ada: on it"


def test_until_the_next_publish_readers_have_the_version_of_before(older):
    _ = older.warehouse
    with duckdb.connect((older.home / "serving" / "current.duckdb").resolve()) as version:
        version.execute("ALTER TABLE core_alert_episodes DROP COLUMN kept_back_by")

    (alert,) = load_overview(older.serving, NOW, "UTC").alerts
    assert (alert.message, alert.handling.kept_back_by) == ("budget search is close", None)


def test_a_version_without_the_newest_marts_answers_what_they_would(older):
    with_them = load_spend(older.serving, NOW), load_overview(older.serving, NOW, "UTC").operations
    with duckdb.connect((older.home / "serving" / POINTER).resolve()) as version:
        version.execute("DROP VIEW mart_usage_15min")
        version.execute("DROP VIEW mart_price_assumptions")

    assert (load_spend(older.serving, NOW), load_overview(older.serving, NOW, "UTC").operations) == with_them
    assert sum(each.request_count for each in with_them[1] if each.model is None) == 19
