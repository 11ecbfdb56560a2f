"""The catalogue of marts: which tables are computed, from which, by which SQL, in which order."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources

from sophia_metrics import schema
from sophia_metrics.pricing.sellers import seller_frame
from sophia_metrics.schema import Table
from sophia_metrics.schema.focus import SELLERS

__all__ = ["MARTS", "Mart", "catalogue", "mart"]

BUILD_ORDER = (
    schema.marts.COST_15MIN,
    schema.marts.COST_HOURLY,
    schema.marts.COST_DAILY,
    schema.findings_marts.COST_PARTS,
    schema.marts.USAGE_15MIN,
    schema.marts.PRICE_ASSUMPTIONS,
    schema.marts.MODEL_EFFICIENCY,
    schema.marts.LATENCY_HISTOGRAM,
    schema.marts.CACHE_PERFORMANCE,
    schema.marts.SERVICE_15MIN,
    schema.marts.SERVICE_AVAILABILITY,
    schema.marts.SERVICE_HEALTH,
    schema.marts.SOURCE_DAILY,
    schema.marts.SETTLEMENT,
    schema.invoices.RECONCILIATION_DAYS,
    schema.invoices.RECONCILIATION,
    schema.marts.COST_TREND,
    schema.findings_marts.COST_CHANGE,
    schema.marts.BUDGET_DAYS,
    schema.marts.BUDGET_STATUS,
    schema.findings_marts.COST_FORECAST,
    schema.findings_marts.FORECAST_ACCURACY,
    schema.findings_marts.ANOMALIES_MART,
    schema.findings_marts.SUGGESTIONS_MART,
    schema.findings_marts.SAVINGS,
    schema.findings_marts.KPI,
    schema.marts.PERFORMANCE_NOW,
    schema.marts.PIPELINE_RUNS_MART,
    schema.marts.FRESHNESS,
    schema.marts.DATA_QUALITY,
    schema.focus.FOCUS_COST_AND_USAGE,
)

_TABLE_NAMES = frozenset(table.name for table in schema.TABLES)
_MART_NAMES = frozenset(table.name for table in BUILD_ORDER)
_SOURCES = re.compile(r"^-- sources: (?P<names>\w+(?:, \w+)*)$", re.MULTILINE)
_PARAMETER = re.compile(r"\$([a-z_]\w*)")


@dataclass(frozen=True, slots=True)
class Mart:
    """One mart: a table and the one statement whose rows it holds.

    A mart in day files depends on the same UTC day of its inputs only: whoever runs the statement gives
    it relations, named as in `inputs`, that hold the wanted days and nothing else.

    Attributes:
        table: the table that the statement fills; its columns have the same names and order.
        sql: one SELECT in DuckDB's dialect.
        inputs: the relations that it reads, core tables or marts earlier in the build order.
        parameters: the values that must be bound, by name; `now` is a naive UTC timestamp.
    """

    table: Table
    sql: str
    inputs: tuple[str, ...]
    parameters: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of the table."""
        return self.table.name

    @property
    def sql_sha256(self) -> str:
        """SHA-256 in hex of the statement, and of who sells where it asks: by another one every day is built again."""
        sellers = _sellers() if SELLERS.name in self.inputs else ""
        return hashlib.sha256((self.sql + sellers).encode()).hexdigest()


def catalogue(tables: Iterable[Table]) -> tuple[Mart, ...]:
    """Read the SQL of these tables and check that each reads only what exists by then.

    Raises:
        ValueError: a mart has no SQL, no `-- sources:` line, an input that is no table, or an input that
            is built after it.
    """
    marts = tuple(_read(table) for table in tables)
    built: set[str] = set()
    for each in marts:
        for name in each.inputs:
            _check_input(each, name, built)
        built.add(each.name)
    return marts


def mart(name: str) -> Mart:
    """Return the mart of that name.

    Raises:
        KeyError: there is no such mart.
    """
    return _BY_NAME[name]


def _read(table: Table) -> Mart:
    file = resources.files("sophia_metrics").joinpath("sql", "marts", f"{table.name}.sql")
    if not file.is_file():
        raise ValueError(f"mart {table.name} has no SQL: add sophia_metrics/sql/marts/{table.name}.sql")
    sql = file.read_text(encoding="utf-8")
    sources = _SOURCES.search(sql)
    if sources is None:
        raise ValueError(f"{table.name}.sql: the header needs a line such as '-- sources: core_usage_events'")
    parameters = tuple(sorted(set(_PARAMETER.findall(sql))))
    return Mart(table, sql, tuple(sources["names"].split(", ")), parameters)


@cache
def _sellers() -> str:
    return seller_frame().write_csv()


def _check_input(each: Mart, name: str, built: set[str]) -> None:
    if name not in _TABLE_NAMES:
        raise ValueError(f"{each.name}.sql reads {name}, which is no table: correct its '-- sources:' line")
    if name in _MART_NAMES and name not in built:
        raise ValueError(f"{each.name} reads {name}, which is built later: see BUILD_ORDER")


MARTS = catalogue(BUILD_ORDER)
_BY_NAME = {each.name: each for each in MARTS}
