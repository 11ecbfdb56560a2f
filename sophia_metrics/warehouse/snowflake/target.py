"""The schema to which a state folder is moved: it is empty, or holds what an earlier move of the same folder left."""

import hashlib

from sophia_metrics.errors import ConfigurationError
from sophia_metrics.frames import fetch_row
from sophia_metrics.schema import state
from sophia_metrics.warehouse.mirrored import FILLED_FROM
from sophia_metrics.warehouse.snowflake.moved import MOVED_CORE, MOVED_STATE
from sophia_metrics.warehouse.snowflake.session import SnowflakeSession
from sophia_metrics.warehouse.state_connection import StateConnection

__all__ = ["claim", "folder_mark", "refuse_other_contents", "release"]

MARK_DIGITS = 16


def folder_mark(locked: StateConnection) -> str:
    """Return what tells this state folder from any other: when its state was first made."""
    row = fetch_row(
        locked, "SELECT migration, applied_at FROM schema_migrations ORDER BY applied_at, migration LIMIT 1"
    )
    return f"{FILLED_FROM}{hashlib.sha256(repr(row).encode()).hexdigest()[:MARK_DIGITS]}"


def claim(session: SnowflakeSession, mark: str) -> None:
    """Note in the schema that a folder is being moved to it: until `release` nobody commits usage there.

    Raises:
        ConfigurationError: it holds something else.
    """
    with session.transaction() as locked:
        if not refuse_other_contents(session, mark):
            locked.execute("INSERT INTO mirrors (origin) VALUES ($1)", [mark])


def release(session: SnowflakeSession, mark: str) -> None:
    """Take the note away."""
    with session.transaction() as locked:
        locked.execute("DELETE FROM mirrors WHERE origin = $1", [mark])


def refuse_other_contents(session: SnowflakeSession, mark: str) -> bool:
    """Refuse a schema with contents of its own; say whether this folder is being moved there already.

    Raises:
        ConfigurationError: it holds usage, state, or what was moved from another folder.
    """
    place = session.settings.place
    row = fetch_row(session, "SELECT origin FROM mirrors")
    if row is not None:
        if str(row[0]) == mark:
            return True
        raise ConfigurationError(f"another {row[0]} is being moved to {place}: name a schema of its own for this one")
    names = (*MOVED_CORE, *(table.name for table in (*MOVED_STATE, state.MANIFEST)))
    counted = " UNION ALL ".join(f"SELECT '{name}', COUNT(*) FROM {name}" for name in names)
    found = {str(name): int(count) for name, count in session.run(counted).fetchall() if count}
    if found:
        listed = ", ".join(f"{name} ({count:,} rows)" for name, count in sorted(found.items()))
        raise ConfigurationError(
            f"{place} is not empty, and nothing is mixed with what is there: {listed}. Name an empty schema, by "
            "schema_name in [snowflake]"
        )
    return False
