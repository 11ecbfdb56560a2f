"""`sophia-metrics silence`: keep alerts from being sent for a while, list what is silent, end it."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from rich.console import Console

from sophia_metrics.alerts.records import list_silences, record_of
from sophia_metrics.alerts.silence import Silence
from sophia_metrics.cli.figures import instant
from sophia_metrics.connect import connect_warehouse
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.settings import load_settings
from sophia_metrics.windows import naive_utc

__all__ = ["SilenceOrder", "end_silence", "print_silences", "silence_alerts"]

ID_LENGTH = 8


@dataclass(frozen=True, slots=True)
class SilenceOrder:
    """What a person wants to be silent; see Silence.

    Attributes:
        hours: for how long. None: they did not say.
        rule: which rule. None: every rule.
        subject: what it is about. None: anything.
        scope: what is watched, as team/search or service. None: anything.
        start: when it begins, as text with an offset from UTC. None: now.
        by: who makes it. None: nobody says.
        reason: why. None: nobody says.
    """

    hours: float | None
    rule: str | None
    subject: str | None
    scope: str | None
    start: str | None
    by: str | None
    reason: str | None


def silence_alerts(order: SilenceOrder) -> None:
    """Keep matching alerts from being sent for some hours.

    Raises:
        ConfigurationError: the hours are none, or the start is no instant.
    """
    if order.hours is None or order.hours <= 0:
        said = "without hours" if order.hours is None else f"of {order.hours} hours"
        raise ConfigurationError(f"a silence {said} is none: write for how long, such as --hours 2")
    now = _now()
    starts_at = now if order.start is None else _instant(order.start)
    ends_at = starts_at + timedelta(hours=order.hours)
    scope_type, _, scope_value = (order.scope or "").partition("/")
    silence = Silence(
        uuid4().hex,
        order.rule,
        order.subject,
        starts_at,
        ends_at,
        order.reason,
        scope_type or None,
        scope_value or None,
        order.by,
        now,
    )
    _record(silence, now)
    begins = "" if order.start is None else f"from {instant(starts_at)} "
    _print(f"silent {begins}until {instant(ends_at)}: {_about(silence)}; what was sent before still resolves")


def print_silences() -> None:
    """Print the silences that hold, and those that will."""
    now = _now()
    found = list_silences(connect_warehouse(load_settings().local, now), now)
    for each in found:
        until = "it is ended" if each.ends_at is None else instant(each.ends_at)
        who = f", by {each.created_by}" if each.created_by else ""
        why = f": {each.reason}" if each.reason else ""
        _print(f"{each.silence_id[:ID_LENGTH]}  {instant(each.starts_at)} until {until}  {_about(each)}{who}{why}")
    if not found:
        _print("nothing is silent, now or later")


def end_silence(beginning: str) -> None:
    """End a silence now: what still holds then fires.

    Raises:
        ConfigurationError: no silence has such an id, or several have.
    """
    now = _now()
    silences = list_silences(connect_warehouse(load_settings().local, now), now)
    found = [each for each in silences if beginning and each.silence_id.startswith(beginning)]
    if len(found) != 1:
        how_many = "no silence has" if not found else f"{len(found)} silences have"
        raise ConfigurationError(
            f"{how_many} an id that begins with {beginning!r}: `sophia-metrics silence --list` shows them"
        )
    _record(replace(found[0], ends_at=now), now)
    _print(f"ended: {_about(found[0])}; what still holds fires")


def _record(silence: Silence, now: datetime) -> None:
    connect_warehouse(load_settings().local, now).record(record_of(silences=(silence,)))


def _about(silence: Silence) -> str:
    value = "" if silence.scope_value is None else f"/{silence.scope_value}"
    scope = "" if silence.scope_type is None else f" in {silence.scope_type}{value}"
    return f"{silence.rule or 'every rule'} about {silence.subject or 'anything'}{scope}"


def _instant(text: str) -> datetime:
    try:
        return naive_utc(datetime.fromisoformat(text))
    except ValueError:
        raise ConfigurationError(
            f"--start {text!r} is no instant with an offset from UTC: write it as 2026-12-01T22:00:00Z"
        ) from None


def _print(text: str) -> None:
    Console(highlight=False).print(text, soft_wrap=True)


def _now() -> datetime:
    return naive_utc(datetime.now(UTC))
