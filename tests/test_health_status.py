"""The status of a service over rounds: thresholds, gaps, maintenance and a bad vantage."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sophia_metrics.health.answer import Outcome
from sophia_metrics.health.status import Earlier, ServiceStatus, Thresholds, fresh_for, next_status

NOW = datetime(2026, 11, 20, 12)
MINUTE = timedelta(minutes=1)
WORDS = {"o": Outcome.OK, "d": Outcome.DEGRADED, "f": Outcome.FAILED, "s": Outcome.SKIPPED}


@dataclass
class Service:
    """A service that is asked once a minute, and the rows that are kept of it."""

    thresholds: Thresholds = field(default_factory=Thresholds)
    at: datetime = NOW
    earlier: list[Earlier] = field(default_factory=list)

    def probe(self, outcome: Outcome, *, after: timedelta = MINUTE, **about) -> ServiceStatus:
        self.at += after
        status = next_status(
            outcome,
            self.earlier[: max(self.thresholds.failures, self.thresholds.successes)],
            self.thresholds,
            probed_at=self.at,
            holds_for=fresh_for(60),
            **about,
        )
        is_telling = outcome is not Outcome.SKIPPED and about.get("is_vantage_ok", True)
        if is_telling and not about.get("is_maintained"):
            self.earlier.insert(0, Earlier(self.at, outcome, status))
        return status

    def rounds(self, letters: str) -> str:
        """Probe once a letter; return the first letter of each status, with x for down."""
        return "".join("x" if (status := self.probe(WORDS[each])) == "down" else status[0] for each in letters)


@pytest.mark.parametrize(
    ("outcomes", "statuses"),
    [
        ("o", "h"),
        ("d", "d"),
        ("f", "u"),
        ("fff", "uux"),
        ("ofof", "hhhh"),
        ("offo", "hhhh"),
        ("offf", "hhhx"),
        ("offfo", "hhhxx"),
        ("offfoo", "hhhxxh"),
        ("offfofoo", "hhhxxxxh"),
        ("offfdd", "hhhxxd"),
        ("offfdo", "hhhxxh"),
        ("odo", "hdh"),
        ("odfo", "hddh"),
        ("odfff", "hdddx"),
        ("offsf", "hhhux"),
        ("offfsoo", "hhhxuxh"),
    ],
)
def test_three_failures_make_it_down_and_two_good_answers_make_it_healthy_again(outcomes, statuses):
    assert Service().rounds(outcomes) == statuses


def test_thresholds_of_one_follow_every_answer():
    assert Service(Thresholds(1, 1)).rounds("ofofd") == "hxhxd"


def test_after_a_gap_old_failures_do_not_count_and_old_health_is_not_known():
    service = Service()
    service.rounds("off")

    assert service.probe(Outcome.FAILED, after=timedelta(seconds=151)) is ServiceStatus.UNKNOWN
    assert service.rounds("ff") == "ux"


def test_two_and_a_half_intervals_are_no_gap():
    service = Service()
    service.rounds("off")

    assert service.probe(Outcome.FAILED, after=timedelta(seconds=150)) is ServiceStatus.DOWN


def test_what_was_down_before_a_gap_has_to_recover():
    service = Service()
    service.rounds("fff")

    assert service.probe(Outcome.OK, after=timedelta(hours=1)) is ServiceStatus.DOWN
    assert service.rounds("o") == "h"


def test_in_maintenance_nothing_counts_and_after_it_the_service_is_as_it_was():
    service = Service()
    service.rounds("off")

    assert service.probe(Outcome.FAILED, is_maintained=True) is ServiceStatus.MAINTENANCE
    assert service.rounds("o") == "h"


def test_from_a_bad_vantage_nothing_is_known_and_no_failure_counts():
    service = Service()
    service.rounds("off")

    assert service.probe(Outcome.FAILED, is_vantage_ok=False) is ServiceStatus.UNKNOWN
    assert service.probe(Outcome.OK) is ServiceStatus.HEALTHY


ROUNDS = st.lists(
    st.tuples(
        st.sampled_from([*Outcome, Outcome.FAILED, Outcome.OK]),
        st.sampled_from([MINUTE, MINUTE, MINUTE, timedelta(minutes=3)]),
        st.sampled_from(["", "", "", "maintained", "blind"]),
    ),
    max_size=40,
)


def statuses_of(service, rounds):
    return [
        service.probe(outcome, after=after, is_maintained=about == "maintained", is_vantage_ok=about != "blind")
        for outcome, after, about in rounds
    ]


@given(ROUNDS, st.integers(1, 4), st.integers(1, 4))
def test_a_service_leaves_down_only_after_enough_good_answers_in_a_row_without_a_gap(rounds, failures, successes):
    service = Service(Thresholds(failures, successes))
    statuses_of(service, rounds)

    kept = list(reversed(service.earlier))
    for place, each in enumerate(kept):
        if each.status in {ServiceStatus.HEALTHY, ServiceStatus.DEGRADED} and was_down(kept[:place]):
            last = kept[place - successes + 1 : place + 1]
            assert len(last) == successes
            assert all(one.outcome is not Outcome.FAILED for one in last)
            assert all(later.probed_at - one.probed_at <= fresh_for(60) for one, later in pairwise(last))


def was_down(before):
    return bool(before) and before[-1].status is ServiceStatus.DOWN


@given(ROUNDS, st.integers(1, 4), st.integers(1, 4))
def test_a_service_becomes_down_only_by_enough_failures_in_a_row(rounds, failures, successes):
    service = Service(Thresholds(failures, successes))
    statuses_of(service, rounds)

    kept = list(reversed(service.earlier))
    for place, each in enumerate(kept):
        if each.status is ServiceStatus.DOWN and not was_down(kept[:place]):
            last = kept[place - failures + 1 : place + 1]
            assert len(last) == failures
            assert all(one.outcome is Outcome.FAILED for one in last)


@given(ROUNDS)
def test_a_round_that_tells_nothing_shows_no_health_and_changes_nothing_for_later_rounds(rounds):
    service, told = Service(), Service()
    for (outcome, after, about), status in zip(rounds, statuses_of(service, rounds), strict=True):
        if about == "maintained":
            assert status is ServiceStatus.MAINTENANCE
        elif about == "blind" or outcome is Outcome.SKIPPED:
            assert status is ServiceStatus.UNKNOWN
        else:
            assert told.probe(outcome, after=after) is status
            continue
        told.at += after

    assert told.earlier == service.earlier


@given(ROUNDS)
def test_a_failed_probe_never_makes_a_service_healthier(rounds):
    order = [ServiceStatus.DOWN, ServiceStatus.UNKNOWN, ServiceStatus.DEGRADED, ServiceStatus.HEALTHY]
    service = Service()
    for outcome, after, _ in rounds:
        before = service.earlier[0].status if service.earlier else ServiceStatus.UNKNOWN
        status = service.probe(outcome, after=after)
        if outcome is Outcome.FAILED:
            assert order.index(status) <= order.index(before)
