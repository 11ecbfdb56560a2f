"""Numbered steps that bring warehouse.duckdb up to date; each is applied once, in order, in one transaction."""

from collections.abc import Callable
from datetime import datetime

import duckdb

from sophia_metrics import schema
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.frames import fetch_row
from sophia_metrics.schema import findings
from sophia_metrics.schema.column import Storage
from sophia_metrics.schema.ddl import create_table
from sophia_metrics.warehouse.manifest import note_every_day

__all__ = ["MIGRATIONS", "apply", "unseen"]


def m001_initial(connection: duckdb.DuckDBPyConnection) -> None:
    """Create every state table."""
    for table in schema.stored(Storage.STATE, Storage.INTERNAL):
        connection.execute(create_table(table))


def m002_parts_of_files(connection: duckdb.DuckDBPyConnection) -> None:
    """Let the ledger name parts of files. What was read before was read whole, and is read whole when it changes."""
    connection.execute("ALTER TABLE core_ingest_ledger ADD COLUMN IF NOT EXISTS line_start BIGINT")
    connection.execute("ALTER TABLE core_ingest_ledger ADD COLUMN IF NOT EXISTS reading_id VARCHAR")
    for table in ("core_schema_changes", "file_positions"):
        connection.execute(create_table(schema.table(table)))
    connection.execute(
        "INSERT INTO file_positions "
        "(source, file_name, reading_id, size_bytes, modified_ns, byte_end, line_end, prefix_sha256) "
        "SELECT source, file_name, attempt_id, byte_end, modified_ns, byte_end, 1, NULL FROM core_ingest_ledger "
        "WHERE file_name IS NOT NULL AND status IN ('committed', 'held') "
        "QUALIFY row_number() OVER (PARTITION BY source, file_name ORDER BY finished_at DESC, attempt_id DESC) = 1"
    )


def m003_services(connection: duckdb.DuckDBPyConnection) -> None:
    """Remember what is watched."""
    connection.execute(create_table(schema.table("core_services")))


