"""Reading the application's counters: from the fields of a hash to counted lookups."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sophia_metrics.cache.lookups import Outcome

__all__ = ["CountedLookups", "HourCounters", "newer_counts"]

HOUR = timedelta(hours=1)
STARTED = "started_at_ms"
OUTCOMES = frozenset(Outcome)


@dataclass(frozen=True, slots=True)
class CountedLookups:
    """One counter of an application: lookups of one scope, tier and outcome within one UTC hour.

    Attributes:
        scope_hash: who shares answers.
        tier: the tier that decided.
        outcome: how the lookups ended.
        interval_start_at: when the hash began to count (naive UTC); a hash that vanished and came back begins anew,
            so that its lookups stand beside those that were read before.
        interval_end_at: the end of the hour (naive UTC).
        lookup_count: how many.
        saved_tokens: None: not told.
        saved_gross_usd: None: not told.
        saved_net_usd: None: not told.
        unpriced_count: hits whose saving is unknown.
        lookup_ms_sum: None: not told.
    """

    scope_hash: str
    tier: str
    outcome: str
    interval_start_at: datetime
    interval_end_at: datetime
    lookup_count: int
    saved_tokens: int | None
    saved_gross_usd: Decimal | None
    saved_net_usd: Decimal | None
    unpriced_count: int
    lookup_ms_sum: float | None

    @property
    def key(self) -> tuple[str, str, str, datetime]:
        """What tells it from any other counter of the cache."""
        return (self.scope_hash, self.tier, self.outcome, self.interval_start_at)


@dataclass(frozen=True, slots=True)
class HourCounters:
    """The hash of one scope and hour, as it was read."""

    scope_hash: str
    hour_at: datetime
    fields: Mapping[str, str]

    @property
    def lookups(self) -> tuple[CountedLookups, ...]:
        """The counters in it; what does not read as one is left out, and listed in `unread`."""
        names = [name for name in self.fields if _is_counter(name) and _number(self.fields[name]) is not None]
        return tuple(self._counted(name) for name in sorted(names))

    @property
    def unread(self) -> tuple[str, ...]:
        """The fields that no counter is made of, in order."""
        known = {each for name in self.fields if _is_counter(name) for each in _parts(name)} | {STARTED}
        broken = (name for name in self.fields if name not in known or _number(self.fields[name]) is None)
        return tuple(sorted(broken))

    def _counted(self, name: str) -> CountedLookups:
        tier, _, outcome = name.partition(":")
        _, microseconds, tokens, gross, net, unpriced = (_number(self.fields.get(each)) for each in _parts(name))
        return CountedLookups(
            scope_hash=self.scope_hash,
            tier=tier,
            outcome=outcome,
            interval_start_at=self._started_at(),
            interval_end_at=self.hour_at + HOUR,
            lookup_count=_number(self.fields[name]) or 0,
            saved_tokens=tokens,
            saved_gross_usd=_dollars(gross),
            saved_net_usd=_dollars(net),
            unpriced_count=unpriced or 0,
            lookup_ms_sum=None if microseconds is None else microseconds / 1000,
        )

    def _started_at(self) -> datetime:
        """Return when the hash began; its hour where it does not tell, or tells another hour."""
        milliseconds = _number(self.fields.get(STARTED))
        seconds = self.hour_at.replace(tzinfo=UTC).timestamp()
        if milliseconds is None or not 0 <= milliseconds - seconds * 1000 < HOUR.total_seconds() * 1000:
            return self.hour_at
        return self.hour_at + timedelta(milliseconds=milliseconds - int(seconds) * 1000)


def newer_counts(read: Iterable[CountedLookups], known: Mapping[object, int]) -> tuple[CountedLookups, ...]:
    """Return the counters that are to be written: those that are unknown, or have counted on.

    A counter that has fallen (a replica that lagged took over) takes nothing away from what was read.

    Args:
        read: counters, as they are now.
        known: by key, the number of lookups that was read before.
    """
    return tuple(each for each in read if each.lookup_count > known.get(each.key, -1))


def _parts(name: str) -> tuple[str, ...]:
    ends = ("", ":lookup_us", ":saved_tokens", ":saved_gross_picousd", ":saved_net_picousd", ":unpriced")
    return tuple(f"{name}{end}" for end in ends)


def _is_counter(name: str) -> bool:
    tier, _, outcome = name.partition(":")
    return bool(tier) and outcome in OUTCOMES


def _number(text: str | None) -> int | None:
    try:
        return None if text is None else int(text)
    except ValueError:
        return None


def _dollars(picodollars: int | None) -> Decimal | None:
    return None if picodollars is None else Decimal(picodollars).scaleb(-12)
