"""Parts of state tables: the rows of a UTC day, or a small table as a whole, told apart by a fingerprint.

Each engine computes it in its own way, and only what the same engine has said is compared. So what has not changed is
never read.
"""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from types import MappingProxyType

from sophia_metrics.schema import findings, state
from sophia_metrics.schema.column import Table
from sophia_metrics.warehouse.duckdb.version_file import SHOWN_DAYS, SHOWN_SINCE

__all__ = ["DATED_BY", "PartKey", "Parts", "day_of", "select_parts"]

PartKey = tuple[str, date | None]
"""A table by its name, and a UTC day of its rows; None: it has no days."""
Parts = Mapping[PartKey, str]

DATED_BY: Mapping[str, str] = MappingProxyType(
    {
        state.INGEST_LEDGER.name: "finished_at",
        state.PRICE_CARDS.name: "known_from_at",
        state.QUARANTINE_VERDICTS.name: "verdict_at",
        state.PIPELINE_RUNS.name: "started_at",
        state.QUALITY_VERDICTS.name: "judged_at",
        findings.FORECAST_SNAPSHOTS.name: "made_at",
        state.ALERT_EPISODES.name: "opened_at",
        state.ALERT_DELIVERIES.name: "created_at",
    }
)
"""Tables that grow, and the instant by whose UTC day their rows are taken together: it never changes."""

LEFT_OUT: Mapping[str, frozenset[str]] = MappingProxyType({state.TOMBSTONES.name: frozenset({"last_version"})})
"""Columns that mean something else on each side: versions are numbered by who publishes them."""


def day_of(table: Table) -> str:
    """Return the expression for the UTC day of a row."""
    instant = DATED_BY.get(table.name)
    return "CAST(NULL AS DATE)" if instant is None else f"CAST({instant} AS DATE)"


def select_parts(tables: Iterable[Table], today: date) -> str:
    """Return a SELECT of the name, the day and the fingerprint of every part; it reads the same on both engines.

    Of tables of which readers see only the last days, older rows are in no part.
    """
    return " UNION ALL ".join(_select(table, today) for table in tables)


def _select(table: Table, today: date) -> str:
    columns = ", ".join(name for name in table.names if name not in LEFT_OUT.get(table.name, ()))
    shown = ""
    if table.name in SHOWN_SINCE and table not in state.OPERATIONS:
        first = today - timedelta(days=SHOWN_DAYS)
        shown = f" WHERE {day_of(table)} >= CAST('{first.isoformat()}' AS DATE)"
    return (
        f"SELECT '{table.name}' AS table_name, {day_of(table)} AS day_on, "
        f"CAST(COUNT(*) AS VARCHAR) || ' ' || CAST(SUM(HASH({columns})) AS VARCHAR) AS part "
        f"FROM {table.name}{shown} GROUP BY 1, 2"
    )
