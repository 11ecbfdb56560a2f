"""Pulls of a run: vendors are asked side by side, while what others told is landed and committed."""

from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from threading import Event

from sophia_metrics.connect import vendor_of
from sophia_metrics.lanes import side_by_side
from sophia_metrics.settings import Settings, SourceSettings
from sophia_metrics.usage.pulling import Pulled
from tasks.usage import pull_usage

__all__ = ["Pulls", "pulls_of"]

MOST_VENDORS = 4
"""So many at once: each holds two spans of rows at most, and two cores have enough to do with these."""


@dataclass(frozen=True, slots=True)
class Pulls:
    """What the sources of one run that are pulled have told."""

    settings: Settings
    now: datetime
    begun: Mapping[str, Future[Pulled]]

    def of(self, source: SourceSettings) -> Pulled:
        """Return what was pulled from a source, once that is done; it is raised here what kept it from being done."""
        pull = self.begun.get(source.name)
        return pull_usage(self.settings, source, self.now) if pull is None else pull.result()


@contextmanager
def pulls_of(settings: Settings, sources: Sequence[SourceSettings], now: datetime) -> Generator[Pulls]:
    """Begin to ask vendors, four at once, each for one thing at a time; what is left when the block ends is stopped.

    Tables of Snowflake are read in their turn, and so is a single vendor.
    """
    lanes: dict[str, dict[str, Callable[[Event], Pulled]]] = {}
    for each in sources:
        if each.is_live:
            lanes.setdefault(vendor_of(each), {})[each.name] = partial(pull_usage, settings, each, now)
    if len(lanes) < 2:  # noqa: PLR2004 - nobody to stand beside
        yield Pulls(settings, now, {})
        return
    with side_by_side(tuple(lanes.values()), MOST_VENDORS) as begun:
        yield Pulls(settings, now, begun)
