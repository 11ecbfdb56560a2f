"""Why the spend of a tag changed. No mart has tags, so calls are read, and taken apart by the SQL of the marts.

The rows are those that core has now, which may be newer than the published version.
"""

from collections.abc import Iterator
from datetime import date
from importlib import resources
from pathlib import Path

import duckdb

from sophia_metrics import schema
from sophia_metrics.costs.change import CostChange, Days, compare, refuse_overlap
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.marts import mart
from sophia_metrics.schema.ddl import create_table
from sophia_metrics.scopes import ALL, Scope
from sophia_metrics.suggestions.window import WindowDays
from sophia_metrics.warehouse.protocol import Query, Warehouse
from sophia_metrics.working import working_connection

__all__ = ["explain_tagged_change"]

PARTS = "mart_cost_parts"
UNITS = "SELECT event_id, unit, quantity, cost_usd FROM core_usage_units"
CARDS = "SELECT price_id, tier_low_tokens FROM core_price_cards"
KEPT = "SELECT kept_from_on FROM core_retention WHERE table_name = 'core_usage_events'"


def explain_tagged_change(
    warehouse: Warehouse, before: Days, after: Days, scope: Scope, *, folder: Path, memory_limit: str
) -> CostChange:
    """Say why the spend of a tag changed from one period to another; the effects add up to the change exactly.

    Args:
        warehouse: core, as it is committed now.
        before: the period before.
        after: the later period.
        scope: one value of a tag.
        folder: the state folder, for what does not fit into memory.
        memory_limit: what DuckDB may use, such as "4GiB".

    Raises:
        ConfigurationError: the periods overlap, calls of one have expired, or the scope is no tag.
    """
    if not scope.is_tag:
        raise ConfigurationError(f"{scope} is no tag: explain_change compares it")
    refuse_overlap(before, after)
    _refuse_expired(warehouse, min(before.first_on, after.first_on))
    with working_connection(folder, memory_limit) as connection:
        connection.execute(create_table(schema.table(PARTS)))
        connection.register("core_price_cards", warehouse.read(Query(CARDS)))
        for day in (*_days(before), *_days(after)):
            _add_day(connection, warehouse, scope, day)
        return compare(connection, scope, Scope(ALL, ALL), before, after)


def _add_day(connection: duckdb.DuckDBPyConnection, warehouse: Warehouse, scope: Scope, day: date) -> None:
    as_first, as_other = scope.tag_texts
    events = warehouse.read(Query(_tagged_calls(), {"as_first": as_first, "as_other": as_other}, (day,)))
    if events.is_empty():
        return
    connection.register("core_usage_events", events)
    connection.register("core_usage_units", warehouse.read(Query(UNITS, days=(day,))))
    connection.execute(f"INSERT INTO {PARTS} BY NAME {mart(PARTS).sql}")


def _refuse_expired(warehouse: Warehouse, first_on: date) -> None:
    kept_from: list[date] = warehouse.read(Query(KEPT))["kept_from_on"].to_list()
    if kept_from and first_on < kept_from[0]:
        raise ConfigurationError(
            f"calls before {kept_from[0]} have expired, and no mart has tags: compare later days, or another scope"
        )


def _days(days: Days) -> Iterator[date]:
    yield from WindowDays(days.first_on, days.last_on).days


def _tagged_calls() -> str:
    path = resources.files("sophia_metrics").joinpath("sql", "change", "tagged_calls.sql")
    return path.read_text(encoding="utf-8")
