"""The data dictionary: every public table and column, as Markdown for people who write SQL.

`python -m sophia_metrics.schema.dictionary` prints it; docs/tables.md holds it.
"""

import sys
from collections.abc import Iterable

from sophia_metrics.schema import TABLES, Column, Storage, Table
from sophia_metrics.schema.ddl import Engine, sql_type

__all__ = ["render"]

_INTRODUCTION = """\
# Tables

<!-- Written by `python -m sophia_metrics.schema.dictionary`: change the schema, not this page. -->

The names, grains and types here are public: columns may be added, never renamed or retyped.

- Instants (`…_at`) are UTC without a time zone, to the microsecond; days (`…_on`) are UTC days.
- Money (`…_usd`) is an exact decimal with 12 places, in US dollars; a rate has 18. What is DOUBLE
  (milliseconds, ratios, costs per call or token) is for reading, not for adding up.
- Null is unknown, never 0. Where a mart adds up costs that may be null, a count of the unknown stands beside.
- A dimension that a source does not tell is null in core tables and `(none)` in marts.
- Where a table is kept by UTC day, filter on its day: other days are then not read.
"""

_PARTS = (
    ("Core: facts", "core_", (Storage.DAY_FILES,)),
    ("Core: state and decisions", "core_", (Storage.STATE, Storage.SERVING)),
    ("Marts", "mart_", (Storage.DAY_FILES, Storage.STATE, Storage.SERVING)),
    ("Bills of usage", "focus_", (Storage.VIEW,)),
)


def render(tables: Iterable[Table] = TABLES) -> str:
    """Return the dictionary of the public tables; tables without readers are left out."""
    public = tuple(tables)
    parts = (
        f"\n## {title}\n" + "".join(_section(each) for each in public if _belongs(each, prefix, storages))
        for title, prefix, storages in _PARTS
    )
    return _INTRODUCTION + "".join(parts)


def _belongs(table: Table, prefix: str, storages: tuple[Storage, ...]) -> bool:
    return table.name.startswith(prefix) and table.storage in storages


def _section(table: Table) -> str:
    kept = f" Kept by UTC day: `{table.day}`." if table.day else ""
    grain = ", ".join(f"`{name}`" for name in table.key)
    rows = "".join(_row(column) for column in table.readable_columns)
    return (
        f"\n### {table.name}\n\n{table.doc} One row for each {grain}.{kept}\n\n"
        f"| column | DuckDB | Snowflake | null | meaning |\n|---|---|---|---|---|\n{rows}"
    )


def _row(column: Column) -> str:
    null = "never" if column.is_required else "yes"
    types = " | ".join(sql_type(column.kind, engine) for engine in (Engine.DUCKDB, Engine.SNOWFLAKE))
    return f"| `{column.name}` | {types} | {null} | {column.doc} |\n"


if __name__ == "__main__":
    sys.stdout.write(render())
