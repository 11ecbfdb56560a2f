"""Some days of the quarter through the flows: the expected messages and no other, with numbers that SQL finds."""

from datetime import date, timedelta

import pytest

from tests.quarter.life import Quarter
from tests.quarter.oracle import budget_messages
from tests.receiver import RESET, Receiver

DAYS = tuple(date(2026, 8, 17) + timedelta(days=place) for place in range(5))
"""The days around the runaway team; `python -m tests.quarter` lives through all of them."""


@pytest.fixture(scope="module")
def quarter(tmp_path_factory):
    with (
        pytest.MonkeyPatch.context() as patch,
        Receiver() as ops,
        Receiver([500, RESET, 503]) as shaky,
        Receiver() as gone,
    ):
        gone.answers(*[302] * 1000)
        patch.setenv("QUARTER_SECRET", "a key of the tests")
        receivers = {"ops": ops, "shaky": shaky, "gone": gone}
        for name, receiver in receivers.items():
            patch.setenv(f"QUARTER_{name}_URL", receiver.url)
        lived = Quarter(tmp_path_factory.mktemp("quarter"), receivers)
        lived.live(iter(DAYS))
        yield lived


def test_exactly_the_expected_messages_about_spend_are_sent(quarter):
    said = [each for each in quarter.said if each.rule.startswith("budget-") and "forecast" not in each.rule]
    assert said == list(budget_messages(DAYS))


def test_every_number_of_every_message_is_found_by_sql(quarter):
    assert quarter.said
    assert quarter.unfound == []


def test_a_channel_that_fails_at_first_is_told_the_same_in_the_end(quarter):
    assert quarter.differing_channels() == []


def test_a_channel_that_sends_us_elsewhere_is_given_up_and_stops_nothing(quarter):
    statuses = quarter.query("SELECT DISTINCT channel, status FROM core_alert_deliveries ORDER BY ALL")
    assert statuses == [("gone", "failed"), ("ops", "sent"), ("shaky", "sent")]
