"""Alerts as events of Prefect's own server, over its HTTP API."""

import asyncio
import time
from datetime import timedelta

import httpx
import pytest
from prefect.settings import PREFECT_API_URL
from pydantic import SecretStr

from sophia_metrics.alerts.notifier import Outcome
from sophia_metrics.notifiers.prefect_events import PrefectEventsNotifier
from tasks.clock import utc_now
from tests.test_channels import DeliveryKind, Notification, member, replace

pytestmark = pytest.mark.prefect
DEADLINE_SECONDS = 60
EVENT_COUNT = 2


def alert(kind):
    """Return one message, decided now: the server lists events by when they occurred."""
    episode, told = member(kind)
    return Notification(episode, replace(told, created_at=utc_now()), utc_now())


def events(url):
    now = utc_now()
    since, until = (f"{each.isoformat()}Z" for each in (now - timedelta(hours=1), now + timedelta(hours=1)))
    wanted = {"occurred": {"since": since, "until": until}, "event": {"prefix": ["sophia.alert."]}}
    answer = httpx.post(f"{url}/events/filter", json={"filter": wanted}, timeout=30).raise_for_status()
    return answer.json()["events"]


def test_a_fire_and_its_resolve_are_events_of_one_resource_and_a_repeat_is_none(prefect_server):
    url = PREFECT_API_URL.value()
    notifier = PrefectEventsNotifier("automations", SecretStr(url), deadline_seconds=30)
    fire = alert(DeliveryKind.FIRE)

    told = (fire, fire, alert(DeliveryKind.RESOLVE))
    assert {asyncio.run(notifier.send(each)).outcome for each in told} == {Outcome.DELIVERED}

    deadline, found = time.monotonic() + DEADLINE_SECONDS, events(url)
    while len(found) < EVENT_COUNT:
        assert time.monotonic() < deadline
        time.sleep(0.2)  # the server writes events in the background
        found = events(url)
    assert sorted(each["event"] for each in found) == ["sophia.alert.fire", "sophia.alert.resolve"]
    assert {each["resource"]["prefect.resource.id"] for each in found} == {"sophia.alert.e1"}
