"""What keeps an alert back, and what is told of one that goes on: never its end, and never twice."""

from dataclasses import replace
from datetime import datetime, time, timedelta
from decimal import Decimal

import pytest

from sophia_metrics.alerts.channel import Channel, GroupKey
from sophia_metrics.alerts.episode import DeliveryStatus, EpisodeState
from sophia_metrics.alerts.evaluation import Known, evaluate
from sophia_metrics.alerts.forecast_rule import ForecastRule
from sophia_metrics.alerts.known import Acknowledgement
from sophia_metrics.alerts.maintenance_windows import MaintenanceWindow, WeeklyTimes
from sophia_metrics.alerts.observation import BudgetObservation, Observations, ServiceObservation
from sophia_metrics.alerts.policy import Policy
from sophia_metrics.windows import Window
from tests.test_alerts_evaluation import FIRE_80, HOLD, MINUTE, OPS, RESOLVE_80, START, World, silence

FIRING, SUPPRESSED, RESOLVED = EpisodeState.FIRING, EpisodeState.SUPPRESSED, EpisodeState.RESOLVED
HOUR = timedelta(hours=1)
PAGER = Channel("pager", frozenset({"warning", "critical"}), is_acknowledging=True)
TEAM = Channel("team", frozenset({"warning", "critical"}), (GroupKey.RULE,))


class Held(World):
    """A world with a policy and acknowledgements, whose messages are sent at once."""

    policy = Policy()
    acknowledgements = ()
    is_sending = True

    def look(self, *, budgets=None, services=None, after=MINUTE):
        self.now += after
        seen = Observations(None if budgets is None else tuple(budgets), None if services is None else tuple(services))
        known = Known(tuple(self.episodes.values()), tuple(self.deliveries.values()), self.acknowledgements)
        found = evaluate(self.rules, seen, known, self.silences, self.channels, self.now, self.policy)
        self.episodes |= {each.episode_id: each for each in found.episodes}
        self.last = found
        for each in found.deliveries:
            sent = replace(each, status=DeliveryStatus.SENT) if self.is_sending else each
            place = (each.episode_id, each.channel, each.sequence_number)
            assert place not in self.deliveries
            self.deliveries[place] = sent
        return [(self.episodes[each.episode_id].rule, each.channel, each.kind.value) for each in found.deliveries]

    def kept_back(self):
        return {each.rule: each.kept_back_by for each in self.episodes.values()}

    def acknowledge(self):
        self.acknowledgements += tuple(Acknowledgement(each, self.now, "ada") for each in self.episodes)


def held(*channels, **policy):
    world = Held(channels=channels or (OPS,))
    world.policy = Policy(**policy)
    return world


# --- inhibition --------------------------------------------------------------------------------------------


def test_a_critical_alert_keeps_back_a_warning_of_the_same_thing_until_it_is_over():
    world = held()

    assert world.spend(100) == [("budget-100", "ops", "fire")]
    assert sorted(world.states) == [FIRING, SUPPRESSED]
    world.spend(85)
    assert world.spend(85, after=HOLD) == [("budget-80", "ops", "fire"), ("budget-100", "ops", "resolve")]


def test_what_is_kept_back_stays_so_when_the_clock_is_set_back():
    world = held()
    world.spend(100)

    world.spend(100, after=-2 * MINUTE)

    assert sorted(world.states) == [FIRING, SUPPRESSED]


def test_a_warning_that_was_told_resolves_while_a_critical_alert_of_the_thing_fires():
    world = held()
    assert world.spend(85) == FIRE_80
    assert world.spend(100) == [("budget-100", "ops", "fire")]

    assert sorted(world.look(budgets=[])) == [("budget-100", "ops", "resolve"), *RESOLVE_80]


def test_a_critical_alert_of_another_thing_keeps_nothing_back():
    world = held()
    other = BudgetObservation("daily", START.date(), "all", Decimal(100), Decimal(100))
    monthly = BudgetObservation("monthly", START.date(), "all", Decimal(100), Decimal(85))

    assert FIRE_80[0] in world.look(budgets=[other, monthly])


