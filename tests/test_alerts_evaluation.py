"""The state machine of alerts, one behaviour at a time."""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from sophia_metrics.alerts.budget_rule import BudgetRule
from sophia_metrics.alerts.episode import Delivery, DeliveryKind, DeliveryStatus, Episode, EpisodeState
from sophia_metrics.alerts.evaluation import Channel, Known, evaluate
from sophia_metrics.alerts.observation import BudgetObservation, Observations, ServiceObservation
from sophia_metrics.alerts.service_rule import service_rules
from sophia_metrics.alerts.silence import Silence

START = datetime(2026, 11, 20, 12)
MINUTE = timedelta(minutes=1)
HOLD = 5 * MINUTE
OPS = Channel("ops", frozenset({"warning", "critical"}))
PAGER = Channel("pager", frozenset({"critical"}))
RULES = (BudgetRule(resolve_after=HOLD), *service_rules(timedelta(), HOLD, HOLD))
PENDING, FIRING, SUPPRESSED, RESOLVED = EpisodeState


def an_episode(**fields):
    """A budget of November at 80 %, firing."""
    values = {
        "episode_id": "e1",
        "fingerprint": "budget/monthly/2026-11-01/0.8",
        "episode_number": 1,
        "rule": "budget-80",
        "severity": "warning",
        "scope_type": "all",
        "scope_value": None,
        "subject": "monthly",
        "state": FIRING,
        "opened_at": START,
        "threshold": 0.8,
        "observed": 0.85,
        "message": "85 of 100",
        "evidence": "{}",
        "fired_at": START,
    }
    return Episode(**{**values, **fields})


@dataclass
class World:
    """What is known, and the hand of the clock; every evaluation is kept, as the warehouse would."""

    channels: tuple = (OPS, PAGER)
    rules: tuple = RULES
    silences: tuple = ()
    now: datetime = START
    episodes: dict = field(default_factory=dict)
    deliveries: dict = field(default_factory=dict)

    def look(self, *, budgets=None, services=None, after=MINUTE):
        """Evaluate after some time; return (rule, channel, kind) of the new deliveries."""
        self.now += after
        observations = Observations(
            None if budgets is None else tuple(budgets), None if services is None else tuple(services)
        )
        known = Known(tuple(self.episodes.values()), tuple(self.deliveries.values()))
        found = evaluate(self.rules, observations, known, self.silences, self.channels, self.now)
        self.episodes |= {each.episode_id: each for each in found.episodes}
        fresh = {(each.episode_id, each.channel, each.sequence_number): each for each in found.deliveries}
        assert not fresh.keys() & self.deliveries.keys()
        self.deliveries |= fresh
        self.last = found
        return [(self.episodes[each.episode_id].rule, each.channel, each.kind.value) for each in found.deliveries]

    def spend(self, spent, *, start=date(2026, 11, 1), after=MINUTE):
        """Look at a budget of 100."""
        seen = BudgetObservation("monthly", start, "all", Decimal(100), None if spent is None else Decimal(spent))
        return self.look(budgets=[seen], after=after)

    def serve(self, status, since=timedelta(), *, after=MINUTE, **fields):
        """Look at a service that has had a status for so long."""
        return self.look(
            services=[ServiceObservation("redis", status, self.now + after - since, **fields)], after=after
        )

    @property
    def states(self):
        return [each.state for each in self.episodes.values()]


FIRE_80 = [("budget-80", "ops", "fire")]
RESOLVE_80 = [("budget-80", "ops", "resolve")]


# --- budgets -----------------------------------------------------------------------------------------------


def test_a_threshold_that_fires_again_because_the_state_was_lost_has_the_same_dedup_key():
    world, restored = World(), World(now=START + HOLD)

    assert world.spend(80) == restored.spend(80) == FIRE_80
    assert {each.dedup_key for each in world.episodes.values()} == {
        each.dedup_key for each in restored.episodes.values()
    }


def test_a_threshold_that_is_reached_fires_at_once_on_every_channel_that_takes_it():
    world = World()

    assert world.spend(80) == FIRE_80
    assert world.spend(100) == [("budget-100", "ops", "fire"), ("budget-100", "pager", "fire")]


def test_a_thousand_evaluations_of_the_same_state_are_one_alert_and_change_nothing_more():
    world = World()
    first = world.spend(85)
    later = [world.spend(85) for _ in range(999)]

    assert (first, [each for each in later if each]) == (FIRE_80, [])
    assert world.last.is_empty
    assert len(world.episodes) == 1


def test_growing_spend_is_noted_and_not_told_again():
    world = World()
    world.spend(85)

    assert world.spend(90) == []
    assert [each.observed for each in world.episodes.values()] == [0.9]
    assert [each.observed for each in world.deliveries.values()] == [0.85]


