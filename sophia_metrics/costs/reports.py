"""Running the statements of sql/reports on one published version."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import date, datetime
from importlib import resources
from typing import Any

import duckdb

from sophia_metrics.marts import mart
from sophia_metrics.serving import Serving, tables_of

__all__ = ["Reports", "published_reports", "report_query"]

YOUNGEST = (mart("mart_usage_15min"), mart("mart_price_assumptions"))
"""Marts that reports read and that a version may lack which an older program published."""


class Reports:
    """The reports of one version; money comes as Decimal, days as date, instants as naive UTC."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        known = tables_of(connection)
        for each in YOUNGEST:
            if each.name not in known:  # an older program published it, with all rows of usage
                connection.execute(f"CREATE TEMP VIEW {each.name} AS {each.sql}")

    def rows(self, name: str, **parameters: date | datetime | int) -> list[tuple[Any, ...]]:
        """Return the rows of a report."""
        return self._connection.execute(report_query(name), parameters).fetchall()

    def row(self, name: str, **parameters: date | datetime | int) -> tuple[Any, ...]:
        """Return the row of a report that has exactly one."""
        (row,) = self.rows(name, **parameters)
        return row


@contextmanager
def published_reports(serving: Serving) -> Generator[Reports]:
    """Open the current version; it stays what it is, whatever is published meanwhile.

    Raises:
        ConfigurationError: nothing is published yet.
    """
    with serving.connection() as connection:
        yield Reports(connection)


def report_query(name: str) -> str:
    """Return the statement of sql/reports/<name>.sql."""
    return (resources.files("sophia_metrics") / "sql" / "reports" / f"{name}.sql").read_text(encoding="utf-8")
