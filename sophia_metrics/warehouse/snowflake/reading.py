"""A query over what is committed now: marts are read as they are built, and days of tables where some are asked for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from sqlglot import exp

from sophia_metrics import schema
from sophia_metrics.schema.column import Storage, Table
from sophia_metrics.warehouse.protocol import Query
from sophia_metrics.warehouse.snowflake.dialect import parse
from sophia_metrics.warehouse.snowflake.portability import tables_read
from sophia_metrics.warehouse.snowflake.statement import Part, ReadInstead, Statement
from sophia_metrics.warehouse.snowflake.tables import built_name

__all__ = ["Relation", "over_committed", "over_relations", "tables_of"]


@dataclass(frozen=True, slots=True)
class Relation:
    """What a statement reads in the place of a table: some days of one table, or of several together.

    `parts` are names of tables, each with the days that are read of it. None: all its rows.
    """

    table: Table
    parts: tuple[tuple[str, tuple[date, ...] | None], ...]


def tables_of(query: Query) -> tuple[Table, ...]:
    """Return the tables that a query reads."""
    names = {table.name.lower() for table in parse(query.sql).find_all(exp.Table)}
    return tuple(table for table in schema.TABLES if table.name in names)


def over_committed(query: Query) -> tuple[Statement, dict[str, object]]:
    """Return the statement, still in DuckDB's words, and the parameters by which a query is answered."""
    relations = (
        Relation(table, ((built_name(table), query.days),))
        for table in tables_of(query)
        if table.storage is Storage.DAY_FILES
    )
    return over_relations(query.sql, query.parameters, relations)


def over_relations(
    sql: str, parameters: Mapping[str, object], relations: Iterable[Relation]
) -> tuple[Statement, dict[str, object]]:
    """Return a SELECT that reads relations in the place of their tables, and its parameters."""
    bound, read = dict(parameters), tables_read(parse(sql))
    instead: list[ReadInstead] = []
    for relation in relations:
        table = relation.table
        if table.name not in read:
            continue
        parts: list[Part] = []
        for place, (name, days) in enumerate(relation.parts):
            parameter = None if days is None else f"days_of_{table.name}_{place}"
            parts.append(Part(name, parameter))
            if days is not None and parameter is not None:
                bound[parameter] = list(days)
        instead.append(ReadInstead(table.name, table.names, table.day, tuple(parts)))
    return Statement(sql, tuple(instead)), bound