def test_a_restatement_below_the_threshold_resolves_after_the_hold():
    world = World()
    world.spend(85)

    assert [world.spend(70), world.spend(70, after=4 * MINUTE)] == [[], []]
    assert world.spend(70) == RESOLVE_80
    assert [each.message for each in world.deliveries.values()][-1].startswith("budget monthly (all): 70.00 of 100.00")


def test_a_restatement_that_is_taken_back_within_the_hold_says_nothing():
    world = World()
    world.spend(85)
    world.spend(70)

    assert [world.spend(85), world.spend(70, after=9 * MINUTE), world.spend(85)] == [[], [], []]


def test_spend_that_rises_again_after_a_resolve_corrects_it_and_is_no_second_fire():
    world = World()
    told = [world.spend(85), world.spend(70), world.spend(70, after=HOLD), world.spend(90)]

    assert told == [FIRE_80, [], RESOLVE_80, [("budget-80", "ops", "correct")]]
    assert len(world.episodes) == 1
    assert world.spend(10, start=date(2026, 12, 1)) == RESOLVE_80


def test_a_period_that_ends_resolves_at_once_and_the_next_one_is_armed():
    world = World()
    world.spend(85)

    assert world.spend(0, start=date(2026, 12, 1)) == RESOLVE_80
    assert world.spend(81, start=date(2026, 12, 1)) == FIRE_80
    assert len({each.dedup_key for each in world.episodes.values()}) == 2


def test_unknown_spend_changes_nothing():
    world = World()
    world.spend(85)

    assert [world.spend(None, after=timedelta(hours=1)), world.look(budgets=None)] == [[], []]
    assert world.states == [FIRING]


def test_a_budget_that_is_taken_away_resolves_what_was_sent():
    world = World()
    world.spend(85)

    assert world.look(budgets=[]) == RESOLVE_80


def test_a_rule_that_is_deleted_resolves_what_was_sent_even_where_nothing_is_observed():
    world = World()
    world.spend(85)
    world.rules = ()

    assert world.look() == RESOLVE_80
    assert world.episodes.popitem()[1].message == "there is no rule budget-80 any more"


def test_without_notifiers_alerts_are_recorded():
    world = World(channels=())

    assert world.spend(85) == []
    assert world.states == [FIRING]


# --- services ----------------------------------------------------------------------------------------------

DOWN = [("service-down", "ops", "fire"), ("service-down", "pager", "fire")]
UP = [("service-down", "ops", "resolve"), ("service-down", "pager", "resolve")]


def test_a_service_that_is_down_fires_and_resolves_when_it_has_been_well_for_the_hold():
    world = World()

    assert world.serve("down") == DOWN
    assert world.serve("healthy", 4 * MINUTE, after=HOLD) == []
    assert world.serve("healthy", 5 * MINUTE) == UP


def test_a_degraded_service_is_pending_until_it_has_been_so_for_long_enough():
    world = World()

    assert (world.serve("degraded", MINUTE), world.states) == ([], [PENDING])
    assert world.serve("degraded", 6 * MINUTE) == [("service-degraded", "ops", "fire")]


def test_what_was_well_between_two_looks_has_its_hold_anew():
    world = World()
    world.serve("degraded", MINUTE)

    assert (world.serve("degraded", MINUTE, after=HOLD), world.states) == ([], [PENDING])


def test_the_hold_counts_from_the_probe_and_not_from_the_first_look():
    assert World().serve("degraded", 6 * MINUTE) == [("service-degraded", "ops", "fire")]


def test_what_flaps_below_the_hold_tells_nobody_and_leaves_one_row():
    world = World()
    told = [world.serve(status) for _ in range(20) for status in ("degraded", "healthy")]

    assert [each for each in told if each] == []
    assert world.states == [RESOLVED]


def test_what_flaps_while_it_fires_is_one_alert():
    world = World()
    told = [world.serve("down")] + [world.serve(status) for _ in range(20) for status in ("healthy", "down")]

    assert [each for each in told if each] == [DOWN]


@pytest.mark.parametrize("status", ["unknown", "maintenance"])
def test_unknown_and_maintenance_neither_fire_nor_resolve(status):
    world = World()

    assert world.serve(status, timedelta(days=1)) == []
    world.serve("down")
    assert world.serve(status, timedelta(days=1)) == []
    assert world.serve("healthy", HOLD) == UP


def test_a_second_failure_is_a_new_episode_with_another_dedup_key():
    world = World()
    told = [world.serve(status, HOLD, after=HOLD) for status in ("down", "healthy", "down")]

    assert told == [DOWN, UP, DOWN]
    first, second = world.episodes.values()
    assert (first.episode_number, second.episode_number) == (1, 2)
    assert first.dedup_key != second.dedup_key


