"""Windows are half-open UTC intervals; days and months are those of a time zone."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sophia_metrics.windows import Window, naive_utc

HOUR = timedelta(hours=1)
INSTANTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1))
WINDOWS = st.builds(
    lambda start, length: Window(start, start + length),
    INSTANTS,
    st.timedeltas(timedelta(microseconds=1), timedelta(days=40)),
)


def at(*parts):
    return datetime(*parts)


def length(window):
    return window.end_at - window.start_at


@given(WINDOWS, st.integers(1, 50))
def test_the_parts_of_a_split_join_to_the_window_again(window, count):
    parts = list(window.split(length(window) / count + timedelta(microseconds=1)))

    assert (parts[0].start_at, parts[-1].end_at) == (window.start_at, window.end_at)
    assert [part.end_at for part in parts[:-1]] == [part.start_at for part in parts[1:]]


@given(WINDOWS, st.integers(1, 50))
def test_no_part_of_a_split_is_longer_than_the_step(window, count):
    step = length(window) / count + timedelta(microseconds=1)

    assert all(timedelta() < length(part) <= step for part in window.split(step))


def test_the_last_part_of_a_split_is_the_rest():
    parts = Window(at(2026, 11, 20), at(2026, 11, 20, 2, 30)).split(HOUR)

    assert [length(part) for part in parts] == [HOUR, HOUR, HOUR / 2]


@pytest.mark.parametrize("step", [timedelta(), -HOUR])
def test_a_window_is_not_split_by_a_step_that_does_not_move_on(step):
    with pytest.raises(ValueError, match="positive step"):
        list(Window(at(2026, 11, 20), at(2026, 11, 21)).split(step))


@given(st.dates(date(2020, 1, 1), date(2029, 12, 1)), st.integers(0, 60))
def test_the_days_of_a_window_of_days_are_those_days(first, more):
    last = first + timedelta(days=more)

    assert list(Window.of_days(first, last).days()) == [first + timedelta(days=n) for n in range(more + 1)]


def test_a_window_touches_the_day_of_its_start_and_not_the_day_of_a_midnight_end():
    window = Window(at(2026, 11, 19, 23, 59), at(2026, 11, 21))

    assert list(window.days()) == [date(2026, 11, 19), date(2026, 11, 20)]


@pytest.mark.parametrize(
    ("day", "start_at", "hours"),
    [
        (date(2026, 3, 28), at(2026, 3, 27, 23), 24),
        (date(2026, 3, 29), at(2026, 3, 28, 23), 23),  # clocks go from 2:00 to 3:00
        (date(2026, 10, 25), at(2026, 10, 24, 22), 25),  # clocks go from 3:00 to 2:00
    ],
)
def test_a_day_of_berlin_is_as_long_as_its_clocks_say(day, start_at, hours):
    window = Window.of_day(day, "Europe/Berlin")

    assert (window.start_at, length(window)) == (start_at, hours * HOUR)


def test_days_of_a_time_zone_follow_each_other_without_gap_over_a_change_of_clocks():
    days = [Window.of_day(date(2026, 3, 28) + timedelta(days=n), "Europe/Berlin") for n in range(3)]

    assert [day.end_at for day in days[:-1]] == [day.start_at for day in days[1:]]


def test_a_day_whose_midnight_does_not_exist_starts_with_the_first_minute_that_does():
    # In Cairo the clocks go from 0:00 to 1:00 on 2026-04-24: 1:00 at +03:00 is 22:00 UTC of the day before.
    window = Window.of_day(date(2026, 4, 24), "Africa/Cairo")

    assert (window.start_at, length(window)) == (at(2026, 4, 23, 22), 23 * HOUR)


@pytest.mark.parametrize(
    ("day", "start_at", "end_at"),
    [
        (date(2026, 1, 31), at(2026, 1, 1), at(2026, 2, 1)),
        (date(2028, 2, 29), at(2028, 2, 1), at(2028, 3, 1)),  # a leap year
        (date(2026, 12, 1), at(2026, 12, 1), at(2027, 1, 1)),
    ],
)
def test_a_month_ends_where_the_next_begins(day, start_at, end_at):
    assert Window.of_month(day) == Window(start_at, end_at)


def test_a_month_of_a_time_zone_starts_and_ends_at_its_own_midnights():
    # Berlin: March starts at +01:00 and ends at +02:00.
    assert Window.of_month(date(2026, 3, 15), "Europe/Berlin") == Window(at(2026, 2, 28, 23), at(2026, 3, 31, 22))


def test_a_window_holds_its_start_and_not_its_end():
    window = Window(at(2026, 11, 20), at(2026, 11, 21))

    assert at(2026, 11, 20) in window
    assert at(2026, 11, 21) not in window


@pytest.mark.parametrize("end_at", [at(2026, 11, 20), at(2026, 11, 19)])
def test_an_empty_window_is_refused(end_at):
    with pytest.raises(ValueError, match="is empty"):
        Window(at(2026, 11, 20), end_at)


def test_a_window_of_moments_with_a_time_zone_is_refused():
    with pytest.raises(ValueError, match="naive UTC"):
        Window(datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC))


def test_a_moment_of_another_offset_becomes_naive_utc():
    moment = datetime(2026, 11, 20, 1, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))

    assert naive_utc(moment) == at(2026, 11, 19, 20)


def test_a_moment_without_a_time_zone_is_refused():
    with pytest.raises(ValueError, match="has no time zone"):
        naive_utc(at(2026, 11, 20))
