"""Days of time zones: each instant is in one, clock changes included, and settled days are a beginning of them."""

from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sophia_metrics.calendars import DAYS_AHEAD, DAYS_BACK, calendar_frame, local_day, settled_on, settled_through

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kathmandu",  # 5:45 ahead
    "Australia/Lord_Howe",  # changes by half an hour
    "America/Santiago",  # changes at midnight: one day begins at 01:00
    "Pacific/Chatham",  # 12:45 ahead, 13:45 in summer
    "Pacific/Kiritimati",  # 14 hours ahead
]
at = datetime.fromisoformat
moments = st.datetimes(at("2015-06-01"), at("2035-01-01"))
zones = st.sampled_from(ZONES)


def days_of(zone, now):
    return calendar_frame([zone], now).rows(named=True)


@settings(deadline=None, max_examples=40)
@given(moments, zones)
def test_the_days_of_a_zone_follow_one_another_without_gap_or_overlap(now, zone):
    days = days_of(zone, now)

    assert len(days) == DAYS_BACK + 1 + DAYS_AHEAD
    assert all(day["end_at"] == following["start_at"] for day, following in pairwise(days))
    (today,) = [day for day in days if day["start_at"] <= now < day["end_at"]]
    assert today["day_on"] == local_day(now, zone)


@settings(deadline=None, max_examples=40)
@given(moments, zones)
def test_the_month_that_holds_now_is_there_from_its_first_day_to_its_last(now, zone):
    today = local_day(now, zone)
    following = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
    month = [day["day_on"] for day in days_of(zone, now) if day["month_on"] == today.replace(day=1)]

    assert (month[0], month[-1]) == (today.replace(day=1), following - timedelta(days=1))


@settings(deadline=None, max_examples=40)
@given(moments, zones)
def test_a_day_is_settled_exactly_where_it_ended_before_the_instant(moment, zone):
    last = settled_on(moment, zone)
    settled = [day["day_on"] for day in days_of(zone, moment) if day["end_at"] < moment]

    assert settled[-1] == last


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("America/New_York", "2026-03-08", 23),
        ("America/New_York", "2026-11-01", 25),
        ("Australia/Lord_Howe", "2026-10-04", 23.5),
        ("America/Santiago", "2026-09-06", 23),
        ("UTC", "2026-10-25", 24),
    ],
)
def test_a_day_is_as_long_as_its_clocks_say(zone, day, hours):
    (found,) = [each for each in days_of(zone, at(day)) if each["day_on"] == date.fromisoformat(day)]

    assert (found["end_at"] - found["start_at"]) / timedelta(hours=1) == hours


def test_files_of_a_day_are_settled_an_hour_after_its_end_and_not_at_that_very_moment():
    hour, day = timedelta(hours=1), timedelta(hours=24)

    assert settled_on(settled_through(at("2026-11-20 01:00"), hour), "UTC") == date(2026, 11, 18)
    assert settled_on(settled_through(at("2026-11-20 01:00:00.000001"), hour), "UTC") == date(2026, 11, 19)
    assert settled_on(settled_through(at("2026-11-20 23:00"), day), "UTC") == date(2026, 11, 18)


def test_weekends_are_saturdays_and_sundays():
    days = {day["day_on"]: day["is_weekend"] for day in days_of("UTC", at("2026-11-20"))}

    assert [days[date(2026, 11, 20) + timedelta(days=ahead)] for ahead in range(4)] == [False, True, True, False]


def test_days_of_every_zone_begin_with_a_quarter_of_an_hour():
    """So that quarters of an hour hold the spend of any day exactly. Rows before 2015 are not accepted."""
    odd = {
        name
        for name in available_timezones()
        for week in range(20 * 52)
        if (at("2015-01-01T00:00+00:00") + timedelta(weeks=week)).astimezone(ZoneInfo(name)).utcoffset()
        % timedelta(minutes=15)
    }

    assert odd == set()
