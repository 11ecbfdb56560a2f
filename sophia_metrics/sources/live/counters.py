"""Counters that only rise, until what counts begins anew: how much they rose in each window of time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

__all__ = ["Counters", "Sample", "rises"]

Sample = tuple[datetime, Decimal]
"""When a counter was looked at (naive UTC), and what it said."""
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - naive UTC


@dataclass(frozen=True, slots=True)
class Counters:
    """Which counters of Prometheus say what. An empty name: there is none.

    Attributes:
        requests: counts calls.
        tokens: counts tokens, of each type by a label.
        cost: counts dollars.
        token_type_label: the label of `tokens` that says of which type they are.
        is_cached_inside: input tokens hold those that were read from, or written to, a cache.
        labels: the label that says each dimension: provider, model, team, project, environment, operation, status.
    """

    requests: str
    tokens: str
    cost: str
    token_type_label: str
    is_cached_inside: bool
    labels: Mapping[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """The counters that there are."""
        return tuple(name for name in (self.requests, self.tokens, self.cost) if name)


def rises(samples: Iterable[Sample], before: Decimal | None, step: timedelta) -> dict[datetime, Decimal]:
    """Return how much a counter rose in each window of a width, by the window's start.

    What rose between two samples belongs to the window of the later one, so that windows add up however they are
    read. A counter that fell has begun anew at 0. A counter of which nothing is known before its first sample may
    have counted for long: that sample is no rise.

    Args:
        samples: in order of time.
        before: what it said last before them. None: nobody knows.
        step: the width of a window; windows begin at whole multiples of it since 1970.
    """
    found: dict[datetime, Decimal] = {}
    for moment, reading in samples:
        if before is not None:
            rise = reading if reading < before else reading - before
            start_at = moment - (moment - EPOCH) % step
            if rise:
                found[start_at] = found.get(start_at, Decimal(0)) + rise
        before = reading
    return found
