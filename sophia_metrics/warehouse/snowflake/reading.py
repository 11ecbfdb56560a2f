"""A query over what is committed now: marts are read as they are built, and days of tables where some are asked for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from sqlglot import exp

from sophia_metrics import schema
from sophia_metrics.schema.column import Storage, Table
from sophia_metrics.warehouse.protocol import Query
from sophia_metrics.warehouse.snowflake.dialect import parse
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
    names = {table.name for table in parse(query.sql).find_all(exp.Table)}
    return tuple(table for table in schema.TABLES if table.name in names)


def over_committed(query: Query) -> tuple[exp.Expr, dict[str, object]]:
    """Return the parsed statement, still in DuckDB's words, and the parameters by which a query is answered."""
    relations = (
        Relation(table, ((built_name(table), query.days),))
        for table in tables_of(query)
        if table.storage is Storage.DAY_FILES
    )
    return over_relations(query.sql, query.parameters, relations)


def over_relations(
    sql: str, parameters: Mapping[str, object], relations: Iterable[Relation]
) -> tuple[exp.Expr, dict[str, object]]:
    """Return a parsed SELECT that reads relations in the place of their tables, and its parameters."""
    tree, bound = parse(sql).copy(), dict(parameters)
    by_name = {relation.table.name: relation for relation in relations}
    steps = {step.alias for step in tree.find_all(exp.CTE)}
    for node in list(tree.find_all(exp.Table)):
        relation = by_name.get(node.name)
        if relation is None or node.name in steps:
            continue
        rows: list[str] = []
        for place, (name, days) in enumerate(relation.parts):
            part = f"SELECT {', '.join(relation.table.names)} FROM {name}"
            if days is not None:
                parameter = f"days_of_{relation.table.name}_{place}"
                part += f" WHERE list_contains(${parameter}, {relation.table.day})"
                bound[parameter] = list(days)
            rows.append(part)
        alias = exp.TableAlias(this=exp.to_identifier(node.alias_or_name))
        node.replace(exp.Subquery(this=parse(" UNION ALL ".join(rows)).copy(), alias=alias))
    return tree, bound
