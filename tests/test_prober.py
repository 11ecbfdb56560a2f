"""Rounds of probes with a real warehouse: what is due, what is kept, and what readers see."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from sophia_metrics.errors import ConfigurationError
from sophia_metrics.health.answer import Answer, Outcome
from sophia_metrics.health.prober import Prober
from sophia_metrics.health.watch import Maintenance, Watch
from sophia_metrics.warehouse.duckdb.adapter import DuckDBWarehouse
from sophia_metrics.warehouse.protocol import Query
from sophia_metrics.windows import Window
from tests.lab import NOW, Lab

MINUTE = timedelta(minutes=1)
OK, FAILED = Answer(Outcome.OK, latency_ms=12.5), Answer(Outcome.FAILED, "connection refused")


@dataclass
class Told:
    """A probe that says what the test wrote."""

    answers: dict[str, Answer]
    service: str

    async def ask(self) -> Answer:
        return self.answers[self.service]


@dataclass
class Rounds:
    """Services whose answers the test writes, asked once a minute."""

    warehouse: DuckDBWarehouse
    answers: dict[str, Answer] = field(default_factory=dict)
    watches: dict[str, Mapping[str, object]] = field(default_factory=dict)
    about: dict[str, object] = field(default_factory=dict)
    at: datetime = NOW

    @property
    def prober(self) -> Prober:
        watches = [Watch(name, "http", Told(self.answers, name), **more) for name, more in self.watches.items()]
        return Prober(self.warehouse, tuple(watches), **self.about)

    def round(self, *, after: timedelta = MINUTE, **answers: Answer) -> dict[str, str]:
        """Ask every service and keep the results; return the statuses."""
        self.at += after
        self.answers |= answers
        for name in answers:
            self.watches.setdefault(name, {})
        results = self.prober.ask(self.prober.named(()), self.at)
        self.prober.keep(results, self.at)
        return {each.service: each.status.value for each in results}

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        return self.warehouse.read(Query(sql)).rows()


@pytest.fixture
def rounds(tmp_path):
    return Rounds(Lab(tmp_path / "state").warehouse)


def test_a_round_is_one_row_a_service_with_what_was_found(rounds):
    rounds.round(chat=OK, mail=FAILED)

    assert rounds.rows(
        "SELECT service, probed_at, kind, outcome, status, latency_ms, message, attempt_count, is_vantage_ok, "
        "interval_seconds FROM core_probe_results ORDER BY service"
    ) == [
        ("chat", NOW + MINUTE, "http", "ok", "healthy", 12.5, None, 1, True, 60),
        ("mail", NOW + MINUTE, "http", "failed", "unknown", None, "connection refused", 1, True, 60),
    ]


def test_the_status_follows_from_the_rounds_that_are_kept(rounds):
    answers = [OK, FAILED, FAILED, FAILED, OK, OK]

    assert [rounds.round(chat=answer)["chat"] for answer in answers] == [
        "healthy",
        "healthy",
        "healthy",
        "down",
        "down",
        "healthy",
    ]


def test_since_is_the_round_in_which_the_status_began(rounds):
    for answer in (OK, OK, FAILED, FAILED, FAILED, FAILED):
        rounds.round(chat=answer)

    assert rounds.rows("SELECT status, since_at, probed_at, message FROM core_services") == [
        ("down", NOW + 5 * MINUTE, NOW + 6 * MINUTE, "connection refused")
    ]


def test_keeping_twice_is_keeping_once(rounds):
    rounds.watches["chat"] = {}
    rounds.answers["chat"] = FAILED
    results = rounds.prober.ask(["chat"], NOW)

    assert [rounds.prober.keep(results, NOW) for _ in range(2)] == [1, 0]
    assert rounds.rows("SELECT count(*) FROM core_probe_results") == [(1,)]


def test_a_service_is_due_a_tenth_of_its_interval_early_and_the_vantage_with_any(rounds):
    rounds.watches = {
        "canary": {"interval_seconds": 600},
        "chat": {"interval_seconds": 60},
        "mail": {"interval_seconds": 600},
    }
    rounds.about["vantage"] = "canary"
    assert rounds.prober.due(NOW) == ("canary", "chat", "mail")
    rounds.round(after=timedelta(0), canary=OK, chat=OK, mail=OK)

    assert rounds.prober.due(NOW + timedelta(seconds=53)) == ()
    assert rounds.prober.due(NOW + timedelta(seconds=54)) == ("canary", "chat")


def test_while_the_vantage_fails_nothing_is_known_of_what_is_remote_and_no_failure_counts(rounds):
    rounds.about["vantage"] = "canary"
    rounds.watches["disk"] = {"is_remote": False}
    rounds.round(canary=OK, chat=OK, disk=OK)
    blind = [rounds.round(canary=FAILED, chat=FAILED) for _ in range(3)]

    assert blind == [{"disk": "healthy", "canary": "unknown", "chat": "unknown"}] * 3
    assert rounds.rows(
        "SELECT DISTINCT service, is_vantage_ok, message FROM core_probe_results "
        "WHERE outcome = 'failed' AND service = 'chat'"
    ) == [("chat", False, "the vantage service does not answer either: this says nothing about the service")]
    assert rounds.round(canary=OK, chat=OK)["chat"] == "healthy"


def test_a_maintenance_window_holds_for_its_services_and_ends(rounds):
    window = Window(NOW + 2 * MINUTE, NOW + 3 * MINUTE)
    rounds.about["maintenance"] = (Maintenance(window, frozenset({"chat"})),)

    assert [rounds.round(chat=OK, mail=OK)["chat"] for _ in range(3)] == ["healthy", "maintenance", "healthy"]
    assert rounds.rows("SELECT service FROM core_probe_results WHERE status = 'maintenance'") == [("chat",)]


def test_a_window_without_services_holds_for_all(rounds):
    rounds.about["maintenance"] = (Maintenance(Window(NOW, NOW + timedelta(hours=1))),)

    assert rounds.round(chat=OK, mail=FAILED) == {"chat": "maintenance", "mail": "maintenance"}


def test_what_is_no_longer_configured_is_no_longer_watched_and_its_results_stay(rounds):
    rounds.round(chat=OK, mail=OK)
    del rounds.watches["mail"]
    rounds.round(chat=OK)

    assert rounds.rows("SELECT service, removed_at FROM core_services ORDER BY service") == [
        ("chat", None),
        ("mail", NOW + 2 * MINUTE),
    ]
    assert rounds.rows("SELECT count(*) FROM core_probe_results WHERE service = 'mail'") == [(1,)]


def test_a_service_that_comes_back_is_watched_since_then(rounds):
    rounds.round(chat=OK)
    del rounds.watches["chat"]
    rounds.round(mail=OK)
    rounds.round(chat=OK)

    assert rounds.rows("SELECT added_at, removed_at FROM core_services WHERE service = 'chat'") == [
        (NOW + 3 * MINUTE, None)
    ]


def test_a_name_that_is_not_watched_is_refused_with_those_that_are(rounds):
    rounds.watches = {"chat": {}}

    with pytest.raises(ConfigurationError, match="there is no service 'chatt': name one of chat"):
        rounds.prober.named(["chatt"])


def test_what_is_published_says_how_the_services_are_and_the_whole(rounds, tmp_path):
    rounds.watches["mail"] = {"is_required": False, "required_by": ("search", "support")}
    for _ in range(3):
        rounds.round(chat=OK, mail=FAILED)
    rounds.warehouse.build()
    rounds.warehouse.publish(rounds.at)
    serving = Lab(tmp_path / "state").serving

    # the results are old by the clock of whoever reads, so that nothing is known now
    assert serving.query(
        "SELECT service, status, is_stale, last_probed_at, required_by FROM mart_service_health ORDER BY service"
    ).rows() == [
        ("chat", "unknown", True, rounds.at, None),
        ("mail", "unknown", True, rounds.at, "search, support"),
    ]
    assert serving.query("SELECT service, status FROM core_services ORDER BY service").rows() == [
        ("chat", "healthy"),
        ("mail", "down"),
    ]
    assert serving.query("SELECT service, available_ratio FROM mart_service_availability ORDER BY service").rows() == [
        ("chat", 1.0),
        ("mail", 0.0),
    ]


def test_a_round_whose_results_change_is_published_and_a_state_without_change_is_not(rounds):
    rounds.round(chat=OK)
    rounds.warehouse.build()

    assert rounds.warehouse.publish(rounds.at).is_new
    assert not rounds.warehouse.publish(rounds.at).is_new
    rounds.round(chat=OK)
    rounds.warehouse.build()
    assert rounds.warehouse.publish(rounds.at).is_new
