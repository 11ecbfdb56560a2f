"""Lanes: side by side, each in its order; what fails fails where it is asked for, and the end of the block stops all."""

from contextvars import ContextVar
from threading import Barrier, Event, get_ident

import pytest

from sophia_metrics.lanes import side_by_side

LONG = 30.0
"""Seconds after which a test that waits in vain fails."""


def test_lanes_are_done_at_once():
    meeting = Barrier(2, timeout=LONG)

    with side_by_side([{"one": lambda _: meeting.wait()}, {"other": lambda _: meeting.wait()}], 2) as found:
        assert sorted(each.result() for each in found.values()) == [0, 1]


def test_the_jobs_of_a_lane_are_done_in_their_order_by_one_thread():
    done = []

    def job(name):
        return lambda _: done.append((name, get_ident()))

    with side_by_side([{name: job(name) for name in "abc"}], 4) as found:
        [each.result() for each in found.values()]

    assert [name for name, _ in done] == ["a", "b", "c"]
    assert len({thread for _, thread in done}) == 1


def test_no_more_lanes_are_open_than_allowed():
    threads = set()

    with side_by_side([{str(number): lambda _: threads.add(get_ident())} for number in range(5)], 1) as found:
        [each.result() for each in found.values()]

    assert len(threads) == 1


def test_a_failure_is_raised_where_the_result_is_asked_for_and_the_next_job_has_its_turn():
    def fail(_):
        raise ValueError("no")

    with side_by_side([{"bad": fail, "good": lambda _: 7}], 1) as found:
        assert found["good"].result() == 7
        with pytest.raises(ValueError, match="no"):
            found["bad"].result()


def test_at_the_end_of_the_block_what_runs_is_told_to_stop_and_what_has_not_begun_never_does():
    begun, later = Event(), []

    def wait(stop):
        begun.set()
        return stop.wait(LONG)

    with side_by_side([{"first": wait, "second": lambda _: later.append(1)}], 1) as found:
        begun.wait(LONG)

    assert found["first"].result() is True
    assert found["second"].cancelled()
    assert later == []


def test_what_fails_in_the_block_stops_the_jobs_too():
    with pytest.raises(ZeroDivisionError), side_by_side([{"first": lambda stop: stop.wait(LONG)}], 1) as found:
        1 / 0  # noqa: B018

    assert found["first"].cancelled() or found["first"].result() is True


def test_a_job_knows_the_context_of_its_caller():
    who = ContextVar("who", default="nobody")
    who.set("ada")

    with side_by_side([{"first": lambda _: who.get()}], 1) as found:
        assert found["first"].result() == "ada"
