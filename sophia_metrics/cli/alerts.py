"""`sophia-metrics alerts` and `notifiers`: what is firing, who was told, and who can be."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sophia_metrics.alerts.notifier import Answer, Outcome
from sophia_metrics.alerts.records import alert_query
from sophia_metrics.alerts.settings import NotifierSettings
from sophia_metrics.alerts.trial import trial_messages
from sophia_metrics.cli.facts import print_facts
from sophia_metrics.cli.figures import instant, plural
from sophia_metrics.connect import connect_notifier
from sophia_metrics.dashboard.handling import UNHANDLED, Handling, read_handling
from sophia_metrics.errors import ConfigurationError, ServiceUnavailableError
from sophia_metrics.services import Health, HealthStatus, run_sync
from sophia_metrics.serving import Serving
from sophia_metrics.settings import Settings, load_settings
from sophia_metrics.windows import naive_utc

__all__ = ["print_alerts", "print_notifiers", "try_notifier"]

STYLES = {"firing": "bold red", "pending": "yellow", "suppressed": "yellow"}
HISTORY_DAYS = 366
ID_LENGTH = 8


def print_alerts(days: int, *, is_history: bool = False, is_json: bool) -> None:
    """Print the open alerts, and those that ended in the last days, with how each is handled and what was said of it.

    Args:
        days: how long ago an alert may have ended.
        is_history: all of the last year instead, with every message, when it was decided and what became of it.
        is_json: print JSON.

    Raises:
        ConfigurationError: nothing is published yet.
    """
    serving = Serving(load_settings().home)
    days = max(days, HISTORY_DAYS) if is_history else days
    since = {"since_at": _now() - timedelta(days=days)}
    episodes = serving.query(alert_query("recent_episodes"), since).to_dicts()
    deliveries = serving.query(alert_query("recent_deliveries"), since).to_dicts()
    acknowledgements = _acknowledgements(serving, since)
    with serving.connection() as connection:
        handling = read_handling(connection)
    alerts: list[dict[str, Any]] = [
        {
            **each,
            **_handling_facts(handling.get(each["episode_id"], UNHANDLED)),
            "deliveries": [found for found in deliveries if found["episode_id"] == each["episode_id"]],
            "acknowledgements": [found for found in acknowledgements if found["episode_id"] == each["episode_id"]],
        }
        for each in episodes
    ]
    if is_json:
        print_facts({"version": serving.version, "alerts": alerts})
        return
    console = Console(highlight=False)
    if not alerts:
        console.print(f"no alert is open, and none ended in the last {plural(days, 'day')}")
        return
    console.print(_history(alerts) if is_history else _overview(alerts, handling))


def _overview(alerts: Iterable[Mapping[str, Any]], handling: Mapping[str, Handling]) -> Table:
    grid = _grid("id", "state", "severity", "since", "what", "told")
    for each in alerts:
        state = Text(each["state"], style=STYLES.get(each["state"], "green"))
        handled = _handled(handling.get(each["episode_id"], UNHANDLED))
        told = "; ".join((", ".join(map(_told, each["deliveries"])) or "nobody", *handled))
        what = f"{each['rule']}: {each['message']}"
        short_id = each["episode_id"][:ID_LENGTH]
        grid.add_row(short_id, state, each["severity"], instant(each["opened_at"]), what, told)
    return grid


def _handled(handling: Handling) -> Iterator[str]:
    """Yield what a person should know before they look after an alert."""
    if handling.acknowledgement:
        yield handling.acknowledgement
    if handling.holder:
        until = f" until {instant(handling.silence_ends_at)}" if handling.silence_ends_at else ""
        yield f"kept back by {handling.holder}{until}"
    if handling.group_id and handling.other_count:
        yield f"in group {handling.group_id[:ID_LENGTH]} with {plural(handling.other_count, 'other')}"


def _handling_facts(handling: Handling) -> dict[str, Any]:
    """Return how an alert is handled, under the names of the API."""
    acknowledgement = {
        "acknowledged_at": handling.acknowledged_at,
        "acknowledged_by": handling.acknowledged_by,
        "note": handling.acknowledgement_note,
    }
    silence = {
        "reason": handling.silence_reason,
        "created_by": handling.silence_created_by,
        "ends_at": handling.silence_ends_at,
    }
    return {
        "acknowledgement": acknowledgement if handling.acknowledged_at else None,
        "kept_back_by": handling.kept_back_by,
        "silence": silence if handling.is_silenced else None,
        "group": {"group_id": handling.group_id, "alert_count": handling.group_size} if handling.group_id else None,
    }


def _history(alerts: Iterable[Mapping[str, Any]]) -> Table:
    grid = _grid("id", "when", "what", "message", "became")
    for each in alerts:
        short_id = each["episode_id"][:ID_LENGTH]
        grid.add_row(
            short_id, instant(each["opened_at"]), "opened", f"{each['rule']}: {each['message']}", each["state"]
        )
        for found in each["deliveries"]:
            when = instant(found["created_at"])
            grid.add_row("", when, f"{found['kind']} to {found['channel']}", found["message"], _became(found))
        for found in each["acknowledgements"]:
            grid.add_row("", instant(found["acknowledged_at"]), "acknowledged", _looked_after(found), "")
    return grid


def _grid(*headings: str) -> Table:
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in headings:
        grid.add_column(heading, overflow="fold", no_wrap=heading in {"id", "state", "severity"})
    return grid


def _acknowledgements(serving: Serving, since: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return who looks after what; nobody, where the version is older than that."""
    if not serving.has_table("core_alert_acknowledgements"):
        return []
    return serving.query(alert_query("acknowledgements"), since).to_dicts()


def _looked_after(found: Mapping[str, Any]) -> str:
    who = f" by {found['acknowledged_by']}" if found["acknowledged_by"] else ""
    note = f": {found['note']}" if found["note"] else ""
    return f"acknowledged{who}{note}"


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
    return f"{delivery['channel']} {delivery['kind']} {_became(delivery)}"


def _became(delivery: Mapping[str, Any]) -> str:
    status = str(delivery["status"])
    return status if status == "sent" else f"{status} ({delivery['response'] or 'not tried yet'})"


def _now() -> datetime:
    return naive_utc(datetime.now(UTC))
