"""PagerDuty, Apprise and Prefect as channels, groups of messages, and channels that fail beside those that do not."""

import asyncio
import time
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from pydantic import SecretStr, ValidationError

from sophia_metrics.alerts.dispatch import Dispatched, dispatch
from sophia_metrics.alerts.episode import Delivery, DeliveryKind
from sophia_metrics.alerts.notifier import Answer, Notification, Outcome
from sophia_metrics.alerts.records import read_known, record_of
from sophia_metrics.alerts.settings import NotifierSettings
from sophia_metrics.connect import connect_notifier
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.notifiers.by_apprise import AppriseNotifier
from sophia_metrics.notifiers.pagerduty import PagerDutyNotifier
from sophia_metrics.notifiers.prefect_events import PrefectEventsNotifier
from sophia_metrics.notifiers.slack import SlackNotifier
from sophia_metrics.notifiers.webhook import WebhookNotifier
from sophia_metrics.services import HealthStatus
from sophia_metrics.warehouse.duckdb.adapter import DuckDBWarehouse
from tests.misbehaving import free_port
from tests.receiver import HANG, RESET, Receiver
from tests.smtp_server import SmtpServer
from tests.test_alerts_evaluation import an_episode

NOW = datetime(2026, 11, 20, 12)
DEADLINE = 3.0
KEY = "R0123456789abcdef0123456789abcde"
FIRE, RESOLVE = DeliveryKind.FIRE, DeliveryKind.RESOLVE


@pytest.fixture
def receiver():
    with Receiver() as running:
        yield running


@pytest.fixture
def post_office():
    with SmtpServer() as running:
        yield running


def pagerduty(url):
    return PagerDutyNotifier("pager", SecretStr(KEY), url, DEADLINE)


def prefect(url):
    return PrefectEventsNotifier("automations", SecretStr(url), SecretStr(KEY), DEADLINE)


def by_apprise(url):
    return AppriseNotifier("mail", SecretStr(url), DEADLINE)


def member(kind=FIRE, episode="e1", group_id=None, channel="ops", **fields):
    told = Delivery(episode, channel, kind, 1, 0.85, f"85 of 100 in {episode}", NOW, next_attempt_at=NOW)
    return an_episode(episode_id=episode, **fields), replace(told, group_id=group_id)


def notification(kind=FIRE, *others, **fields):
    return Notification(*member(kind, **fields), NOW, "https://metrics.example.com/", others)


def send(notifier, told=None):
    return asyncio.run(notifier.send(told or notification()))


@pytest.mark.parametrize("make", [pagerduty, prefect])
@pytest.mark.parametrize(
    ("how", "outcome", "response"),
    [
        (202, Outcome.DELIVERED, "202 ok"),
        (500, Outcome.TRY_AGAIN, "500 server_error"),
        ((429, "7"), Outcome.TRY_AGAIN, "429 rate_limited"),
        (HANG, Outcome.TRY_AGAIN, "timeout"),
        (RESET, Outcome.TRY_AGAIN, "connection_broken"),
        (400, Outcome.REFUSED, "400 rejected"),
        (302, Outcome.REFUSED, "302 redirect"),
    ],
)
def test_every_answer_is_a_value_with_a_code_and_a_word(receiver, make, how, outcome, response):
    receiver.answers(how)

    answer = send(make(receiver.url))

    assert (answer.outcome, answer.response) == (outcome, response)


@pytest.mark.parametrize("make", [pagerduty, prefect])
def test_a_server_that_is_not_there_may_come_back(make):
    assert send(make(f"http://127.0.0.1:{free_port()}/")) == Answer(Outcome.TRY_AGAIN, "connection_failed")


# --- PagerDuty ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "action"),
    [
        (FIRE, "trigger"),
        (DeliveryKind.REMIND, "trigger"),
        (DeliveryKind.CORRECT, "trigger"),
        (DeliveryKind.ACKNOWLEDGE, "acknowledge"),
        (RESOLVE, "resolve"),
    ],
)
def test_every_message_of_an_episode_has_its_action_and_one_dedup_key(receiver, kind, action):
    send(pagerduty(receiver.url), notification(kind))

    content = receiver.posts[0].content
    assert (content["routing_key"], content["event_action"], content["dedup_key"]) == (KEY, action, "sophia-e1")
    assert ("payload" in content) == (action == "trigger")


@pytest.mark.parametrize("severity", ["warning", "critical"])
def test_pagerduty_gets_summary_source_and_severity(receiver, severity):
    send(pagerduty(receiver.url), notification(severity=severity, evidence='{"limit_usd": "100"}'))

    payload = receiver.posts[0].content["payload"]
    assert (payload["summary"], payload["source"], payload["severity"]) == (
        "budget-80: 85 of 100 in e1",
        "monthly",
        severity,
    )
    assert payload["custom_details"]["evidence"] == {"limit_usd": "100"}
    assert receiver.posts[0].content["links"] == [{"href": "https://metrics.example.com/", "text": "Dashboard"}]