def m004_budgets(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep budgets, and say up to when the days of a source are settled: so far all sources are files."""
    connection.execute(create_table(schema.table("core_budgets")))
    connection.execute("ALTER TABLE core_watermarks ADD COLUMN IF NOT EXISTS settled_through_at TIMESTAMP")
    connection.execute(
        "UPDATE core_watermarks SET settled_through_at = collected_at - INTERVAL 1 HOUR "
        "WHERE settled_through_at IS NULL"
    )


def m005_quality(connection: duckdb.DuckDBPyConnection) -> None:
    """Keep the verdicts of the expectations, and which days were judged."""
    for table in ("core_quality_verdicts", "judged_days"):
        connection.execute(create_table(schema.table(table)))


def m006_alerts(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables of alerts."""
    for table in ("core_alert_rules", "core_alert_silences", "core_alert_episodes", "core_alert_deliveries"):
        connection.execute(create_table(schema.table(table)))


def m007_key_runs(connection: duckdb.DuckDBPyConnection) -> None:
    """Let the audit remember which files it has seen: none of those that are there."""
    connection.execute("ALTER TABLE manifest ADD COLUMN IF NOT EXISTS is_audited BOOLEAN")
    connection.execute(create_table(schema.table("key_runs")))


def m008_retention(connection: duckdb.DuckDBPyConnection) -> None:
    """Remember from which day on rows are kept: so far all are."""
    connection.execute(create_table(schema.table("core_retention")))


def m009_tombstones(connection: duckdb.DuckDBPyConnection) -> None:
    """Remember who was forgotten: so far nobody."""
    connection.execute(create_table(schema.table("core_tombstones")))


def m010_heartbeats(connection: duckdb.DuckDBPyConnection) -> None:
    """Remember when our own flows did their work."""
    connection.execute(create_table(schema.table("core_heartbeats")))


def m011_recovery(connection: duckdb.DuckDBPyConnection) -> None:
    """Note hashes of files and what is listed of each day, so that damage is found; and what was recovered."""
    connection.execute("ALTER TABLE manifest ADD COLUMN IF NOT EXISTS sha256 VARCHAR")
    connection.execute("ALTER TABLE core_versions ADD COLUMN IF NOT EXISTS size_bytes BIGINT")
    connection.execute("ALTER TABLE core_versions ADD COLUMN IF NOT EXISTS file_sha256 VARCHAR")
    for table in ("manifest_days", "damaged_days", "core_recoveries"):
        connection.execute(create_table(schema.table(table)))
    note_every_day(connection)


def m012_cards_once(connection: duckdb.DuckDBPyConnection) -> None:
    """Of a price card that two runs learnt at once, keep the one that was known first."""
    connection.execute(
        "DELETE FROM core_price_cards WHERE known_to_at IS NULL AND EXISTS (SELECT 1 FROM core_price_cards AS earlier "
        "WHERE earlier.price_id = core_price_cards.price_id AND earlier.known_to_at IS NULL "
        "AND earlier.known_from_at < core_price_cards.known_from_at)"
    )


def m013_mirror(connection: duckdb.DuckDBPyConnection) -> None:
    """Let a state be the mirror of a Snowflake warehouse: so far it is none."""
    for table in ("mirrors", "mirrored_parts", "forwarded_parts"):
        connection.execute(create_table(schema.table(table)))


def m014_findings(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables of what is computed from settled days: forecasts, anomalies, suggestions, prices that moved."""
    for table in findings.FINDINGS:
        connection.execute(create_table(table))


def m015_budget_terms(connection: duckdb.DuckDBPyConnection) -> None:
    """Let budgets begin on another day, and have thresholds for their forecast: so far none does."""
    connection.execute("ALTER TABLE core_budgets ADD COLUMN IF NOT EXISTS start_day BIGINT")
    connection.execute("ALTER TABLE core_budgets ADD COLUMN IF NOT EXISTS forecast_thresholds VARCHAR")


def m016_alerting(connection: duckdb.DuckDBPyConnection) -> None:
    """Let alerts be acknowledged, grouped and counted, and silences say of what and by whom they are."""
    connection.execute(create_table(schema.table("core_alert_acknowledgements")))
    added = {
        "core_alert_silences": (
            "scope_type VARCHAR",
            "scope_value VARCHAR",
            "created_by VARCHAR",
            "created_at TIMESTAMP",
        ),
        "core_alert_episodes": ("held_count BIGINT", "held_basis VARCHAR"),
        "core_alert_deliveries": ("group_id VARCHAR",),
    }
    for table, columns in added.items():
        for column in columns:
            connection.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {column}")


def m017_kept_back(connection: duckdb.DuckDBPyConnection) -> None:
    """Let alerts say what keeps them back: of those so far it is not known."""
    connection.execute("ALTER TABLE core_alert_episodes ADD COLUMN IF NOT EXISTS kept_back_by VARCHAR")


def m018_sum_inflation(connection: duckdb.DuckDBPyConnection) -> None:
    """Let forecasts of sums be widened apart from those of days: so far they were widened alike."""
    connection.execute("ALTER TABLE core_forecast_snapshots ADD COLUMN IF NOT EXISTS through_inflation_ratio DOUBLE")


MIGRATIONS: tuple[Callable[[duckdb.DuckDBPyConnection], None], ...] = (
    m001_initial,
    m002_parts_of_files,
    m003_services,
    m004_budgets,
    m005_quality,
    m006_alerts,
    m007_key_runs,
    m008_retention,
    m009_tombstones,
    m010_heartbeats,
    m011_recovery,
    m012_cards_once,
    m013_mirror,
    m014_findings,
    m015_budget_terms,
    m016_alerting,
    m017_kept_back,
    m018_sum_inflation,
)


LIST_OF_STEPS = (
    "SELECT 1 FROM duckdb_tables() WHERE table_name = 'schema_migrations' AND database_name = current_database()"
)


def unseen(connection: duckdb.DuckDBPyConnection) -> tuple[Callable[[duckdb.DuckDBPyConnection], None], ...]:
    """Return the migrations that this state has not seen; it stays as it is.

    Raises:
        ConfigurationError: the state was written by a newer version of this program.
    """
    is_new = fetch_row(connection, LIST_OF_STEPS) is None
    seen: set[str] = set()
    if not is_new:
        seen = {str(row[0]) for row in connection.execute("SELECT migration FROM schema_migrations").fetchall()}
    unknown = seen - {step.__name__ for step in MIGRATIONS}
    if unknown:
        raise ConfigurationError(
            f"the state was written by a newer sophia-metrics (migration {max(unknown)}): install that version"
        )
    return tuple(step for step in MIGRATIONS if step.__name__ not in seen)


def apply(connection: duckdb.DuckDBPyConnection, now: datetime) -> None:
    """Apply the migrations that this state has not seen.

    Raises:
        ConfigurationError: the state was written by a newer version of this program.
    """
    steps = unseen(connection)
    connection.execute(create_table(schema.table("schema_migrations")))
    for step in steps:
        step(connection)
        connection.execute("INSERT INTO schema_migrations VALUES ($1, $2)", [step.__name__, now])
