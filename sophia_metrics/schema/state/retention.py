"""State of what is kept no longer: days that are past, people who are forgotten."""

from sophia_metrics.schema.column import Column, Kind, Storage, Table

__all__ = ["RETENTION", "TOMBSTONES"]

TEXT, DATE, INSTANT, COUNT = Kind.TEXT, Kind.DATE, Kind.INSTANT, Kind.COUNT

RETENTION = Table(
    name="core_retention",
    doc="From which UTC day on the rows of a table are kept. Of the days before it only the rollups are left: the marts by day.",
    key=("table_name",),
    columns=(
        Column("table_name", TEXT, "The table.", True),
        Column("kept_from_on", DATE, "The first UTC day whose rows are kept; it only ever moves forwards.", True),
        Column("moved_at", INSTANT, "When it last moved (UTC).", True),
    ),
    storage=Storage.STATE,
)

TOMBSTONES = Table(
    name="core_tombstones",
    doc="Who was forgotten, as keyed hashes that no other table has: later landings leave out whose identifier has one.",
    key=("tombstone",),
    columns=(
        Column("tombstone", TEXT, "Keyed hash of the keyed hash of an identifier.", True),
        Column(
            "reach",
            TEXT,
            "person: goes from every row; linked: a session or key that only this person had, goes from rows that name nobody else.",
            True,
        ),
        Column("forgotten_at", INSTANT, "When it was asked for (UTC).", True),
        Column("last_version", COUNT, "The last published version that may still show the person. 0: none.", True),
    ),
    storage=Storage.STATE,
)
