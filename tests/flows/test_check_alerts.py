"""Alerts from end to end: a published version, the flow, a receiver, and what readers and the command line see."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import duckdb
import pytest

from flows.build_dashboard import build_dashboard
from flows.check_alerts import check_alerts
from flows.collect_usage import collect_usage
from flows.dispatch_alerts import dispatch_alerts
from flows.evaluate_alerts import evaluate_alerts
from flows.run_pipeline import run_pipeline
from sophia_metrics.connect import connect_warehouse
from sophia_metrics.dashboard.handling import Handling
from sophia_metrics.dashboard.overview import Alert
from sophia_metrics.settings import load_settings
from sophia_metrics.warehouse.protocol import Query
from tasks.artifacts import alert_rows
from tasks.clock import utc_now
from tests.command_line import CommandLine
from tests.flows.place import Place, call
from tests.receiver import Receiver

NOTIFIERS = """
[[notifiers]]
name = "ops"
kind = "webhook"
url_env = "OPS_WEBHOOK_URL"
secret_env = "OPS_WEBHOOK_SECRET"

[alerts]
resolve_after_seconds = 0
"""
BUDGETS = """
DELETE FROM mart_budget_status;
INSERT INTO mart_budget_status BY NAME SELECT
    'monthly' AS budget,
    CAST($start AS DATE) AS period_start_on,
    'team/search' AS scope,
    'month' AS period,
    'UTC' AS time_zone,
    CAST($start AS TIMESTAMP) AS start_at,
    CAST($start AS TIMESTAMP) + INTERVAL 1 MONTH AS end_at,
    TRUE AS is_current,
    CAST(100 AS DECIMAL(38, 12)) AS limit_usd,
    CAST($spent AS DECIMAL(38, 12)) AS spent_usd,
    '[0.5, 1]' AS thresholds,
    '[1]' AS forecast_thresholds,
    0 AS unpriced_count,
    'no_data' AS projection_state,
    'ok' AS budget_state
"""
SERVICES = """
CREATE OR REPLACE VIEW mart_service_health AS SELECT
    'redis' AS service,
    $status AS status,
    CAST($since AS TIMESTAMP) AS since_at,
    'connection refused' AS message,
    FALSE AS is_stale,
    'api,page' AS required_by