def test_without_inhibition_both_thresholds_are_told():
    assert len(held(is_inhibiting=False).spend(100)) == 2


def test_an_episode_says_what_keeps_it_back_as_long_as_it_does():
    world = held()
    world.spend(100)
    assert world.kept_back() == {"budget-80": "alert/budget-100", "budget-100": None}
    world.silences = (silence(ends_at=None),)
    world.spend(100)
    assert set(world.kept_back().values()) == {"silence/s"}
    world.silences = ()
    world.spend(10)
    world.spend(10, after=HOLD)
    assert set(world.kept_back().values()) == {None}


# --- cool-down ---------------------------------------------------------------------------------------------


def test_an_alert_that_comes_back_within_the_cool_down_waits_for_its_end():
    world = held(cool_down=HOUR)
    world.serve("down")
    world.serve("healthy", HOLD)

    assert (world.serve("down"), world.states) == ([], [RESOLVED, SUPPRESSED])
    assert [each.kept_back_by for each in world.episodes.values()] == [None, "cool-down"]
    assert world.serve("down", after=58 * MINUTE) == []
    assert world.serve("down") == [("service-down", "ops", "fire")]


def test_what_is_over_again_within_the_cool_down_was_told_to_nobody():
    world = held(cool_down=HOUR)
    world.serve("down")
    world.serve("healthy", HOLD)
    world.serve("down")

    assert [world.serve("healthy", HOLD), world.serve("healthy", after=2 * HOUR)] == [[], []]


# --- reminders and acknowledgements ------------------------------------------------------------------------


def test_a_thousand_looks_at_an_unchanged_breach_are_one_fire_and_the_reminders():
    world = held(remind_every=4 * HOUR)
    told = [each for _ in range(1000) for each in world.spend(85)]

    # Looks 1 to 1000, a minute apart: a fire at the first, a reminder each 240 minutes after it.
    assert told == [*FIRE_80, *[("budget-80", "ops", "remind")] * 4]


def test_nobody_is_reminded_of_what_somebody_looks_after_and_its_end_is_told():
    world = held(remind_every=HOUR)
    world.spend(85)
    world.acknowledge()

    assert [world.spend(85, after=HOUR) for _ in range(5)] == [[]] * 5
    assert world.look(budgets=[]) == RESOLVE_80


def test_an_acknowledgement_goes_once_to_who_knows_such_a_thing():
    world = held(OPS, PAGER)
    world.spend(85)
    world.acknowledge()

    assert world.spend(85) == [("budget-80", "pager", "acknowledge")]
    assert world.spend(85) == []


def test_what_is_open_again_is_looked_after_by_nobody():
    world = held(PAGER, remind_every=HOUR)
    world.spend(85)
    world.acknowledge()
    world.spend(85)
    world.spend(10)
    world.spend(10, after=HOLD)

    assert world.spend(85) == [("budget-80", "pager", "correct")]
    assert world.spend(85, after=HOUR) == [("budget-80", "pager", "remind")]


def test_nobody_is_reminded_while_it_is_silent_or_unknown_or_no_longer_so():
    world = held(remind_every=HOUR)
    world.spend(85)
    world.silences = (silence(ends_at=None),)
    assert world.spend(85, after=HOUR) == []
    world.silences = ()

    assert [world.spend(None, after=HOUR), world.spend(10)] == [[], []]
    assert world.spend(85) == [("budget-80", "ops", "remind")]


def test_a_reminder_waits_for_the_message_before_it():
    world = held(remind_every=HOUR)
    world.is_sending = False
    world.spend(85)

    assert [world.spend(85, after=HOUR) for _ in range(3)] == [[]] * 3


# --- silences and windows of maintenance -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "is_silent"),
    [
        ({"rule": "budget-*"}, True),
        ({"rule": "service-*"}, False),
        ({"scope_type": "all"}, True),
        ({"scope_type": "team", "scope_value": "search"}, False),
    ],
)
def test_a_silence_covers_rules_by_a_star_and_a_scope(fields, is_silent):
    world = held()
    world.silences = (silence(**fields),)

    assert world.spend(85) == ([] if is_silent else FIRE_80)


