"""What maintenance did, as values: they cross from the tasks to the flow and on to whoever prints them."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from sophia_metrics.errors import ServiceUnavailableError, SophiaError
from sophia_metrics.maintenance.upkeep import Backup, Freed, Swept
from sophia_metrics.warehouse.protocol import Changed, Expired, Publication

__all__ = ["Attempts", "Maintained", "UnfinishedError"]

R = TypeVar("R")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Maintained:
    """What was done, or in a dry run would be done. None: that step failed, or was not due.

    Attributes:
        compacted: days that lay in pieces.
        expired: rows that are kept no longer.
        landing: landed files that are kept no longer.
        swept: what nobody lists any more.
        publication: the version that readers see now.
        problems: which steps failed and why, in sentences.
        is_dry_run: nothing was changed.
        backup: the copy of the state that was made first.
    """

    compacted: Changed | None
    expired: Expired | None
    landing: Freed | None
    swept: Swept | None
    publication: Publication | None
    problems: tuple[str, ...] = ()
    is_dry_run: bool = False
    backup: Backup | None = None

    @property
    def held_because(self) -> str | None:
        """Why the publish was held back. None: it was not."""
        return self.publication.held_because if self.publication else None

    def raise_problems(self) -> None:
        """Fail where a step has failed.

        Raises:
            UnfinishedError: one has.
        """
        if self.problems:
            raise UnfinishedError(self)


class UnfinishedError(ServiceUnavailableError):
    """Some steps of maintenance failed; the others were done, and `maintained` says what came of them."""

    def __init__(self, maintained: Maintained) -> None:
        super().__init__(
            f"maintenance is not finished: {'; '.join(maintained.problems)}. The other steps are done; "
            "the next `sophia-metrics maintain` goes on"
        )
        self.maintained = maintained

    def __reduce__(self) -> tuple[type["UnfinishedError"], tuple[Maintained]]:
        """Let the error cross processes with what it says."""
        return UnfinishedError, (self.maintained,)


class Attempts:
    """Steps that do not wait for one another: one that fails is noted, and the next is made."""

    def __init__(self) -> None:
        self._problems: list[str] = []

    @property
    def problems(self) -> tuple[str, ...]:
        """Which steps failed and why, in sentences."""
        return tuple(self._problems)

    def make(self, what: str, step: Callable[[], R]) -> R | None:
        """Make a step and return what it returns. None: it failed."""
        try:
            return step()
        except SophiaError as error:
            log.warning("%s failed: %s", what, error)
            self._problems.append(f"{what} failed: {error}")
            return None