def test_a_summary_and_a_key_of_any_length_fit_pagerduty(receiver):
    told = notification(episode="e" * 400)
    send(pagerduty(receiver.url), replace(told, delivery=replace(told.delivery, message="m" * 5000)))

    content = receiver.posts[0].content
    assert (len(content["payload"]["summary"]), len(content["dedup_key"])) == (1024, 255)


# --- Prefect -----------------------------------------------------------------------------------------------


def test_an_event_names_the_alert_and_a_repeat_has_its_id(receiver):
    told = notification(FIRE, member(episode="e2"))
    send(prefect(f"{receiver.url}/api/"), told)
    send(prefect(f"{receiver.url}/api/"), told)

    first, again = receiver.posts
    assert first.path.endswith("/api/events")
    assert first.headers["Authorization"] == f"Bearer {KEY}"
    assert first.content == again.content
    assert [each["event"] for each in first.content] == ["sophia.alert.fire"] * 2
    assert [each["resource"]["prefect.resource.id"] for each in first.content] == [
        "sophia.alert.e1",
        "sophia.alert.e2",
    ]
    assert len({each["id"] for each in first.content}) == 2


# --- Apprise -----------------------------------------------------------------------------------------------


def mail(port):
    return by_apprise(f"mailto://127.0.0.1:{port}/?from=sophia@example.com&to=ada@example.com&mode=insecure")


def test_an_email_says_what_and_where(post_office):
    assert send(mail(post_office.port)) == Answer(Outcome.DELIVERED, "sent")

    (message,) = post_office.messages
    assert message["Subject"] == "Firing: budget-80 monthly (warning)"
    assert "ada@example.com" in message["To"]
    text = message.get_body(("html", "plain")).get_content()
    assert "85 of 100 in e1" in text
    assert "https://metrics.example.com/" in text


def test_a_group_is_one_email(post_office):
    send(mail(post_office.port), notification(FIRE, member(episode="e2"), member(episode="e3")))

    (message,) = post_office.messages
    assert message["Subject"] == "Firing: 3 alerts, budget-80 (warning)"
    text = message.get_body(("html", "plain")).get_content()
    assert [f"85 of 100 in {each}" in text for each in ("e1", "e2", "e3")] == [True] * 3


def test_an_email_that_is_put_off_is_tried_again(post_office):
    post_office.is_refusing = True

    assert send(mail(post_office.port)) == Answer(Outcome.TRY_AGAIN, "not_sent")


def test_another_service_of_apprise_gets_it_too(receiver):
    url = receiver.url.replace("http://", "json://")

    assert send(by_apprise(url)).outcome is Outcome.DELIVERED
    assert receiver.posts[0].content["title"] == "Firing: budget-80 monthly (warning)"


@pytest.mark.parametrize("how", [500, RESET])
def test_a_service_of_apprise_that_fails_is_tried_again(receiver, how):
    receiver.answers(how)

    assert send(by_apprise(receiver.url.replace("http://", "json://"))) == Answer(Outcome.TRY_AGAIN, "not_sent")


def test_a_service_of_apprise_that_hangs_meets_the_deadline(receiver):
    receiver.answers(HANG)
    started = time.perf_counter()

    answer = send(by_apprise(receiver.url.replace("http://", "json://")))

    assert answer.outcome is Outcome.TRY_AGAIN
    assert time.perf_counter() - started < 10 * DEADLINE


def test_a_url_that_apprise_does_not_know_is_refused_for_good_and_its_notifier_is_down(caplog):
    notifier = by_apprise("nothing-like-it://a-secret-path")

    assert send(notifier) == Answer(Outcome.REFUSED, "invalid_url")
    health = asyncio.run(notifier.health_check())
    assert health.status is HealthStatus.DOWN
    assert "a-secret-path" not in caplog.text + health.message


# --- groups ------------------------------------------------------------------------------------------------


def test_a_group_is_one_message_of_slack(receiver):
    send(SlackNotifier("team", SecretStr(receiver.url), DEADLINE), notification(FIRE, member(episode="e2")))

    content = receiver.posts[0].content
    assert content["text"] == "2 alerts. Firing: budget-80 (warning): 85 of 100 in e1"
    assert [each["text"]["text"] for each in content["blocks"]][1::3] == ["85 of 100 in e1", "85 of 100 in e2"]


def test_a_group_of_any_size_fits_slack(receiver):
    others = [member(episode=f"e{number}") for number in range(100)]
    send(SlackNotifier("team", SecretStr(receiver.url), DEADLINE), notification(FIRE, *others))

    blocks = receiver.posts[0].content["blocks"]
    assert (len(blocks), blocks[-2]["text"]["text"]) == (47, "and 86 more")


class Outbox:
    """A warehouse with an outbox, and a clock."""

    def __init__(self, folder, **notifiers):
        self.warehouse = DuckDBWarehouse(folder / "state")
        self.warehouse.prepare(NOW)
        self.notifiers = notifiers
        self.now = NOW

    def write(self, *members):
        self.warehouse.record(record_of([each for each, _ in members], [each for _, each in members]))

    def send(self, after=timedelta()):
        self.now += after
        return dispatch(self.warehouse, self.notifiers, lambda: self.now)

    @property
    def rows(self):
        known = read_known(self.warehouse, NOW).deliveries
        return sorted((each.channel, each.episode_id, each.status.value, each.response) for each in known)


