"""State of the state file itself: what it was made again from, and which migrations it has seen."""

from sophia_metrics.schema.column import Column, Kind, Storage, Table

__all__ = ["RECOVERIES", "SCHEMA_MIGRATIONS"]

TEXT, INSTANT, COUNT = Kind.TEXT, Kind.INSTANT, Kind.COUNT

RECOVERIES = Table(
    name="core_recoveries",
    doc="When the state file was lost, damaged or given back, and from what it was made again.",
    key=("recovered_at",),
    columns=(
        Column("recovered_at", INSTANT, "When it was made again (UTC).", True),
        Column("reason", TEXT, "What was wrong, or who asked for it.", True),
        Column(
            "base",
            TEXT,
            "state: the file itself, without its write-ahead log; a backup, by its name; nothing: there was neither.",
            True,
        ),
        Column("version", COUNT, "The published version from which what is newer came. Null: none was newer."),
        Column("adopted_count", COUNT, "Observations that were found in day files and listed again.", True),
        Column("moved_to", TEXT, "Where the damaged file is now, below the state folder. Null: there was none."),
    ),
    storage=Storage.STATE,
)

SCHEMA_MIGRATIONS = Table(
    name="schema_migrations",
    doc="The numbered migrations that this state has seen.",
    key=("migration",),
    columns=(
        Column("migration", TEXT, "Name of the migration, such as m001_initial.", True),
        Column("applied_at", INSTANT, "When it was applied (UTC).", True),
    ),
    storage=Storage.INTERNAL,
)