def test_a_degraded_service_that_goes_down_is_not_well():
    world = World()
    world.serve("degraded", HOLD)

    assert world.serve("down") == DOWN
    assert world.states == [FIRING, FIRING]


def test_a_service_that_is_no_longer_watched_resolves():
    world = World()
    world.serve("down")

    assert world.look(services=[]) == UP


def test_what_a_failed_service_explains_is_suppressed_until_that_one_is_up():
    database = ServiceObservation("database", "down", START, required_by=frozenset({"api"}))
    api = ServiceObservation("api", "down", START)
    world = World(channels=(OPS,))

    assert world.look(services=[database, api]) == [("service-down", "ops", "fire")]
    assert sorted(world.states) == [FIRING, SUPPRESSED]
    assert world.look(services=[replace(database, status="healthy"), api], after=HOLD) == [
        ("service-down", "ops", "fire"),  # the api, by itself
        ("service-down", "ops", "resolve"),  # the database, well since the start
    ]


def test_an_alert_that_was_sent_resolves_while_the_service_that_it_needs_is_down():
    api = ServiceObservation("api", "down", START)
    database = ServiceObservation("database", "down", START, required_by=frozenset({"api"}))
    world = World(channels=(OPS,))
    world.look(services=[api])
    world.look(services=[api, database])

    told = world.look(services=[replace(api, status="healthy", since_at=START), database], after=HOLD)

    assert told == [("service-down", "ops", "resolve")]


# --- silences ----------------------------------------------------------------------------------------------


def silence(**fields):
    values = {"silence_id": "s", "rule": None, "subject": None, "starts_at": START, "ends_at": START + 60 * MINUTE}
    return Silence(**{**values, **fields})


def test_a_silence_suppresses_and_what_still_holds_when_it_ends_fires():
    world = World(silences=(silence(),))

    assert (world.spend(85), world.states) == ([], [SUPPRESSED])
    assert world.spend(85, after=59 * MINUTE) == FIRE_80


def test_what_is_over_before_the_silence_ends_was_told_to_nobody():
    world = World(silences=(silence(),))

    assert [world.serve("down"), world.serve("healthy"), world.serve("healthy", after=HOLD)] == [[], [], []]
    assert world.states == [RESOLVED]


def test_a_silence_never_keeps_back_the_resolve_of_what_was_sent():
    world = World()
    world.serve("down")
    world.silences = (silence(),)

    assert world.serve("healthy", HOLD) == UP


@pytest.mark.parametrize(
    ("fields", "is_silent"),
    [
        ({"rule": "budget-80"}, True),
        ({"rule": "budget-100"}, False),
        ({"subject": "monthly"}, True),
        ({"subject": "daily"}, False),
        ({"starts_at": START + 2 * MINUTE}, False),
        ({"ends_at": START + MINUTE}, False),
        ({"ends_at": None}, True),
    ],
)
def test_a_silence_covers_a_rule_a_subject_and_a_time(fields, is_silent):
    world = World(silences=(silence(**fields),))

    assert world.spend(85) == ([] if is_silent else FIRE_80)


# --- channels ----------------------------------------------------------------------------------------------


def test_the_resolve_goes_to_who_was_told_whatever_the_settings_say_now():
    world = World()
    world.serve("down")
    world.channels = (Channel("new", frozenset({"critical"})),)

    assert world.serve("healthy", HOLD) == UP


def test_the_resolve_follows_a_fire_that_failed_since_an_earlier_attempt_may_have_arrived():
    world = World()
    world.spend(85)
    ((place, fired),) = world.deliveries.items()
    world.deliveries[place] = replace(fired, status=DeliveryStatus.FAILED)

    assert world.look(budgets=[]) == RESOLVE_80


def test_messages_of_an_episode_to_a_channel_are_numbered():
    world = World(channels=(OPS,))
    world.spend(85)
    world.spend(70)
    world.spend(70, after=HOLD)
    world.spend(90)
    world.look(budgets=[])

    assert [(each.sequence_number, each.kind) for each in world.deliveries.values()] == [
        (1, DeliveryKind.FIRE),
        (2, DeliveryKind.RESOLVE),
        (3, DeliveryKind.CORRECT),
        (4, DeliveryKind.RESOLVE),
    ]


def test_a_delivery_has_an_id_of_its_own_that_repeats_share():
    fire = Delivery("e1", "ops", DeliveryKind.FIRE, 1, None, "m", START)

    assert fire.delivery_id == replace(fire, attempt_count=3).delivery_id == "e1-1-fire"
