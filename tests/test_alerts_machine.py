"""Whatever happens to budgets, services, silences, rules, channels and receivers, what was told is resolved."""

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sophia_metrics.alerts.budget_rule import BudgetRule
from sophia_metrics.alerts.channel import GroupKey
from sophia_metrics.alerts.episode import DeliveryKind, DeliveryStatus, EpisodeState
from sophia_metrics.alerts.evaluation import Channel, Known, evaluate
from sophia_metrics.alerts.forecast_rule import ForecastRule
from sophia_metrics.alerts.known import Acknowledgement
from sophia_metrics.alerts.maintenance_windows import MaintenanceWindow, WeeklyTimes
from sophia_metrics.alerts.messages import is_due, messages_of
from sophia_metrics.alerts.notifier import Answer, Outcome
from sophia_metrics.alerts.observation import BudgetObservation, Observations, ServiceObservation
from sophia_metrics.alerts.policy import Policy
from sophia_metrics.alerts.records import Waiting
from sophia_metrics.alerts.retrying import after_answer, with_fate_of
from sophia_metrics.alerts.service_rule import service_rules
from sophia_metrics.alerts.silence import Silence

START = datetime(2026, 11, 20, 12)
MINUTE = timedelta(minutes=1)
HOLD = 5 * MINUTE
EVERY = (BudgetRule(resolve_after=HOLD), ForecastRule(resolve_after=HOLD), *service_rules(timedelta(), HOLD, HOLD))
CHANNELS = (
    Channel("ops", frozenset({"warning", "critical"})),
    Channel("pager", frozenset({"critical"}), is_acknowledging=True),
    Channel("team", frozenset({"warning", "critical"}), (GroupKey.KIND,)),
)
POLICIES = (
    Policy(),
    Policy(is_inhibiting=False, group_wait=10 * MINUTE),
    Policy(cool_down=30 * MINUTE, remind_every=30 * MINUTE, group_wait=10 * MINUTE),
    Policy(maintenance=(MaintenanceWindow("night", WeeklyTimes(frozenset(range(7)), time(20), time(2))),)),
)
FIRST_DAYS = (date(2026, 10, 1), date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1))
ANSWERS = {
    "good": Answer(Outcome.DELIVERED, "200 ok"),
    "away": Answer(Outcome.TRY_AGAIN, "503 server_error"),
    "refuses": Answer(Outcome.REFUSED, "404 not_found"),
}


