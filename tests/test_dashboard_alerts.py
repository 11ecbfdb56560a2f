"""Who looks after an alert, what keeps it back and with which others it was told: on the page, in the API and in the terminal."""

from datetime import datetime, timedelta

import httpx
import pytest

from sophia_metrics.alerts.episode import Delivery, DeliveryKind, DeliveryStatus, Episode, EpisodeState
from sophia_metrics.alerts.known import Acknowledgement
from sophia_metrics.alerts.records import record_of
from sophia_metrics.alerts.silence import Silence
from tests.command_line import CommandLine
from tests.dashboard_lab import Site, publish_usage

ALERTS, COST_ALERTS = "/api/v1/alerts", "/api/v1/llm/alerts"
OPENED = datetime(2026, 11, 20, 10)


def episode(name, fingerprint, state=EpisodeState.FIRING, kept_back_by=None):
    return Episode(
        episode_id=name,
        fingerprint=fingerprint,
        episode_number=1,
        rule=f"rule-{name}",
        severity="warning",
        scope_type="all",
        scope_value=None,
        subject=f"thing of {name}",
        state=state,
        opened_at=OPENED,
        threshold=0.8,
        observed=0.9,
        message=f"{name} is not as it should be",
        evidence="{}",
        fired_at=OPENED if state is EpisodeState.FIRING else None,
        kept_back_by=kept_back_by,
    )


def fire(name, group_id=None, at=OPENED):
    status = DeliveryStatus.SENT
    return Delivery(name, "team", DeliveryKind.FIRE, 1, 0.9, "told", at, status, 1, finished_at=at, group_id=group_id)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Alerts of every kind: looked after, silent, explained, told together, acknowledged before a later fire."""
    lab = publish_usage(tmp_path_factory.mktemp("alerts"))
    suppressed = EpisodeState.SUPPRESSED
    episodes = (
        episode("ours", "budget/month/2026-11-01/0.8", kept_back_by="silence/s1"),
        episode("twin", "forecast/month/2026-11-01/1"),
        episode("quiet", "anomaly/spend/team/search/2026-11-19", suppressed, "alert/budget-100"),
        episode("late", "flow/collect-usage/late"),
    )
    acknowledgements = (
        Acknowledgement("ours", OPENED + timedelta(minutes=5), "bob", None),
        Acknowledgement("ours", OPENED + timedelta(minutes=9), "ada", "on it"),
        Acknowledgement("late", OPENED - timedelta(days=1), "ada", "the one before"),
    )
    silences = (Silence("s1", "rule-*", None, OPENED, OPENED + timedelta(hours=3), "upgrade", created_by="bob"),)
    deliveries = (fire("ours", "g1"), fire("twin", "g1"), fire("late"))
    lab.warehouse.record(record_of(episodes, deliveries, silences, (), acknowledgements))
    lab.publish()
    site = Site.over(lab)
    yield site
    site.server.stop()


@pytest.fixture(scope="module")
def alerts(site):
    return {each["episode_id"]: each for each in httpx.get(f"{site.url}{ALERTS}").json()}


def test_an_alert_says_who_looks_after_it_as_was_said_last(alerts):
    assert alerts["ours"]["acknowledgement"] == {
        "acknowledged_at": "2026-11-20T10:09:00Z",
        "acknowledged_by": "ada",
        "note": "on it",
    }
    assert alerts["twin"]["acknowledgement"] is None


def test_what_was_said_before_an_alert_fired_is_not_said_of_it(alerts):
    assert alerts["late"]["acknowledgement"] is None


def test_an_alert_says_what_keeps_it_back(alerts):
    assert alerts["ours"]["kept_back_by"] == "silence/s1"
    assert alerts["ours"]["silence"] == {"reason": "upgrade", "created_by": "bob", "ends_at": "2026-11-20T13:00:00Z"}
    assert (alerts["quiet"]["kept_back_by"], alerts["quiet"]["silence"]) == ("alert/budget-100", None)


def test_alerts_of_one_message_have_one_group(alerts):
    assert {name: each["group"] for name, each in alerts.items() if each["group"]} == {
        "ours": {"group_id": "g1", "alert_count": 2},
        "twin": {"group_id": "g1", "alert_count": 2},
    }


def test_alerts_about_cost_are_budgets_forecasts_and_anomalies(site):
    found = httpx.get(f"{site.url}{COST_ALERTS}").json()

    assert {each["alert_type"]: each["title"] for each in found} == {
        "monthly_budget": "Budget thing of ours: close to its limit",
        "projection": "Budget thing of twin: expected to reach its limit",
        "spike": "Unusual: thing of quiet",
    }


def test_the_page_says_it_in_words(site):
    page = httpx.get(site.url).text

    assert "no reminders: kept back by a silence of bob (upgrade) until" in page
    assert "told with 1 other in one message" in page
    assert "acknowledged by ada: on it" in page
    assert "nobody was told: kept back by budget-100, which is graver" in page


@pytest.fixture
def sophia(site, monkeypatch):
    """The command line over the same state folder, on a wide terminal."""
    monkeypatch.chdir(site.lab.home)
    monkeypatch.setenv("SOPHIA_HOME", str(site.lab.home))
    monkeypatch.setenv("COLUMNS", "400")
    return CommandLine(site.lab.home)


def test_the_terminal_lists_it_beside_each_alert(sophia):
    handled = {line.split()[0]: line for line in sophia("alerts").stdout.splitlines()}

    assert (
        handled["ours"]
        .rstrip()
        .endswith(
            "acknowledged by ada: on it; kept back by a silence of bob (upgrade) until 2026-11-20 13:00 UTC; "
            "in group g1 with 1 other"
        )
    )
    assert handled["quiet"].rstrip().endswith("kept back by budget-100, which is graver")
    assert handled["late"].rstrip().endswith("team fire sent")


def test_the_terminal_tells_machines_the_same_as_the_api(sophia, alerts):
    names = ("acknowledgement", "kept_back_by", "silence", "group")
    found = {each["episode_id"]: [each[name] for name in names] for each in sophia.facts("alerts")["alerts"]}

    assert found == {episode_id: [each[name] for name in names] for episode_id, each in alerts.items()}