"""


TINY_BUDGET = """
[[budgets]]
name = "tiny"
period = "month"
limit_usd = 0.001
thresholds = [0.5, 1]
"""


class Alerted(Place):
    """A place whose published version is given what other parts publish."""

    def overspend(self):
        """Make a call now that costs more than a budget allows in a month."""
        settings = self.folder / "sophia.toml"
        settings.write_text(settings.read_text() + TINY_BUDGET)
        self.write("now.jsonl", call("now", started_at=f"{utc_now().isoformat()}Z"))

    def plant(self, sql, **values):
        for name, value in values.items():
            sql = sql.replace(f"${name}", f"'{value}'")
        pointer = load_settings(self.folder).home / "serving" / "current.duckdb"
        with duckdb.connect(pointer.resolve()) as version:
            version.execute(sql)

    def spend(self, spent, start="2026-11-01"):
        self.plant(BUDGETS, spent=spent, start=start)
        return check_alerts.fn(config=self.config)

    def state(self, sql):
        return connect_warehouse(load_settings(self.folder), utc_now()).read(Query(sql)).rows()


@pytest.fixture
def receiver():
    with Receiver() as running:
        yield running


@pytest.fixture
def alerted(tmp_path, receiver, monkeypatch):
    place = Alerted.at(tmp_path)
    settings = tmp_path / "sophia.toml"
    settings.write_text(settings.read_text() + NOTIFIERS)
    monkeypatch.setenv("OPS_WEBHOOK_URL", receiver.url)
    monkeypatch.setenv("OPS_WEBHOOK_SECRET", "key of the tests")
    now = utc_now()
    connect_warehouse(load_settings(place.folder), now).publish(now)
    return place


def test_a_budget_fires_resolves_and_is_seen_by_readers(alerted, receiver):
    assert [alerted.spend(60).version, alerted.spend(60), alerted.spend(60)] == [2, None, None]
    assert alerted.serve("SELECT rule, state, scope_type, scope_value, observed FROM core_alert_episodes") == [
        ("budget-50", "firing", "team", "search", 0.6)
    ]

    alerted.spend(0, start="2026-12-01")

    assert receiver.kinds == ["fire", "resolve"]
    assert alerted.serve("SELECT kind, status, response FROM core_alert_deliveries ORDER BY sequence_number") == [
        ("fire", "sent", "200 ok"),
        ("resolve", "sent", "200 ok"),
    ]


def test_a_service_that_is_down_fires_and_the_rules_are_noted(alerted, receiver):
    alerted.plant(SERVICES, status="down", since=datetime(2026, 11, 20))
    check_alerts.fn(config=alerted.config)
    alerted.plant(SERVICES, status="healthy", since=datetime(2026, 11, 21))
    check_alerts.fn(config=alerted.config)

    assert [post.content["message"] for post in receiver.posts] == [
        "service redis is down since 2026-11-20 00:00 UTC: connection refused",
        "service redis is healthy since 2026-11-21 00:00 UTC: connection refused",
    ]
    assert alerted.state("SELECT rule, valid_to_at FROM core_alert_rules ORDER BY rule") == [
        ("flow-late", None),
        ("price-drift", None),
        ("reconciliation-gap", None),
        ("service-degraded", None),
        ("service-down", None),
    ]


def test_a_run_of_the_pipeline_tells_and_publishes_what_changed(alerted, receiver):
    alerted.overspend()

    summary = run_pipeline.fn(config=alerted.config)

    assert receiver.kinds == ["fire"]  # 100 % keeps back the 50 % that it was past, too
    assert (summary.publication.is_new, summary.publication.version) == (True, 3)  # 2 shows the usage
    assert not run_pipeline.fn(config=alerted.config).publication.is_new


def test_where_nothing_is_published_or_watched_nothing_happens(tmp_path):
    place = Alerted.at(tmp_path)

    assert check_alerts.fn(config=place.config) is None


def test_spend_that_is_made_up_alerts_nobody(alerted, receiver):
    alerted.plant("UPDATE core_versions SET is_sample = TRUE")

    assert alerted.spend(150) is None
    assert receiver.posts == []


def test_a_message_waits_for_a_variable_that_is_not_set(alerted, receiver, monkeypatch, caplog):
    monkeypatch.delenv("OPS_WEBHOOK_URL")
    alerted.spend(60)
    assert "notifier ops waits for its URL: set the variable OPS_WEBHOOK_URL" in caplog.text

    monkeypatch.setenv("OPS_WEBHOOK_URL", receiver.url)
    alerted.spend(60)

    assert receiver.kinds == ["fire"]


def test_the_command_line_lists_silences_and_tries(alerted, receiver, monkeypatch):
    monkeypatch.chdir(alerted.folder)
    sophia = CommandLine(alerted.folder)
    assert sophia("alerts").stdout == "no alert is open, and none ended in the last 7 days\n"

    assert sophia("silence", "--rule", "budget-50", "--hours", "1").exit_code == 0
    alerted.spend(150)
    found = {each["rule"]: each for each in sophia.facts("alerts")["alerts"]}
    assert (found["budget-50"]["state"], found["budget-50"]["deliveries"]) == ("suppressed", [])
    assert [each["status"] for each in found["budget-100"]["deliveries"]] == ["sent"]
    assert "ops fire sent" in sophia("alerts").stdout

    assert sophia("notifiers", "--test", "ops").stdout == "notifier ops took a test alert and its resolve\n"
    assert receiver.kinds == ["fire", "fire", "resolve"]
    assert sophia.facts("notifiers")["notifiers"][0]["status"] == "healthy"
    receiver.answers(404)
    assert "(404 not_found)" in sophia("notifiers", "--test", "ops").stderr
    assert sophia("notifiers", "--test", "opps").exit_code == 2
    monkeypatch.delenv("OPS_WEBHOOK_SECRET")
    assert sophia("notifiers").exit_code == 1
    doctor = sophia("doctor", "--json")
    assert doctor.exit_code == 1
    assert "set the variable OPS_WEBHOOK_SECRET in the environment" in doctor.stdout
    assert "a-secret-path" not in doctor.stdout


def test_checks_that_run_at_once_fire_once(alerted, receiver):
    alerted.overspend()
    collect_usage.fn(config=alerted.config)
    build_dashboard.fn(config=alerted.config)

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: check_alerts.fn(config=alerted.config), range(4)))

    assert receiver.kinds == ["fire"]
    assert any(done)
    assert alerted.state("SELECT rule, state FROM core_alert_episodes ORDER BY rule") == [
        ("budget-100", "firing"),
        ("budget-50", "suppressed"),
    ]


PLANTED = """
INSERT INTO core_anomalies BY NAME SELECT
    'team' AS scope_type,
    'search' AS scope_value,
    CAST(now() AS DATE) - 1 AS usage_on,
    'spend' AS kind,
    CAST(90 AS DECIMAL(38, 12)) AS observed_usd,
    CAST(30 AS DECIMAL(38, 12)) AS expected_usd,
    CAST(60 AS DECIMAL(38, 12)) AS impact_usd,
    'three times what Thursdays cost' AS explanation,
    '{}' AS evidence,
    CAST(now() AS TIMESTAMP) AS found_at;
INSERT INTO core_price_drifts BY NAME SELECT
    'openai' AS provider,
    'gpt-4o' AS model,
    'standard' AS service_tier,
    'input' AS price_kind,
    CAST(0.0000025 AS DECIMAL(38, 18)) AS rate_before_usd,
    CAST(0.000005 AS DECIMAL(38, 18)) AS rate_after_usd,
    1.0 AS change_ratio,
    'genai-prices' AS origin,
    CAST(now() AS TIMESTAMP) AS found_at
