"""`sophia-metrics tables`: what there is to query."""

from collections.abc import Iterable, Mapping

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from sophia_metrics import schema
from sophia_metrics.cli.facts import print_facts
from sophia_metrics.cli.sql_errors import near_names, readable_tables
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.schema import Storage, Table
from sophia_metrics.schema.ddl import sql_type
from sophia_metrics.serving import Serving
from sophia_metrics.settings import load_settings

__all__ = ["print_columns", "print_tables"]


def print_tables(*, is_json: bool) -> None:
    """Print name, grain, rows and meaning of every table; before the first publish rows are unknown.

    Rows that only Snowflake has whole are not counted: `sql` counts them there.
    """
    settings = load_settings()
    tables = readable_tables()
    elsewhere = schema.NEWEST_DAYS_NAMES if settings.warehouse == "snowflake" else frozenset[str]()
    rows = _row_counts(Serving(settings.home), [each for each in tables if each.name not in elsewhere])
    if is_json:
        print_facts(
            {
                "tables": [
                    {"name": each.name, "grain": each.key, "row_count": rows.get(each.name), "doc": each.doc}
                    for each in tables
                ]
            }
        )
        return
    grid = _grid("table", "rows", "what it is")
    for each in tables:
        count = rows.get(each.name)
        what = Text.assemble(each.doc, "\n", (f"one row for each {', '.join(each.key)}", "dim"))
        unknown = "on Snowflake" if each.name in elsewhere else "unknown"
        grid.add_row(each.name, unknown if count is None else f"{count:,}", what)
    console = Console(highlight=False)
    console.print(grid)
    if not rows:
        console.print("nothing is published yet: `sophia-metrics run` does it")
    console.print("columns: sophia-metrics tables NAME", style="dim")


def print_columns(name: str, *, is_json: bool) -> None:
    """Print the columns of one table.

    Raises:
        ConfigurationError: there is no such table.
    """
    table = next((each for each in readable_tables() if each.name == name), None)
    if table is None:
        near = near_names(name, [each.name for each in readable_tables()])
        hint = f"did you mean {' or '.join(near)}?" if near else "`sophia-metrics tables` lists all of them"
        raise ConfigurationError(f"there is no table {name}: {hint}")
    if is_json:
        columns = [
            {"name": each.name, "type": sql_type(each.kind), "is_required": each.is_required, "doc": each.doc}
            for each in table.readable_columns
        ]
        print_facts({"name": table.name, "grain": table.key, "doc": table.doc, "columns": columns})
        return
    console = Console(highlight=False)
    console.print(f"{table.name}: {table.doc}\none row for each {', '.join(table.key)}", soft_wrap=True)
    grid = _grid("column", "type", "", "what it is")
    for each in table.readable_columns:
        grid.add_row(each.name, sql_type(each.kind), "required" if each.is_required else "", each.doc)
    console.print(grid)


def _grid(*headings: str) -> Grid:
    grid = Grid(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for heading in headings:
        grid.add_column(
            heading,
            justify="right" if heading == "rows" else "left",
            no_wrap=heading in {"rows", "table", "column"},
        )
    return grid


def _row_counts(serving: Serving, tables: Iterable[Table]) -> Mapping[str, int]:
    """Count the rows of every table of the published version that is stored; nothing where there is none."""
    if serving.version is None:
        return {}
    counts = " UNION ALL ".join(
        f"SELECT '{each.name}', count(*) FROM {each.name}" for each in tables if each.storage is not Storage.VIEW
    )
    with serving.connection() as connection:
        return {str(name): int(count) for name, count in connection.execute(counts).fetchall()}
