"""Whether a state folder can be moved: it holds real usage, is whole, and its marts are built."""

from sophia_metrics.errors import ConfigurationError, ProcessingError
from sophia_metrics.frames import fetch_row
from sophia_metrics.sources.terms import SAMPLE_SOURCE
from sophia_metrics.warehouse.manifest import files_of
from sophia_metrics.warehouse.snowflake.moved import MOVED_CORE
from sophia_metrics.warehouse.staleness import stale_days
from sophia_metrics.warehouse.state_connection import StateConnection

__all__ = ["refuse_unfit"]


def refuse_unfit(locked: StateConnection) -> None:
    """Refuse a folder with nothing to move, with sample data, or that is not whole.

    Raises:
        ConfigurationError: it has no usage, or only made-up usage.
        ProcessingError: days are damaged, or marts not built.
    """
    sources = {str(source) for (source,) in locked.execute("SELECT source FROM core_watermarks").fetchall()}
    if SAMPLE_SOURCE in sources:
        raise ConfigurationError(
            "the state folder holds the made-up usage of `run --sample`, which is not moved: collect real usage first, "
            'or set warehouse = "snowflake" and SOPHIA_HOME to a folder of its own'
        )
    if not sources and not files_of(locked, MOVED_CORE):
        raise ConfigurationError(
            'the state folder holds no usage: there is nothing to move, set warehouse = "snowflake" and run'
        )
    damaged = fetch_row(locked, "SELECT table_name, day_on FROM damaged_days WHERE lost_count IS NULL LIMIT 1")
    if damaged is not None:
        raise ProcessingError(
            f"{damaged[0]} of {damaged[1]} is damaged and waits to be made again: `sophia-metrics run` does that, then "
            "move"
        )
    stale = {day for days in stale_days(locked).values() for day in days}
    if stale:
        raise ProcessingError(
            f"the marts of {len(stale):,} days are not built of what is committed (first: {min(stale)}), so that they "
            "cannot be compared: `sophia-metrics run` builds them, then move"
        )