def maintained(times, **things):
    return held(maintenance=(MaintenanceWindow("w", times, **things),))


NOW_ON = Window(START, START + HOUR)


@pytest.mark.parametrize(
    ("things", "is_kept_back"),
    [
        ({}, True),
        ({"services": frozenset({"redis"})}, True),
        ({"services": frozenset({"api"})}, False),
        ({"scopes": frozenset({"all"})}, False),
    ],
)
def test_a_window_keeps_back_the_services_that_it_names(things, is_kept_back):
    world = maintained(NOW_ON, **things)

    assert (world.serve("down") == []) == is_kept_back


def test_a_scope_in_a_window_fires_when_the_window_is_over_and_what_was_told_resolves_in_it():
    world = maintained(NOW_ON, scopes=frozenset({"all"}))
    assert world.spend(85) == []
    assert world.spend(85, after=HOUR) == FIRE_80

    world.policy = Policy(maintenance=(MaintenanceWindow("later", Window(world.now, world.now + HOUR)),))
    assert world.look(budgets=[]) == RESOLVE_80


BERLIN = WeeklyTimes(frozenset({5}), time(22), time(2), "Europe/Berlin")


@pytest.mark.parametrize(
    ("moment", "is_in"),
    [
        (datetime(2026, 11, 21, 20, 59), False),  # a Saturday, 21:59 there
        (datetime(2026, 11, 21, 21), True),
        (datetime(2026, 11, 22, 0, 59), True),  # Sunday, 01:59
        (datetime(2026, 11, 22, 1), False),
        (datetime(2026, 11, 22, 21), False),  # Sunday, 22:00: it begins on Saturdays
        (datetime(2026, 7, 18, 20), True),  # 22:00 in summer
    ],
)
def test_a_weekly_window_is_what_the_clocks_of_its_zone_show(moment, is_in):
    assert (moment in BERLIN) == is_in


@pytest.mark.parametrize(
    ("moment", "is_in"),
    [
        (datetime(2026, 10, 25, 0, 29), False),  # 02:29, summer time
        (datetime(2026, 10, 25, 0, 30), True),  # 02:30, for the first time
        (datetime(2026, 10, 25, 1, 15), True),  # 02:15, for the second time
        (datetime(2026, 10, 25, 1, 44), True),  # 02:44, for the second time
        (datetime(2026, 10, 25, 1, 45), False),  # 02:45
        (datetime(2026, 3, 29, 0, 59), False),  # 01:59, before clocks go to 03:00
        (datetime(2026, 3, 29, 1), False),  # 03:00: 02:30 and 02:45 were left out
    ],
)
def test_a_weekly_window_holds_once_when_clocks_go_back_and_not_when_they_leave_it_out(moment, is_in):
    assert (moment in WeeklyTimes(frozenset({6}), time(2, 30), time(2, 45), "Europe/Berlin")) == is_in


def test_a_window_that_begins_in_the_hour_that_clocks_leave_out_begins_after_it():
    window = WeeklyTimes(frozenset({6}), time(2, 30), time(4), "Europe/Berlin")

    assert [datetime(2026, 3, 29, hour, minute) in window for hour, minute in ((0, 59), (1, 0), (1, 59), (2, 0))] == [
        False,
        True,
        True,
        False,
    ]


# --- grouping ----------------------------------------------------------------------------------------------


def services(*names, status="down", since=START):
    return [ServiceObservation(name, status, since) for name in names]


def groups(world):
    """Return the ids of the groups of what was told last, in the order of episodes."""
    return [each.group_id for each in world.last.deliveries]


def test_alerts_of_one_look_and_one_rule_are_one_group_to_a_channel_that_groups():
    world = held(TEAM, OPS)
    world.look(services=services("api", "redis"))

    by_channel = {(each.channel, each.group_id) for each in world.last.deliveries}
    assert {channel: len([1 for name, _ in by_channel if name == channel]) for channel in ("ops", "team")} == {
        "ops": 1,
        "team": 1,
    }
    assert ("ops", None) in by_channel
    assert len(world.deliveries) == 4


