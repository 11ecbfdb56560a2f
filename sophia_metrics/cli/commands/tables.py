"""Commands that query what is published."""

from enum import StrEnum
from typing import Annotated

import typer

from sophia_metrics.cli.options import Json

__all__ = ["sql", "tables"]


class Format(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def sql(
    query: Annotated[str, typer.Argument(help="One SELECT.")],
    *,
    output: Annotated[Format, typer.Option("--format", help="How rows are printed.")] = Format.TABLE,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Query the published version, read-only.

    JSON is an array of objects: decimals are exact text, instants end with Z (all of ours are UTC).
    """
    from sophia_metrics.cli.sql import print_query

    print_query(query, Format.JSON if json else output)


def tables(
    name: Annotated[str | None, typer.Argument(help="A table whose columns are wanted.")] = None,
    *,
    json: Json = False,
) -> None:
    """List the tables: grain, rows, meaning. With NAME, the columns of one."""
    from sophia_metrics.cli.tables import print_columns, print_tables

    if name is None:
        print_tables(is_json=json)
    else:
        print_columns(name, is_json=json)