class Alerts(RuleBasedStateMachine):
    """The world, the rows of the two tables as a dictionary, and a dispatcher that may be interrupted."""

    def __init__(self):
        super().__init__()
        self.now = START
        self.month = 0
        self.spent, self.forecast = Decimal(0), None
        self.status, self.since = "healthy", START
        self.is_published = True
        self.rules, self.channels, self.silences = EVERY, CHANNELS, ()
        self.episodes, self.deliveries = {}, {}
        self.policy, self.acknowledgements = POLICIES[0], ()
        self.arrived = []

    @rule(
        minutes=st.sampled_from([1, 4, 6, 61]),
        spent=st.sampled_from([0, 79, 80, 100, None]),
        forecast=st.sampled_from([None, 90, 97, 110]),
        status=st.sampled_from(["same", "healthy", "degraded", "down", "down", "unknown", "maintenance"]),
        how=st.sampled_from(["good", "good", "away", "refuses"]),
        killed=st.sampled_from(["", "", "", "looking", "sending"]),
    )
    def tick(self, minutes, spent, forecast, status, how, killed):
        """Let time pass and things change; look, and send."""
        self.now += minutes * MINUTE
        self.spent = None if spent is None else Decimal(spent)
        self.forecast = None if forecast is None else Decimal(forecast)
        if status not in {"same", self.status}:
            self.status, self.since = status, self.now - MINUTE
        self.look(is_killed=killed == "looking")
        self.dispatch(how, is_killed=killed == "sending")

    @rule()
    def next_month(self):
        self.month = min(self.month + 1, len(FIRST_DAYS) - 1)

    @rule(is_published=st.booleans())
    def publish(self, is_published):
        self.is_published = is_published

    @rule(kept=st.sets(st.sampled_from(EVERY)))
    def change_rules(self, kept):
        self.rules = tuple(each for each in EVERY if each in kept)

    @rule(channels=st.sampled_from([CHANNELS, CHANNELS[:1], CHANNELS[1:], ()]))
    def change_channels(self, channels):
        self.channels = channels

    @rule(minutes=st.sampled_from([0, 10]), name=st.sampled_from([None, "service-down", "budget-80"]))
    def silence(self, minutes, name):
        self.silences = (Silence("s", name, None, self.now, self.now + minutes * MINUTE),)

    @rule(policy=st.sampled_from(POLICIES))
    def change_policy(self, policy):
        self.policy = policy

    @rule()
    def acknowledge(self):
        is_open = [each.episode_id for each in self.episodes.values() if each.is_open]
        self.acknowledgements += tuple(Acknowledgement(each, self.now) for each in is_open)

    def observations(self):
        if not self.is_published:
            return Observations()
        budget = BudgetObservation(
            "monthly",
            FIRST_DAYS[self.month],
            "all",
            Decimal(100),
            self.spent,
            projected_p50_usd=self.forecast,
            projection_state="projected",
            data_through_at=self.now,
        )
        return Observations((budget,), (ServiceObservation("redis", self.status, self.since),))

    def evaluate(self):
        known = Known(tuple(self.episodes.values()), tuple(self.deliveries.values()), self.acknowledgements)
        seen = self.observations()
        return evaluate(self.rules, seen, known, self.silences, self.channels, self.now, self.policy)

    def look(self, is_killed=False):
        """Evaluate; a process that is killed before its commit leaves nothing, and one after it leaves all."""
        found = self.evaluate()
        if is_killed:
            return
        self.episodes |= {each.episode_id: each for each in found.episodes}
        for each in found.deliveries:
            place = (each.episode_id, each.channel, each.sequence_number)
            assert place not in self.deliveries
            self.deliveries[place] = each
        again = self.evaluate()
        assert again.is_empty

    def dispatch(self, how="good", is_killed=False):
        """Send what is due, in order; killed: the first message arrives, and is not marked."""
        behind = set()
        pending = {place: each for place, each in self.deliveries.items() if each.status is DeliveryStatus.PENDING}
        ordered = sorted(pending, key=lambda place: (pending[place].created_at, place))
        for message in messages_of(Waiting(pending[place], None) for place in ordered):
            deliveries = [each.delivery for each in message]
            places = {(each.episode_id, each.channel) for each in deliveries}
            if places & behind or not is_due(deliveries[0], self.now):
                behind |= places
                continue
            if how == "good":
                self.arrived += deliveries
                if is_killed:
                    return
            first = after_answer(deliveries[0], ANSWERS[how], self.now)
            for each in (first, *(with_fate_of(first, each) for each in deliveries[1:])):
                self.deliveries[each.episode_id, each.channel, each.sequence_number] = each
            if first.status is DeliveryStatus.PENDING:
                behind |= places

    @invariant()
    def an_episode_fires_at_most_once_on_a_channel(self):
        fires = Counter((each.episode_id, each.channel) for each in self.fires())
        assert max(fires.values(), default=0) <= 1

    @invariant()
    def a_budget_fires_once_for_each_period_and_threshold_on_a_channel(self):
        fires = Counter(
            (self.episodes[each.episode_id].fingerprint, each.channel)
            for each in self.fires()
            if self.episodes[each.episode_id].rule.startswith("budget-")
        )
        assert max(fires.values(), default=0) <= 1

    @invariant()
    def what_is_open_and_told_was_opened_last_and_what_is_over_was_resolved_last(self):
        last = defaultdict(dict)
        for _, each in sorted(self.deliveries.items()):
            last[each.episode_id][each.channel] = each.kind
        for episode_id, kinds in last.items():
            is_over = self.episodes[episode_id].state is EpisodeState.RESOLVED
            assert all((kind is DeliveryKind.RESOLVE) == is_over for kind in kinds.values())

    @invariant()
    def nobody_is_reminded_or_told_of_an_acknowledgement_before_a_fire(self):
        first = {}
        for place, each in sorted(self.deliveries.items()):
            first.setdefault(place[:2], each.kind)
        assert set(first.values()) <= {DeliveryKind.FIRE}

    @invariant()
    def every_opening_that_was_told_has_one_resolve_at_most(self):
        for kinds in self.told().values():
            openings = sum(kind in {DeliveryKind.FIRE, DeliveryKind.CORRECT} for kind in kinds)
            assert openings - 1 <= kinds.count(DeliveryKind.RESOLVE) <= openings

    @invariant()
    def messages_of_a_group_are_of_one_kind_and_one_channel(self):
        likes = defaultdict(set)
        for each in self.deliveries.values():
            if each.group_id:
                likes[each.group_id].add((each.channel, each.kind))
        assert all(len(each) == 1 for each in likes.values())

    @invariant()
    def at_most_one_episode_of_a_fingerprint_is_open(self):
        still_open = Counter(each.fingerprint for each in self.episodes.values() if each.is_open)
        assert max(still_open.values(), default=0) <= 1

    def told(self):
        kinds = defaultdict(list)
        for place, each in sorted(self.deliveries.items()):
            kinds[place[:2]].append(each.kind)
        return kinds

    def fires(self):
        return [each for each in self.deliveries.values() if each.kind is DeliveryKind.FIRE]

    def teardown(self):
        """Let all be well and every receiver be there: who heard a fire hears the resolve last, or has refused it."""
        self.rules, self.silences, self.is_published = EVERY, (), True
        self.spent, self.status, self.since = Decimal(0), "healthy", self.now
        self.forecast = Decimal(0)
        for _ in range(4):
            self.now += timedelta(hours=2)
            self.look()
            self.dispatch()
        assert not any(each.status is DeliveryStatus.PENDING for each in self.deliveries.values())
        assert not any(each.is_open for each in self.episodes.values())
        heard = defaultdict(list)
        for each in self.arrived:
            messages = heard[each.episode_id, each.channel]
            if replace(each, attempt_count=0) not in messages:  # a repeat has the same id
                messages.append(replace(each, attempt_count=0))
        refused = {
            (each.episode_id, each.channel)
            for each in self.deliveries.values()
            if each.kind is DeliveryKind.RESOLVE and each.status is DeliveryStatus.FAILED
        }
        for place, messages in heard.items():
            assert messages[-1].kind is DeliveryKind.RESOLVE or place in refused


TestAlerts = Alerts.TestCase
TestAlerts.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
