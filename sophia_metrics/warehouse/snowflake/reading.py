"""A query over what is committed now: marts are read as they are built, and days of tables where some are asked for."""

from sqlglot import exp

from sophia_metrics import schema
from sophia_metrics.schema.column import Storage, Table
from sophia_metrics.warehouse.protocol import Query
from sophia_metrics.warehouse.snowflake.dialect import parse
from sophia_metrics.warehouse.snowflake.tables import built_name

__all__ = ["over_committed", "tables_of"]

DAYS = "committed_days"
"""The parameter of a query that holds the days to which it is restricted."""


def tables_of(query: Query) -> tuple[Table, ...]:
    """Return the tables that a query reads."""
    names = {table.name for table in parse(query.sql).find_all(exp.Table)}
    return tuple(table for table in schema.TABLES if table.name in names)


def over_committed(query: Query) -> tuple[exp.Expr, dict[str, object]]:
    """Return the parsed statement, still in DuckDB's words, and the parameters by which a query is answered."""
    parameters = dict(query.parameters)
    tree = parse(query.sql).copy()
    by_name = {table.name: table for table in tables_of(query)}
    steps = {cte.alias for cte in tree.find_all(exp.CTE)}
    for node in list(tree.find_all(exp.Table)):
        table = by_name.get(node.name)
        if table is None or node.name in steps or table.storage is not Storage.DAY_FILES:
            continue
        rows = f"SELECT {', '.join(table.names)} FROM {built_name(table)}"
        if query.days is not None:
            rows += f" WHERE list_contains(${DAYS}, {table.day})"
            parameters[DAYS] = list(query.days)
        node.replace(
            exp.Subquery(this=parse(rows).copy(), alias=exp.TableAlias(this=exp.to_identifier(node.alias_or_name)))
        )
    return tree, parameters
