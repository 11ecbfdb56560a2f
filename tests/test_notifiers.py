"""Notifiers against a real server that answers badly: what each answer means, what is sent, what leaks nowhere."""

import asyncio
import hashlib
import hmac
import json
import logging
import re
import socket
import time
from datetime import datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from sophia_metrics.alerts.episode import Delivery, DeliveryKind
from sophia_metrics.alerts.notifier import Answer, Notification, Outcome
from sophia_metrics.notifiers.slack import SlackNotifier
from sophia_metrics.notifiers.webhook import WebhookNotifier, signature
from sophia_metrics.retry_after import retry_after_seconds
from sophia_metrics.services import HealthStatus
from tests.receiver import DRIP, HANG, RESET, Receiver
from tests.test_alerts_evaluation import an_episode

NOW = datetime(2026, 11, 20, 12)
SECRET = "key of the tests"  # noqa: S105 - made up
DEADLINE = 3.0
PAGE = Path(__file__).parent.parent / "docs" / "alerts.md"


@pytest.fixture
def receiver():
    with Receiver() as running:
        yield running


def webhook(url):
    return WebhookNotifier("ops", SecretStr(url), SecretStr(SECRET), DEADLINE)


def slack(url):
    return SlackNotifier("ops", SecretStr(url), DEADLINE)


def notification(message="85 of 100", kind=DeliveryKind.FIRE, **fields):
    delivery = Delivery("e1", "ops", kind, 1, 0.85, message, NOW)
    return Notification(an_episode(**fields), delivery, NOW, "https://metrics.example.com/")


def send(notifier, message=None):
    return asyncio.run(notifier.send(message or notification()))


@pytest.mark.parametrize("make", [webhook, slack])
@pytest.mark.parametrize(
    ("how", "outcome", "response"),
    [
        (200, Outcome.DELIVERED, "200 ok"),
        (204, Outcome.DELIVERED, "204 ok"),
        (500, Outcome.TRY_AGAIN, "500 server_error"),
        (503, Outcome.TRY_AGAIN, "503 server_error"),
        (408, Outcome.TRY_AGAIN, "408 timeout"),
        ((429, "7"), Outcome.TRY_AGAIN, "429 rate_limited"),
        (HANG, Outcome.TRY_AGAIN, "timeout"),
        (DRIP, Outcome.TRY_AGAIN, "timeout"),
        (RESET, Outcome.TRY_AGAIN, "connection_broken"),
        (400, Outcome.REFUSED, "400 rejected"),
        (401, Outcome.REFUSED, "401 unauthorized"),
        (404, Outcome.REFUSED, "404 not_found"),
        (410, Outcome.REFUSED, "410 gone"),
        (302, Outcome.REFUSED, "302 redirect"),
    ],
)
def test_every_answer_is_a_value_with_a_code_and_a_word(receiver, make, how, outcome, response):
    receiver.answers(how)

    answer = send(make(receiver.url))

    assert (answer.outcome, answer.response) == (outcome, response)
    assert len(receiver.posts) == 1


def test_a_server_that_answers_byte_by_byte_meets_the_deadline_too(receiver):
    receiver.answers(DRIP)
    started = time.monotonic()

    send(webhook(receiver.url))

    assert time.monotonic() - started < 10 * DEADLINE


def test_a_server_that_is_not_there_may_come_back():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]

    assert send(webhook(f"http://127.0.0.1:{port}/")) == Answer(Outcome.TRY_AGAIN, "connection_failed")


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "127.0.0.1/x", "http://[::1", "http://a\nb/"])
def test_a_url_that_is_none_is_refused_for_good(url):
    assert send(webhook(url)) == Answer(Outcome.REFUSED, "invalid_url")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("120", 120.0),
        (" 5 ", 5.0),
        ("Fri, 20 Nov 2026 12:02:00 GMT", 120.0),
        ("Fri, 20 Nov 2026 11:00:00 GMT", 0.0),
        ("Fri, 20 Nov 2026 13:02:00 +0100", 120.0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("²", None),
    ],
)
def test_a_retry_after_is_seconds_or_a_date(value, seconds):
    assert retry_after_seconds(value, NOW) == seconds


# --- the signature -----------------------------------------------------------------------------------------


def test_the_signature_is_what_openssl_makes_of_timestamp_point_and_body():
    # printf '%s' '1795176000.{"kind":"fire"}' | openssl dgst -sha256 -hmac 'key of the tests'
    assert (
        signature(SECRET, "1795176000", b'{"kind":"fire"}')
        == "sha256=c8ac6ad5b8d07e8ab143db9fe60f59c395feb18e9e18f6ccc118f241c760b6e6"
    )


def test_a_webhook_carries_timestamp_signature_and_delivery_id(receiver):
    send(webhook(receiver.url))

    (post,) = receiver.posts
    assert post.headers["X-Sophia-Timestamp"] == "1795176000"
    assert post.headers["X-Sophia-Delivery"] == "e1-1-fire"
    expected = hmac.new(SECRET.encode(), b"1795176000." + post.body, hashlib.sha256).hexdigest()
    assert post.headers["X-Sophia-Signature"] == f"sha256={expected}"


