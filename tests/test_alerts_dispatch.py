"""The dispatcher, on a real warehouse and a real server: in order, at least once, and nothing kept but a code."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from sophia_metrics.alerts.dispatch import Dispatched, dispatch
from sophia_metrics.alerts.episode import Delivery, DeliveryKind, DeliveryStatus
from sophia_metrics.alerts.notifier import Answer, Outcome
from sophia_metrics.alerts.records import read_known, record_of
from sophia_metrics.alerts.retrying import GIVE_UP_AFTER, after_answer, backoff
from sophia_metrics.notifiers.slack import SlackNotifier
from sophia_metrics.notifiers.webhook import WebhookNotifier
from sophia_metrics.warehouse.duckdb.adapter import DuckDBWarehouse
from sophia_metrics.warehouse.protocol import Query
from tests.receiver import HANG, RESET, Receiver
from tests.test_alerts_evaluation import an_episode

ROOT = Path(__file__).parent.parent
NOW = datetime(2026, 11, 20, 12)
FIRE, RESOLVE = DeliveryKind.FIRE, DeliveryKind.RESOLVE
SECONDS = timedelta(seconds=1)


class Place:
    """A warehouse with an outbox, a webhook that it sends to, and a clock."""

    def __init__(self, folder, receiver):
        self.warehouse = DuckDBWarehouse(folder / "state")
        self.warehouse.prepare(NOW)
        self.receiver = receiver
        self.now = NOW
        self.notifiers = {
            "ops": WebhookNotifier("ops", SecretStr(receiver.url), SecretStr("key of the tests"), 0.5),
        }

    def write(self, *deliveries, **fields):
        episodes = {each.episode_id: an_episode(episode_id=each.episode_id, **fields) for each in deliveries}
        self.warehouse.record(record_of(episodes.values(), deliveries))

    def send(self, after=timedelta()):
        self.now += after
        return dispatch(self.warehouse, self.notifiers, lambda: self.now)

    @property
    def rows(self):
        """Return (kind, status, attempts, response, seconds until the next attempt) in the order of sending."""
        known = read_known(self.warehouse, NOW).deliveries
        return [
            (
                each.kind.value,
                each.status.value,
                each.attempt_count,
                each.response,
                each.next_attempt_at and (each.next_attempt_at - NOW) / SECONDS,
            )
            for each in sorted(known, key=lambda each: (each.episode_id, each.channel, each.sequence_number))
        ]


def delivery(kind=FIRE, number=1, episode="e1", channel="ops", created_at=NOW):
    return Delivery(episode, channel, kind, number, 0.85, "85 of 100", created_at, next_attempt_at=created_at)


@pytest.fixture
def place(tmp_path):
    with Receiver() as receiver:
        yield Place(tmp_path, receiver)


def test_a_message_that_was_decided_before_the_clock_went_back_goes_at_once(place):
    place.write(delivery(created_at=NOW + timedelta(days=1)))
    assert place.send() == Dispatched(sent_count=1)


def test_a_fire_and_its_resolve_arrive_in_their_order_and_once(place):
    place.write(delivery(), delivery(RESOLVE, 2))

    assert place.send() == Dispatched(sent_count=2)
    assert place.send() == Dispatched()
    assert place.receiver.kinds == ["fire", "resolve"]
    assert place.rows == [("fire", "sent", 1, "200 ok", None), ("resolve", "sent", 1, "200 ok", None)]


def test_a_server_that_fails_first_gets_the_same_message_again_when_it_is_time(place):
    place.write(delivery())
    place.receiver.answers(500)

    assert place.send() == Dispatched(waiting_count=1)
    assert place.rows == [("fire", "pending", 1, "500 server_error", 30.0)]
    assert place.send(29 * SECONDS) == Dispatched(waiting_count=1)
    assert place.send(1 * SECONDS) == Dispatched(sent_count=1)
    first, second = place.receiver.posts
    assert first.body == second.body
    assert first.headers["X-Sophia-Timestamp"] != second.headers["X-Sophia-Timestamp"]
    assert place.rows == [("fire", "sent", 2, "200 ok", None)]


def test_a_resolve_waits_for_the_fire_before_it(place):
    place.write(delivery(), delivery(RESOLVE, 2))
    place.receiver.answers(503)

    assert place.send() == Dispatched(waiting_count=2)
    assert place.send(30 * SECONDS) == Dispatched(sent_count=2)
    assert place.receiver.kinds == ["fire", "fire", "resolve"]


@pytest.mark.parametrize("how", [HANG, RESET])
def test_an_answer_that_is_lost_leads_to_a_repeat_with_the_same_keys(place, how):
    place.write(delivery())
    place.receiver.answers(how)

    place.send()
    place.send(30 * SECONDS)

    keys = {(post.content["dedup_key"], post.headers["X-Sophia-Delivery"]) for post in place.receiver.posts}
    assert (len(place.receiver.posts), keys) == (2, {("sophia-e1", "e1-1-fire")})


def test_a_receiver_that_asks_for_patience_is_left_alone_altogether_until_then(place):
    place.write(delivery(), delivery(episode="e2", created_at=NOW + SECONDS))
    place.receiver.answers((429, "120"))

    assert place.send(2 * SECONDS) == Dispatched(waiting_count=2)
    assert place.rows[0] == ("fire", "pending", 1, "429 rate_limited", 122.0)
    assert place.send(100 * SECONDS) == Dispatched(waiting_count=2)
    assert len(place.receiver.posts) == 1
    assert place.send(20 * SECONDS) == Dispatched(sent_count=2)


def test_a_channel_that_is_away_is_tried_once_a_pass_and_holds_up_no_other(place):
    place.notifiers["team"] = SlackNotifier("team", SecretStr(place.receiver.url), 0.5)
    episodes = ("e1", "e2", "e3")
    place.write(*(delivery(episode=episode, channel=name) for episode in episodes for name in ("ops", "team")))
    place.receiver.answers(500)

    assert place.send() == Dispatched(sent_count=3, waiting_count=3)
    assert len(place.receiver.posts) == 4


def test_what_a_receiver_refuses_is_failed_and_the_resolve_is_still_tried(place, caplog):
    place.write(delivery(), delivery(RESOLVE, 2))
    place.receiver.answers(404)

    assert place.send() == Dispatched(sent_count=1, failed_count=1)
    assert place.rows == [("fire", "failed", 1, "404 not_found", None), ("resolve", "sent", 1, "200 ok", None)]
    assert "a fire to ops is given up (404 not_found): correct the URL of that notifier" in caplog.text
    assert "a-secret-path" not in caplog.text


def test_nothing_of_an_answer_is_kept_but_a_code_and_a_word(place):
    place.write(delivery())
    place.receiver.answers(400)
    place.send()

    rows = place.warehouse.read(Query("SELECT CAST(t AS VARCHAR) AS row_text FROM core_alert_deliveries AS t"))
    assert "400 rejected" in rows.item()
    assert "a body with words" not in rows.item()
    assert "a-secret-path" not in rows.item()


def test_messages_of_a_notifier_that_is_not_there_wait_for_it_and_are_given_up_in_the_end(place):
    place.write(delivery(channel="later"))

    assert place.send() == Dispatched(waiting_count=1)
    place.notifiers["later"] = place.notifiers["ops"]
    assert place.send(timedelta(days=2)) == Dispatched(sent_count=1)
    place.write(delivery(channel="never", episode="e2"))
    assert place.send(timedelta(days=6)) == Dispatched(failed_count=1)


def test_a_dispatcher_that_is_killed_between_post_and_mark_repeats_one_message_with_its_keys(place):
    place.write(delivery(), delivery(RESOLVE, 2))
    command = [sys.executable, "-m", "tests.dispatcher_process", str(place.warehouse.folder), place.receiver.url]
    done = subprocess.run(command, cwd=ROOT, env=os.environ, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    assert place.rows[0] == ("fire", "pending", 0, None, 0.0)

    assert place.send() == Dispatched(sent_count=2)

    assert place.receiver.kinds == ["fire", "fire", "resolve"]
    repeated = [post.headers["X-Sophia-Delivery"] for post in place.receiver.posts]
    assert repeated == ["e1-1-fire", "e1-1-fire", "e1-2-resolve"]
    assert len({post.content["dedup_key"] for post in place.receiver.posts}) == 1


# --- what an answer makes of a delivery --------------------------------------------------------------------

AGAIN = Answer(Outcome.TRY_AGAIN, "503 server_error")


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(1, 30), (2, 60), (3, 120), (7, 1920), (8, 3600), (9, 3600), (1_000, 3600)]
)
def test_the_delay_doubles_up_to_an_hour(attempts, seconds):
    assert backoff(attempts) == seconds * SECONDS


@pytest.mark.parametrize(("asked", "seconds"), [(0.0, 0), (7.0, 7), (3_000_000.0, 86_400)])
def test_a_retry_after_wins_over_our_own_delay_up_to_a_day(asked, seconds):
    after = after_answer(delivery(), replace(AGAIN, retry_after_seconds=asked), NOW)

    assert after.next_attempt_at == NOW + seconds * SECONDS


def test_after_a_week_of_trying_a_message_is_given_up_with_its_last_answer():
    tried = replace(delivery(), attempt_count=100)
    late = NOW + GIVE_UP_AFTER

    after = after_answer(tried, AGAIN, late)

    assert (after.status, after.response, after.finished_at) == (DeliveryStatus.FAILED, "503 server_error", late)
    assert after_answer(tried, AGAIN, late - timedelta(hours=1)).status is DeliveryStatus.PENDING
