"""State of the mirror of a Snowflake warehouse: how far it has what is there, and the other way."""

from sophia_metrics.schema.column import Column, Kind, Storage, Table

__all__ = ["FORWARDED_PARTS", "MIRRORED_PARTS", "MIRRORS"]

TEXT, DATE, INSTANT = Kind.TEXT, Kind.DATE, Kind.INSTANT

MIRRORS = Table(
    name="mirrors",
    doc="Of which Snowflake schema this state is the mirror, and how far; one row, or none on DuckDB alone.",
    key=("origin",),
    columns=(
        Column("origin", TEXT, "Account, database and schema.", True),
        Column("synced_at", INSTANT, "When it was last brought up to Snowflake (UTC). Null: not since it was made."),
        Column("forwarded_at", INSTANT, "When operations were last brought to Snowflake (UTC). Null: never."),
    ),
    storage=Storage.INTERNAL,
)

MIRRORED_PARTS = Table(
    name="mirrored_parts",
    doc="Which rows of Snowflake's state tables are copied here: a fingerprint of those of each UTC day.",
    key=("table_name", "day_on"),
    columns=(
        Column("table_name", TEXT, "The table.", True),
        Column("day_on", DATE, "UTC day of the rows. Null: all rows of a table without one."),
        Column("part", TEXT, "Number and hash of the rows, as Snowflake computes it.", True),
    ),
    storage=Storage.INTERNAL,
)

FORWARDED_PARTS = Table(
    name="forwarded_parts",
    doc="Which operations Snowflake has: day files of observations, and fingerprints of days of state tables.",
    key=("table_name", "day_on", "part"),
    columns=(
        Column("table_name", TEXT, "The table.", True),
        Column("day_on", DATE, "UTC day of the rows. Null: all rows of a table without one."),
        Column("part", TEXT, "The day file; of a state table number and hash of the rows.", True),
    ),
    storage=Storage.INTERNAL,
)