def signed(receiver):
    return WebhookNotifier("ops", SecretStr(receiver.url), SecretStr("key of the tests"), DEADLINE)


def test_a_group_is_sent_marked_and_tried_again_as_one_message(tmp_path, receiver):
    outbox = Outbox(tmp_path, ops=signed(receiver))
    outbox.write(*(member(episode=each, group_id="g1") for each in ("e1", "e2")), member(episode="e3"))
    receiver.answers(500)

    assert outbox.send() == Dispatched(waiting_count=3)
    assert outbox.send(timedelta(seconds=30)) == Dispatched(sent_count=3)

    first, again, alone = receiver.posts
    assert first.body == again.body
    assert (first.headers["X-Sophia-Delivery"], first.content["format"], alone.content["format"]) == ("g1", 2, 1)
    assert [each["dedup_key"] for each in first.content["alerts"]] == ["sophia-e1", "sophia-e2"]
    assert {row[2:] for row in outbox.rows} == {("sent", "200 ok")}


def test_a_group_waits_for_its_time(tmp_path, receiver):
    outbox = Outbox(tmp_path, ops=signed(receiver))
    episode, told = member(group_id="g1")
    outbox.write((episode, replace(told, next_attempt_at=NOW + timedelta(seconds=60))))

    assert [outbox.send(), outbox.send(timedelta(seconds=59))] == [Dispatched(waiting_count=1)] * 2
    assert outbox.send(timedelta(seconds=1)) == Dispatched(sent_count=1)


@pytest.mark.parametrize("how", [500, HANG, RESET, 302])
def test_a_channel_that_fails_stops_no_other(tmp_path, receiver, how):
    with Receiver() as other:
        other.answers(how)
        gone = f"http://127.0.0.1:{free_port()}/"
        outbox = Outbox(tmp_path, ops=signed(receiver), pager=pagerduty(other.url), automations=prefect(gone))
        outbox.write(*(member(channel=each) for each in ("automations", "ops", "pager")))
        outbox.send()

    automations, ops, pager = outbox.rows
    assert ops == ("ops", "e1", "sent", "200 ok")
    assert automations == ("automations", "e1", "pending", "connection_failed")
    assert pager[2] == ("failed" if how == 302 else "pending")


# --- settings ----------------------------------------------------------------------------------------------

GOOD = [
    ({"kind": "pagerduty", "secret_env": "PAGER_KEY"}, PagerDutyNotifier),
    ({"kind": "apprise", "url_env": "MAIL_URL"}, AppriseNotifier),
    ({"kind": "prefect", "url_env": "AUTOMATIONS_URL"}, PrefectEventsNotifier),
    ({"kind": "prefect", "url_env": "AUTOMATIONS_URL", "secret_env": "PAGER_KEY"}, PrefectEventsNotifier),
]


@pytest.mark.parametrize(("fields", "kind"), GOOD)
def test_each_kind_is_connected_with_what_its_variables_hold(monkeypatch, fields, kind):
    for name in ("PAGER_KEY", "MAIL_URL", "AUTOMATIONS_URL"):
        monkeypatch.setenv(name, "json://127.0.0.1/")

    assert isinstance(connect_notifier(NotifierSettings(name="n", **fields)), kind)


@pytest.mark.parametrize(("fields", "_"), GOOD)
def test_a_variable_that_is_not_set_is_named(monkeypatch, fields, _):
    for name in ("PAGER_KEY", "MAIL_URL", "AUTOMATIONS_URL"):
        monkeypatch.delenv(name, raising=False)

    with pytest.raises(ConfigurationError, match=r"set the variable (PAGER_KEY|MAIL_URL|AUTOMATIONS_URL)"):
        connect_notifier(NotifierSettings(name="n", **fields))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kind": "pagerduty"}, "needs a secret_env"),
        ({"kind": "pagerduty", "secret_env": "KEY", "group_by": ["rule"]}, "one incident for each alert"),
        ({"kind": "slack"}, "needs a url_env"),
        ({"kind": "apprise", "url_env": "A", "secret_env": "B"}, "the URL of this kind is all it needs"),
    ],
)
def test_a_notifier_without_what_its_kind_needs_is_refused(fields, said):
    with pytest.raises(ValidationError, match=said):
        NotifierSettings(name="n", **fields)


@pytest.mark.parametrize(
    ("fields", "groups"),
    [
        ({"kind": "slack", "url_env": "A"}, ["rule"]),
        ({"kind": "slack", "url_env": "A", "group_by": []}, []),
        ({"kind": "webhook", "url_env": "A", "secret_env": "B"}, []),
        (
            {"kind": "webhook", "url_env": "A", "secret_env": "B", "group_by": ["kind", "severity"]},
            ["kind", "severity"],
        ),
    ],
)
def test_what_people_read_is_grouped_by_rule_unless_settings_say_otherwise(fields, groups):
    assert list(NotifierSettings(name="n", **fields).groups) == groups
