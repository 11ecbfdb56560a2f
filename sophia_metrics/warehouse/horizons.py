"""Horizons: from which UTC day on the rows of a table are kept. They are state, and only ever move forwards."""

from collections.abc import Iterable, Mapping
from datetime import date

from sophia_metrics.errors import ServiceUnavailableError
from sophia_metrics.warehouse.manifest import Piece
from sophia_metrics.warehouse.state_connection import StateConnection

__all__ = ["first_kept", "horizons", "refuse_expired"]


def horizons(connection: StateConnection) -> dict[str, date]:
    """Return by table the first day whose rows are kept; a table that is not in it keeps all."""
    return dict(connection.execute("SELECT table_name, kept_from_on FROM core_retention").fetchall())


def first_kept(kept_from: Mapping[str, date], table_names: Iterable[str]) -> date | None:
    """Return the first day of which all of some tables have their rows. None: they keep every day."""
    return max((kept_from[name] for name in table_names if name in kept_from), default=None)


def refuse_expired(locked: StateConnection, files: Iterable[Piece]) -> None:
    """Refuse to list files of days that a retention has dropped since they were staged; call it under the lock.

    Raises:
        ServiceUnavailableError: it has; staged again, such rows go to quarantine.
    """
    kept_from = horizons(locked)
    if not kept_from:
        return
    for file in files:
        first = kept_from.get(file.table_name)
        if first is not None and file.day_on < first:
            raise ServiceUnavailableError(
                f"the rows of days before {first} have been dropped from {file.table_name} while rows of "
                f"{file.day_on} were being committed: nothing was changed, run it again"
            )