def test_another_rule_is_another_group():
    world = held(TEAM)
    budget = BudgetObservation("monthly", START.date(), "all", Decimal(100), Decimal(85))
    world.look(services=services("api"), budgets=[budget])

    assert len(set(groups(world))) == 2


def test_what_comes_while_a_group_waits_goes_with_it_and_what_comes_later_does_not():
    world = held(TEAM, group_wait=2 * MINUTE)
    world.is_sending = False
    world.look(services=services("api"))
    (first,) = world.last.deliveries
    world.look(services=services("api", "redis"))
    (second,) = world.last.deliveries
    world.look(services=services("api", "redis", "page"), after=2 * MINUTE)
    (third,) = world.last.deliveries

    assert first.group_id == second.group_id != third.group_id
    assert first.next_attempt_at == second.next_attempt_at == first.created_at + 2 * MINUTE


def test_a_message_behind_another_one_joins_no_group_that_is_there():
    world = held(TEAM, group_wait=HOUR)
    world.is_sending = False
    world.look(services=services("api", "redis"))
    told = world.look(services=[*services("api", status="healthy"), *services("redis")], after=HOLD)
    opened = world.last.deliveries[0].group_id
    world.look(services=services("api", "redis", status="healthy"), after=HOLD)

    assert told == [("service-down", "team", "resolve")]
    assert world.last.deliveries[0].group_id != opened


# --- hysteresis of forecasts -------------------------------------------------------------------------------


def forecast(world, p50, hour, state="projected"):
    seen = BudgetObservation(
        "monthly",
        START.date(),
        "team/search",
        Decimal(100),
        Decimal(40),
        projected_p50_usd=None if p50 is None else Decimal(p50),
        projection_state=state,
        data_through_at=START + hour * HOUR,
    )
    return world.look(budgets=[seen])


@pytest.fixture
def forecasting():
    world = held()
    world.rules = (ForecastRule(),)
    return world


FIRE = [("budget-forecast-100", "ops", "fire")]


def test_a_forecast_fires_when_it_holds_in_two_states_of_the_data(forecasting):
    assert [forecast(forecasting, 120, hour) for hour in (1, 1, 1)] == [[], [], []]
    assert forecast(forecasting, 120, 2) == FIRE
    assert [forecast(forecasting, 120, hour) for hour in (2, 3, 4)] == [[], [], []]


@pytest.mark.parametrize("state", ["forecast", "projected", "rough"])
def test_a_forecast_fires_however_it_was_made(forecasting, state):
    assert [forecast(forecasting, 120, hour, state) for hour in (1, 2)] == [[], FIRE]


def test_one_forecast_that_was_odd_says_nothing(forecasting):
    assert [forecast(forecasting, p50, hour) for hour, p50 in enumerate((120, 80, 120, 97, 120))] == [[]] * 5


def test_a_forecast_resolves_below_its_lower_bound_and_not_between(forecasting):
    forecast(forecasting, 120, 1)
    forecast(forecasting, 120, 2)

    assert [forecast(forecasting, p50, hour) for hour, p50 in enumerate((99, 95, 101, 95), 3)] == [[]] * 4
    assert forecast(forecasting, 94, 9) == [("budget-forecast-100", "ops", "resolve")]


@pytest.mark.parametrize(("p50", "state"), [(None, "projected"), (120, "insufficient_history"), (120, "final")])
def test_without_a_forecast_nothing_is_said(forecasting, p50, state):
    assert [forecast(forecasting, p50, hour, state) for hour in (1, 2, 3)] == [[]] * 3


def test_a_forecast_names_its_figures(forecasting):
    forecast(forecasting, 120, 1)
    forecast(forecasting, 120, 2)

    (told,) = forecasting.deliveries.values()
    assert told.message == (
        "budget monthly (team/search): 120.00 USD forecast for the period from 2026-11-20, "
        "beside the limit of 100.00 USD; 40.00 spent so far"
    )
