"""Periods of budgets: they tile the time line of any zone, whatever its clocks and its calendar do."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sophia_metrics.periods import LAST_START_DAYS, PERIODS, Terms, period_frame
from sophia_metrics.windows import Window

ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "America/Santiago", "Pacific/Chatham", "Asia/Tehran"]
)
TERMS = st.sampled_from(PERIODS).flatmap(
    lambda period: st.builds(Terms, ZONES, st.just(period), st.integers(1, LAST_START_DAYS[period]))
)
MOMENTS = st.datetimes(datetime(2015, 1, 1), datetime(2045, 1, 1))
LONGEST = {"day": 1, "week": 7, "month": 31, "quarter": 93}


@given(TERMS, MOMENTS)
@example(Terms("Europe/Berlin", "month", 31), datetime(2028, 2, 29, 22, 59, 59, 999_999))
@example(Terms("America/Santiago", "quarter", 6), datetime(2026, 9, 6, 3, 59, 59, 999_999))
@example(Terms("UTC", "quarter", 31), datetime(2027, 4, 30))
def test_every_moment_is_in_exactly_one_period_and_the_next_begins_where_it_ends(terms, moment):
    start = terms.current(moment)
    window, following = terms.window(start), terms.window(terms.following(start))

    assert window.start_at <= moment < window.end_at
    assert following.start_at == window.end_at
    assert terms.start_of(start - timedelta(days=1)) < start
    assert terms.window(terms.start_of(start - timedelta(days=1))).end_at == window.start_at


@given(TERMS, st.dates(date(2015, 1, 1), date(2045, 1, 1)))
def test_the_days_of_a_period_are_the_period(terms, day):
    start, end = terms.start_of(day), terms.following(terms.start_of(day))
    days = [start + timedelta(days=ahead) for ahead in range((end - start).days)]
    windows = [Window.of_day(each, terms.time_zone) for each in days]

    assert day in days
    assert {terms.start_of(each) for each in days} == {start}
    assert all(left.end_at == right.start_at for left, right in pairwise(windows))
    assert (windows[0].start_at, windows[-1].end_at) == (terms.window(start).start_at, terms.window(start).end_at)
    assert len(days) <= LONGEST[terms.period]


@given(TERMS, MOMENTS)
def test_the_period_of_a_moment_is_that_of_its_day_on_the_wall(terms, moment):
    wall = moment.replace(tzinfo=UTC).astimezone(ZoneInfo(terms.time_zone)).date()
    assert terms.current(moment) == terms.start_of(wall)


@pytest.mark.parametrize(
    ("period", "start_day", "day", "start", "following"),
    [
        ("week", 1, date(2026, 11, 22), date(2026, 11, 16), date(2026, 11, 23)),  # a Sunday
        ("week", 7, date(2026, 11, 22), date(2026, 11, 22), date(2026, 11, 29)),
        ("month", 15, date(2026, 3, 14), date(2026, 2, 15), date(2026, 3, 15)),
        ("month", 31, date(2028, 2, 28), date(2028, 1, 31), date(2028, 2, 29)),  # a leap year
        ("month", 31, date(2028, 2, 29), date(2028, 2, 29), date(2028, 3, 31)),
        ("month", 30, date(2027, 2, 28), date(2027, 2, 28), date(2027, 3, 30)),
        ("month", 1, date(2026, 12, 31), date(2026, 12, 1), date(2027, 1, 1)),
        ("quarter", 1, date(2026, 9, 30), date(2026, 7, 1), date(2026, 10, 1)),
        ("quarter", 15, date(2026, 1, 14), date(2025, 10, 15), date(2026, 1, 15)),
        ("quarter", 31, date(2026, 4, 30), date(2026, 4, 30), date(2026, 7, 31)),
        ("quarter", 31, date(2026, 4, 29), date(2026, 1, 31), date(2026, 4, 30)),
    ],
)
def test_a_period_begins_and_ends_where_the_calendar_says(period, start_day, day, start, following):
    terms = Terms("UTC", period, start_day)
    assert (terms.start_of(day), terms.following(start)) == (start, following)


def test_clocks_that_change_make_a_period_an_hour_shorter_or_longer():
    hours = [
        (window.end_at - window.start_at) / timedelta(hours=1)
        for window in (
            Terms("Europe/Berlin", "week").window(date(2026, 3, 23)),
            Terms("Europe/Berlin", "week").window(date(2026, 10, 19)),
            Terms("America/New_York", "quarter", 15).window(date(2026, 10, 15)),
        )
    ]
    assert hours == [7 * 24 - 1, 7 * 24 + 1, 92 * 24 + 1]


@given(st.lists(TERMS, max_size=3), MOMENTS)
def test_the_frame_has_the_period_that_holds_and_the_one_before_once_for_each_terms(terms, now):
    rows = period_frame([*terms, *terms], now).rows(named=True)

    assert len(rows) == 2 * len(set(terms))
    for before, current in zip(rows[::2], rows[1::2], strict=True):
        assert before["end_at"] == current["start_at"] <= now < current["end_at"]
        assert before["period_end_on"] + timedelta(days=1) == current["period_start_on"]
