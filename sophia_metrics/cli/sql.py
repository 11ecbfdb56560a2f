"""`sophia-metrics sql`: one SELECT over the published version."""

import csv
import json
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb

from sophia_metrics import schema
from sophia_metrics.cli.facts import Fact, fact
from sophia_metrics.cli.sql_errors import explain
from sophia_metrics.errors import ConfigurationError, ServiceUnavailableError
from sophia_metrics.serving import Serving
from sophia_metrics.settings import load_settings

__all__ = ["print_query"]

READING = frozenset({"SELECT", "EXPLAIN", "MULTI"})
"""Kinds of statement that only read; a PIVOT is a MULTI."""
ROWS_AT_ONCE = 10_000
TABLE_ROWS = 1_000

Row = tuple[Any, ...]


def print_query(query: str, output: str) -> None:
    """Print the rows of one statement as `table`, `csv` or `json`.

    Raises:
        ConfigurationError: nothing is published, or the statement is not one good SELECT.
        ServiceUnavailableError: a file of the version cannot be read.
    """
    settings = load_settings()
    serving = Serving(settings.home)
    if settings.warehouse == "snowflake" and _reads_older_days(query):
        if serving.version is not None:
            with _checked(serving, query) as connection:
                connection.sql(query)  # it has the same tables, and says better what is wrong; nothing is computed
        from sophia_metrics.cli.snowflake_query import ask_snowflake  # noqa: PLC0415 - most queries do without

        rows = ask_snowflake(settings, query)
        _PRINTERS[output](rows.columns, rows.iter_rows())
        return
    with _checked(serving, query) as connection:
        _warn_of_sample(connection)
        result = connection.execute(query)
        columns = [str(column[0]) for column in result.description or []]
        _PRINTERS[output](columns, _rows(result))


@contextmanager
def _checked(serving: Serving, query: str) -> Generator[duckdb.DuckDBPyConnection]:
    """Open the published version for a query, and say of it in our words what DuckDB does in its own."""
    with serving.connection() as connection:
        try:
            _check_reading(connection, query)
            yield connection
        except duckdb.IOException as error:
            raise ServiceUnavailableError(f"the version cannot be read: {error}") from error
        except duckdb.Error as error:
            raise ConfigurationError(explain(error, query)) from error


def _reads_older_days(query: str) -> bool:
    """Say whether a query reads rows of which a mirror of Snowflake has the newest days only."""
    return any(table.name in schema.NEWEST_DAYS_NAMES for table in schema.tables_in(query))


def _check_reading(connection: duckdb.DuckDBPyConnection, query: str) -> None:
    kinds = [statement.type.name for statement in connection.extract_statements(query)]
    if len(kinds) != 1:
        raise ConfigurationError(f"write one SELECT; this text holds {len(kinds) or 'no'} statements")
    if kinds[0] not in READING:
        raise ConfigurationError(
            f"{kinds[0]} is not allowed: `sql` only reads. Write a SELECT; --format csv writes rows to a file"
        )


def _warn_of_sample(connection: duckdb.DuckDBPyConnection) -> None:
    newest = connection.execute("SELECT is_sample FROM core_versions ORDER BY version DESC LIMIT 1").fetchone()
    if newest == (True,):
        sys.stderr.write("SAMPLE DATA: these figures are made up\n")


def _rows(result: duckdb.DuckDBPyConnection) -> Iterator[Row]:
    while rows := result.fetchmany(ROWS_AT_ONCE):
        yield from rows


def _print_json(columns: Sequence[str], rows: Iterator[Row]) -> None:
    repeated = sorted({name for name in columns if columns.count(name) > 1})
    if repeated:
        raise ConfigurationError(f"two columns are named {repeated[0]}: tell them apart with AS")
    write, start = sys.stdout.write, "[\n"
    for row in rows:
        facts = dict(zip(columns, map(fact, row), strict=True))
        write(start + json.dumps(facts, ensure_ascii=False))
        start = ",\n"
    write("[]\n" if start == "[\n" else "\n]\n")


def _print_csv(columns: Sequence[str], rows: Iterator[Row]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(fact(value)) for value in row] for row in rows)


def _cell(value: Fact) -> str:
    """Return a value as plain text; null is empty."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _print_table(columns: Sequence[str], rows: Iterator[Row]) -> None:
    from sophia_metrics.cli.sql_table import print_rows  # noqa: PLC0415 - CSV and JSON do without rich

    shown = [row for row, _ in zip(rows, range(TABLE_ROWS), strict=False)]
    print_rows(columns, shown)
    if next(rows, None) is not None:
        sys.stderr.write(f"the first {TABLE_ROWS:,} rows; --format csv or json prints all of them\n")


_PRINTERS = {"table": _print_table, "csv": _print_csv, "json": _print_json}
