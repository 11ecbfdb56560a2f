"""A state that is a copy of another warehouse's, or is being filled from one, commits no usage of its own."""

from sophia_metrics.errors import ConfigurationError
from sophia_metrics.frames import fetch_row
from sophia_metrics.warehouse.state_connection import StateConnection

__all__ = ["FILLED_FROM", "refuse_mirror"]

FILLED_FROM = "state folder "
"""How the origin begins that a schema of Snowflake notes while a state folder is moved there."""


def refuse_mirror(locked: StateConnection) -> None:
    """Refuse a commit of usage to what holds copies; call it in the transaction of the commit.

    Raises:
        ConfigurationError: this is the mirror of a schema of Snowflake, or a folder is being moved to this schema.
    """
    row = fetch_row(locked, "SELECT origin FROM mirrors")
    if row is None:
        return
    origin = str(row[0])
    if origin.startswith(FILLED_FROM):
        raise ConfigurationError(
            f"a {origin} is being moved to this schema of Snowflake, and that is not finished: run "
            "`sophia-metrics migrate --to snowflake` with that folder again"
        )
    raise ConfigurationError(
        f'the state folder mirrors {origin}, where usage is committed: set warehouse = "snowflake" in sophia.toml'
    )
