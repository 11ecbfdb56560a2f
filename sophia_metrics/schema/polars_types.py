"""From a table to Polars: apart from the DDL, so that who needs no frame does not wait for Polars."""

import polars as pl

from sophia_metrics.schema.column import Kind, Table

__all__ = ["polars_schema"]

_POLARS_TYPES: dict[Kind, pl.DataType] = {
    Kind.TEXT: pl.String(),
    Kind.BOOLEAN: pl.Boolean(),
    Kind.DATE: pl.Date(),
    Kind.INSTANT: pl.Datetime("us"),
    Kind.COUNT: pl.Int64(),
    Kind.MONEY: pl.Decimal(38, 12),
    Kind.RATE: pl.Decimal(38, 18),
    Kind.QUANTITY: pl.Decimal(38, 6),
    Kind.REAL: pl.Float64(),
}


def polars_schema(table: Table) -> pl.Schema:
    """Return the table as a Polars schema."""
    return pl.Schema({column.name: _POLARS_TYPES[column.kind] for column in table.columns})