def test_the_body_of_a_webhook_is_the_documented_one(receiver):
    send(webhook(receiver.url))

    assert receiver.posts[0].content == {
        "format": 1,
        "delivery_id": "e1-1-fire",
        "episode_id": "e1",
        "dedup_key": "sophia-e1",
        "kind": "fire",
        "sequence_number": 1,
        "rule": "budget-80",
        "severity": "warning",
        "subject": "monthly",
        "scope": {"type": "all", "value": None},
        "observed": 0.85,
        "threshold": 0.8,
        "message": "85 of 100",
        "opened_at": "2026-11-20T12:00:00Z",
        "decided_at": "2026-11-20T12:00:00Z",
        "links": {"dashboard": "https://metrics.example.com/"},
    }


@pytest.fixture(scope="module")
def verify():
    """The function that docs/alerts.md gives to receivers."""
    (snippet,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)
    names = {}
    exec(snippet, names)  # noqa: S102 - our own documentation
    return names["is_genuine"]


def test_the_snippet_of_the_documentation_takes_a_message_of_ours_and_no_other(receiver, verify):
    send(webhook(receiver.url))
    (post,) = receiver.posts
    now = 1_795_176_000

    assert verify(post.headers, post.body, SECRET, now)
    assert verify(post.headers, post.body, SECRET, now + 300)
    assert not verify(post.headers, post.body, SECRET, now + 301)
    assert not verify(post.headers, post.body, SECRET, now - 301)
    assert not verify(post.headers, post.body + b" ", SECRET, now)
    assert not verify(post.headers, post.body, "another key", now)
    assert not verify({**post.headers, "X-Sophia-Timestamp": "1795176001"}, post.body, SECRET, now)
    assert not verify({}, post.body, SECRET, now)


def test_the_documentation_shows_every_key_of_the_body(receiver):
    send(webhook(receiver.url))
    (example,) = re.findall(r"^```json\n(\{\n  \"format\".*?)^```", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)

    assert json.loads(example).keys() == receiver.posts[0].content.keys()


# --- Slack -------------------------------------------------------------------------------------------------


def slack_texts(receiver):
    content = receiver.posts[0].content
    return [content["text"], *(block["text"]["text"] for block in content["blocks"])]


def test_slack_gets_a_title_the_sentence_and_a_link(receiver):
    send(slack(receiver.url))

    assert slack_texts(receiver) == [
        "Firing: budget-80 (warning): 85 of 100",
        "Firing: budget-80 (warning)",
        "85 of 100",
        "monthly, since 2026-11-20 12:00 UTC, sophia-e1",
        "<https://metrics.example.com/|Dashboard>",
    ]


@pytest.mark.parametrize(
    ("kind", "title"),
    [
        (DeliveryKind.FIRE, "Firing"),
        (DeliveryKind.REMIND, "Still firing"),
        (DeliveryKind.CORRECT, "Firing again"),
        (DeliveryKind.RESOLVE, "Resolved"),
    ],
)
def test_slack_says_what_kind_of_message_it_is(receiver, kind, title):
    send(slack(receiver.url), notification(kind=kind))

    assert slack_texts(receiver)[1].startswith(f"{title}: ")


def test_nobody_can_be_mentioned_through_slack(receiver):
    bait = "<!channel> <@U123> <https://evil.example|click> a & b @here #general"
    send(slack(receiver.url), notification(bait, subject="<!everyone>"))

    texts = slack_texts(receiver)[:4]
    assert not any(character in text for text in texts for character in "<>")
    assert "&lt;!channel&gt;" in texts[2]
    assert "a &amp; b" in texts[2]
    content = receiver.posts[0].content
    assert content["link_names"] is False
    assert all(block["text"]["verbatim"] for block in content["blocks"])


def test_a_message_of_any_length_fits_slack(receiver):
    send(slack(receiver.url), notification("&" * 10_000))

    assert max(map(len, slack_texts(receiver)[1:])) <= 3_000


# --- secrets and health ------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [webhook, slack])
def test_neither_url_nor_secret_is_in_a_log_or_in_the_look_of_a_notifier(receiver, make, caplog):
    caplog.set_level(logging.DEBUG)
    notifier = make(receiver.url)
    send(notifier)

    assert "a-secret-path" not in caplog.text
    assert SECRET not in caplog.text
    assert "secret" not in repr(notifier) + str(vars(notifier)).replace("_secret", "")


def test_what_others_do_with_httpx_is_still_logged_afterwards(receiver):
    send(webhook(receiver.url))

    assert logging.getLogger("httpx").filters == []


@pytest.mark.parametrize("make", [webhook, slack])
def test_a_notifier_is_healthy_where_its_host_takes_connections_and_sends_nothing_for_that(receiver, make):
    health = asyncio.run(make(receiver.url).health_check())

    assert health.status is HealthStatus.HEALTHY
    assert receiver.posts == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "ftp://127.0.0.1/", "nonsense"])
def test_a_notifier_whose_host_is_away_is_down_and_names_no_url(url):
    health = asyncio.run(webhook(url).health_check())

    assert health.status is HealthStatus.DOWN
    assert url not in health.message
