"""A state that is a copy of another warehouse's, or is being filled from one, commits no usage of its own."""

from collections.abc import Iterable

from sophia_metrics import schema
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.frames import fetch_row
from sophia_metrics.schema import state
from sophia_metrics.warehouse.state_connection import StateConnection

__all__ = ["FILLED_FROM", "mirrored_origin", "refuse_mirror", "refuse_mirrored_rows"]

FILLED_FROM = "state folder "
"""How the origin begins that a schema of Snowflake notes while a state folder is moved there."""

KEPT_BY_BOTH = frozenset({state.JUDGED_DAYS.name})
"""Each side judges the days that it builds."""


def mirrored_origin(locked: StateConnection) -> str | None:
    """Return the account, database and schema of which this state is the mirror. None: it is none."""
    row = fetch_row(locked, "SELECT origin FROM mirrors")
    return None if row is None else str(row[0])


def refuse_mirror(locked: StateConnection) -> None:
    """Refuse a commit of usage to what holds copies; call it in the transaction of the commit.

    Raises:
        ConfigurationError: this is the mirror of a schema of Snowflake, or a folder is being moved to this schema.
    """
    origin = mirrored_origin(locked)
    if origin is None:
        return
    if origin.startswith(FILLED_FROM):
        raise ConfigurationError(
            f"a {origin} is being moved to this schema of Snowflake, and that is not finished: run "
            "`sophia-metrics migrate --to snowflake` with that folder again"
        )
    raise ConfigurationError(
        f'the state folder mirrors {origin}, where usage is committed: set warehouse = "snowflake" in sophia.toml'
    )


def refuse_mirrored_rows(locked: StateConnection, table_names: Iterable[str]) -> None:
    """Refuse rows of state that live in Snowflake, and not in its mirror; call it in the transaction of the record.

    Raises:
        ConfigurationError: this is a mirror, and the next sync would take such rows away.
    """
    if not set(table_names) <= schema.OPERATIONS_NAMES | KEPT_BY_BOTH:
        refuse_mirror(locked)
