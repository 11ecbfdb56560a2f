"""From a table to the words of an engine: CREATE TABLE, a typed column list."""

from enum import StrEnum

from sophia_metrics.schema.column import Column, Kind, Table

__all__ = ["Engine", "create_table", "empty_relation", "select_typed", "sql_type"]


class Engine(StrEnum):
    """The two warehouses."""

    DUCKDB = "duckdb"
    SNOWFLAKE = "snowflake"


_SQL_TYPES: dict[Kind, tuple[str, str]] = {
    Kind.TEXT: ("VARCHAR", "VARCHAR"),
    Kind.BOOLEAN: ("BOOLEAN", "BOOLEAN"),
    Kind.DATE: ("DATE", "DATE"),
    Kind.INSTANT: ("TIMESTAMP", "TIMESTAMP_NTZ(6)"),
    Kind.COUNT: ("BIGINT", "BIGINT"),
    Kind.MONEY: ("DECIMAL(38,12)", "NUMBER(38,12)"),
    Kind.RATE: ("DECIMAL(38,18)", "NUMBER(38,18)"),
    Kind.QUANTITY: ("DECIMAL(38,6)", "NUMBER(38,6)"),
    Kind.REAL: ("DOUBLE", "DOUBLE"),
}


def sql_type(kind: Kind, engine: Engine = Engine.DUCKDB) -> str:
    """Return the engine's word for a kind of column."""
    duckdb, snowflake = _SQL_TYPES[kind]
    return snowflake if engine is Engine.SNOWFLAKE else duckdb


def create_table(table: Table, engine: Engine = Engine.DUCKDB, *, name: str | None = None) -> str:
    """Return CREATE TABLE IF NOT EXISTS; `name` replaces the table's own, for stage tables.

    There are no keys and no indexes: Snowflake does not enforce them, and DuckDB's are a hazard
    in its write-ahead log. Grains are held by tests and by the merge.
    """
    lines = ",\n".join(f"    {_column(column, engine)}" for column in table.columns)
    return f"CREATE TABLE IF NOT EXISTS {name or table.name} (\n{lines}\n)"


def select_typed(table: Table, relation: str) -> str:
    """Return a SELECT that yields the table's columns from a relation in order, each cast to its type."""
    columns = ", ".join(f"CAST({column.name} AS {sql_type(column.kind)}) AS {column.name}" for column in table.columns)
    return f"SELECT {columns} FROM {relation}"


def empty_relation(table: Table) -> str:
    """Return a SELECT without rows, with the columns of the table, each of its type."""
    columns = ", ".join(f"CAST(NULL AS {sql_type(column.kind)}) AS {column.name}" for column in table.columns)
    return f"SELECT {columns} WHERE false"


def _column(column: Column, engine: Engine) -> str:
    required = " NOT NULL" if column.is_required else ""
    return f"{column.name} {sql_type(column.kind, engine)}{required}"
