"""`sophia-metrics alerts`, `silence` and `notifiers`: what is firing, who was told, and who can be."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sophia_metrics.alerts.notifier import Answer, Outcome
from sophia_metrics.alerts.records import alert_query, record_of
from sophia_metrics.alerts.settings import NotifierSettings
from sophia_metrics.alerts.silence import Silence
from sophia_metrics.alerts.trial import trial_messages
from sophia_metrics.cli.facts import print_facts
from sophia_metrics.cli.figures import instant, plural
from sophia_metrics.connect import connect_notifier, connect_warehouse
from sophia_metrics.errors import ConfigurationError, ServiceUnavailableError
from sophia_metrics.services import Health, HealthStatus, run_sync
from sophia_metrics.serving import Serving
from sophia_metrics.settings import Settings, load_settings
from sophia_metrics.windows import naive_utc

__all__ = ["print_alerts", "print_notifiers", "silence_alerts", "try_notifier"]

STYLES = {"firing": "bold red", "pending": "yellow", "suppressed": "yellow"}


def print_alerts(days: int, *, is_json: bool) -> None:
    """Print the open alerts, and those that ended in the last days, with what was said of them.

    Raises:
        ConfigurationError: nothing is published yet.
    """
    serving = Serving(load_settings().home)
    since = {"since_at": _now() - timedelta(days=days)}
    episodes = serving.query(alert_query("recent_episodes"), since).to_dicts()
    deliveries = serving.query(alert_query("recent_deliveries"), since).to_dicts()
    alerts: list[dict[str, Any]] = [
        {**each, "deliveries": [found for found in deliveries if found["episode_id"] == each["episode_id"]]}
        for each in episodes
    ]
    if is_json:
        print_facts({"version": serving.version, "alerts": alerts})
        return
    console = Console(highlight=False)
    if not alerts:
        console.print(f"no alert is open, and none ended in the last {plural(days, 'day')}")
        return
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("state", "severity", "since", "what", "told"):
        grid.add_column(heading, overflow="fold", no_wrap=heading in {"state", "severity"})
    for each in alerts:
        state = Text(each["state"], style=STYLES.get(each["state"], "green"))
        told = ", ".join(map(_told, each["deliveries"])) or "nobody"
        grid.add_row(state, each["severity"], instant(each["opened_at"]), f"{each['rule']}: {each['message']}", told)
    console.print(grid)


def silence_alerts(rule: str | None, subject: str | None, hours: float, reason: str | None) -> None:
    """Keep matching alerts from being sent for some hours, from now on.

    Raises:
        ConfigurationError: the hours are none.
    """
    if hours <= 0:
        raise ConfigurationError(f"a silence of {hours} hours is none: write for how long, such as --hours 2")
    now = _now()
    ends_at = now + timedelta(hours=hours)
    silence = Silence(uuid4().hex, rule, subject, now, ends_at, reason)
    connect_warehouse(load_settings(), now).record(record_of(silences=(silence,)))
    what = f"{rule or 'every rule'} about {subject or 'anything'}"
    Console(highlight=False).print(
        f"silent until {instant(ends_at)}: {what}; what was sent before still resolves", soft_wrap=True
    )


def print_notifiers(*, is_json: bool) -> bool:
    """Print whether each notifier can be used, without sending anything; say whether all can."""
    healths = [_health(settings, each.name) for settings in (load_settings(),) for each in settings.notifiers]
    if is_json:
        print_facts({"notifiers": healths})
    else:
        console = Console(highlight=False)
        for each in healths:
            console.print(f"{each.component}: {each.status}, {each.message}", soft_wrap=True)
        if not healths:
            console.print("no notifier is configured: alerts are recorded, and nobody is told (docs/alerts.md)")
    return all(each.status is HealthStatus.HEALTHY for each in healths)


def try_notifier(name: str) -> None:
    """Send a test alert and its resolve.

    Raises:
        ConfigurationError: there is no such notifier, or a variable of it is not set.
        ServiceUnavailableError: the receiver did not take the messages.
    """
    settings = load_settings()
    notifier = connect_notifier(_named(settings, name))
    for message in trial_messages(name, _now(), settings.alerts.dashboard_url):
        answer: Answer = run_sync(notifier.send(message))
        if answer.outcome is not Outcome.DELIVERED:
            raise ServiceUnavailableError(
                f"notifier {name} did not take the test message ({answer.response}): "
                "correct the variable of its URL, or what receives it"
            )
    Console(highlight=False).print(f"notifier {name} took a test alert and its resolve")


def _named(settings: Settings, name: str) -> NotifierSettings:
    found = next((each for each in settings.notifiers if each.name == name), None)
    if found is None:
        known = ", ".join(each.name for each in settings.notifiers) or "none"
        raise ConfigurationError(f"there is no notifier {name!r} in sophia.toml: there is {known}")
    return found


def _health(settings: Settings, name: str) -> Health:
    try:
        return run_sync(connect_notifier(_named(settings, name)).health_check())
    except ConfigurationError as error:
        return Health(f"notifier {name}", HealthStatus.DOWN, str(error))


def _told(delivery: Mapping[str, Any]) -> str:
    """Return what became of a message: sent, or how it stands."""
    text = f"{delivery['channel']} {delivery['kind']} {delivery['status']}"
    return text if delivery["status"] == "sent" else f"{text} ({delivery['response'] or 'not tried yet'})"


def _now() -> datetime:
    return naive_utc(datetime.now(UTC))