"""


def test_an_anomaly_and_a_price_that_moved_are_told_with_their_figures(alerted, receiver):
    alerted.plant(PLANTED)
    check_alerts.fn(config=alerted.config)

    day = (utc_now() - timedelta(days=1)).date()
    assert sorted(post.content["message"] for post in receiver.posts) == [
        f"team/search on {day}: three times what Thursdays cost",
        "the input price of openai/gpt-4o went from 2.5 to 5 USD for a million tokens",
    ]

    alerted.plant("DELETE FROM core_price_drifts; UPDATE core_anomalies SET ended_at = CAST(now() AS TIMESTAMP)")
    check_alerts.fn(config=alerted.config)

    assert receiver.kinds == ["fire", "fire", "resolve", "resolve"]


def test_a_message_names_who_spent_the_most_and_sql_finds_every_amount(alerted, receiver):
    alerted.overspend()
    run_pipeline.fn(config=alerted.config)

    (post,) = receiver.posts
    ((spent, limit),) = alerted.serve(
        "SELECT ROUND(spent_usd, 2), ROUND(limit_usd, 2) FROM mart_budget_status WHERE budget = 'tiny' AND is_current"
    )
    ((team, model, amount),) = alerted.serve(
        "SELECT team, model, ROUND(SUM(cost_usd), 2) FROM mart_cost_daily "
        "WHERE usage_on >= date_trunc('month', today()) GROUP BY team, model"
    )
    assert f"{spent:,.2f} of {limit:,.2f} USD spent" in post.content["message"]
    assert post.content["message"].endswith(f"; most by {team}/{model} {amount:,.2f}")
    ((evidence,),) = alerted.state("SELECT evidence FROM core_alert_episodes WHERE rule = 'budget-100'")
    figures = json.loads(evidence)
    assert sum(Decimal(each["amount_usd"]) for each in figures["contributors"]) == Decimal(figures["spent_usd"])


def test_deciding_and_sending_are_flows_of_their_own(alerted, receiver):
    alerted.plant(BUDGETS, spent=60, start="2026-11-01")

    assert evaluate_alerts.fn(config=alerted.config).version == 2
    assert receiver.kinds == []
    assert dispatch_alerts.fn(config=alerted.config).version == 3
    assert dispatch_alerts.fn(config=alerted.config) is None
    assert receiver.kinds == ["fire"]


def test_the_command_line_acknowledges_and_shows_the_history(alerted, receiver, monkeypatch):
    monkeypatch.chdir(alerted.folder)
    sophia = CommandLine(alerted.folder)
    alerted.spend(60)
    ((episode,),) = alerted.state("SELECT episode_id FROM core_alert_episodes")

    assert sophia("alerts", "ack", "nothing").exit_code == 2
    assert "nobody is reminded of it" in sophia("alerts", "ack", episode[:8], "--by", "ada", "--note", "mine").stdout
    now = utc_now()
    connect_warehouse(load_settings(alerted.folder), now).publish(now)

    assert "acknowledged" in sophia("alerts").stdout
    history = sophia("alerts", "--history").stdout
    assert ("fire to ops" in history, "acknowledged" in history) == (True, True)
    (found,) = sophia.facts("alerts")["alerts"]
    assert [(each["acknowledged_by"], each["note"]) for each in found["acknowledgements"]] == [("ada", "mine")]


def test_the_command_line_silences_a_scope_lists_it_and_ends_it(alerted, receiver, monkeypatch):
    monkeypatch.chdir(alerted.folder)
    sophia = CommandLine(alerted.folder)
    assert sophia("silence", "--list").stdout == "nothing is silent, now or later\n"
    order = ("silence", "--rule", "budget-*", "--scope", "team/search", "--hours", "1", "--by", "ada")
    assert sophia(*order).exit_code == 0
    assert sophia("silence", "--rule", "x").exit_code == 2

    alerted.spend(60)
    assert receiver.kinds == []
    listed = sophia("silence", "--list").stdout
    assert "budget-* about anything in team/search, by ada" in listed
    assert sophia("silence", "--end", listed[:8]).exit_code == 0
    alerted.spend(60)

    assert receiver.kinds == ["fire"]


def test_the_artifact_of_open_alerts_has_a_row_for_each_and_leaves_texts_as_they_are():
    opened_at = datetime(2026, 11, 20, 10)
    alert = Alert(
        *("e1", "service", "service-down", "critical", "store", "firing"),
        *(opened_at, None, None, "down", "store is down: <b>refused</b> | [click](https://example.com)"),
    )
    handling = Handling(
        acknowledged_at=opened_at,
        acknowledged_by="ada",
        kept_back_by="maintenance/move",
        group_id="0b7d4c1e-long",
        group_size=2,
    )
    unhandled = {"acknowledged": "", "kept_back_by": "", "group": ""}
    row = {"severity": "critical", "state": "firing", "since": "2026-11-20 10:00", "message": alert.message}

    assert alert_rows([alert, replace(alert, handling=handling)]) == [
        {**row, **unhandled},
        {
            **row,
            "acknowledged": "acknowledged by ada",
            "kept_back_by": "the maintenance move",
            "group": "0b7d4c1e",
        },
    ]
