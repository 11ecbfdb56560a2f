"""Our own event format: what an application writes that reports its calls itself.

A key is the name of a column of core_usage_events, where that is not our own bookkeeping; `id`, `user`,
`api_key`, `session`, `cost`, `currency` and `units` stand for what the warehouse derives from them. See
docs/sources.md.
"""

from sophia_metrics.schema import core
from sophia_metrics.schema.column import Column, Kind
from sophia_metrics.sources.format import Format, LandedColumn, TokenConvention
from sophia_metrics.sources.queries import source_query
from sophia_metrics.sources.tags import short_tag_map

__all__ = ["FILE_TYPES", "FORMAT"]

FILE_TYPES = {
    Kind.TEXT: "VARCHAR",
    Kind.BOOLEAN: "BOOLEAN",
    Kind.INSTANT: "TIMESTAMPTZ",
    Kind.COUNT: "DOUBLE",
    Kind.MONEY: "DECIMAL(38,12)",
    Kind.REAL: "DOUBLE",
}
"""What a value must be in a file, by the kind of its column."""

_BOOKKEEPING = frozenset({"event_id", "usage_on", "source", "source_role", "version_rank", "ingested_at", "attempt_id"})
_RENAMED = {"user_hash": "user", "api_key_id": "api_key", "session_id": "session"}
_ADDED = frozenset({"context_window"})
_HASHED = frozenset({"user_hash", "api_key_id", "session_id", "prompt_hash", "prefix_hash"})


def _landed(column: Column) -> LandedColumn:
    if column.name == "tags":
        return LandedColumn("tags", "MAP(VARCHAR, VARCHAR)", expression=short_tag_map("tags"))
    name = _RENAMED.get(column.name, column.name)
    return LandedColumn(name, FILE_TYPES[column.kind], is_identity=column.name in _HASHED, is_added=name in _ADDED)


_EVENT_COLUMNS = (*core.IDENTITY, *core.WHO, *core.TRACE, *core.WHAT, *core.TOKENS, *core.SPEED)

FORMAT = Format(
    name="events",
    doc="Events that an application writes itself, as JSONL, CSV or Parquet.",
    convention=TokenConvention.EXCLUSIVE,
    reported_basis="billed",
    columns=(
        LandedColumn("id", "VARCHAR"),
        *(_landed(column) for column in _EVENT_COLUMNS if column.name not in _BOOKKEEPING),
        LandedColumn("cost", "DECIMAL(38,12)"),
        LandedColumn("currency", "VARCHAR"),
        LandedColumn("units", "MAP(VARCHAR, DECIMAL(38,6))"),
    ),
    mapping=source_query("events"),
    units=source_query("events_units"),
    naming=("account_id", "team", "project", "environment"),
    tagging=("tags",),
    signature=("provider", "model", "started_at"),
    required=("provider", "model", "started_at"),
)
