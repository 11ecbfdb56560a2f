"""What a role needs in Snowflake, and no more, as a script that an administrator runs.

For each table the statements that this program sends to it are declared here; the script grants those.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from sophia_metrics import schema
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.schema import findings, focus, state
from sophia_metrics.schema.column import Storage, Table
from sophia_metrics.sources.table_settings import TableTerms
from sophia_metrics.warehouse.snowflake.moved import MOVED_CORE, MOVED_STATE
from sophia_metrics.warehouse.snowflake.settings import SnowflakeSettings
from sophia_metrics.warehouse.snowflake.tables import MIGRATIONS, PUBLISHED_DAYS, WRITE_LOCK, built_name

__all__ = ["MOVING_VERBS", "SINK_VERBS", "VERBS", "Reach", "grants_script"]

Verbs = tuple[str, ...]
NONE: Verbs = ()
"""The table is there because DuckDB has it; Snowflake's has no rows."""
READ: Verbs = ("SELECT",)
ADDED: Verbs = ("SELECT", "INSERT")
MERGED: Verbs = ("SELECT", "INSERT", "UPDATE")
REPLACED: Verbs = ("SELECT", "INSERT", "DELETE")
CHANGED: Verbs = ("SELECT", "INSERT", "UPDATE", "DELETE")
SINK_VERBS = MERGED
"""In the platform's own table: nothing is deleted, and nothing is made."""

_STATE: Mapping[Table, Verbs] = MappingProxyType(
    {
        state.INGEST_LEDGER: CHANGED,
        state.WATERMARKS: REPLACED,
        state.PRICE_CARDS: MERGED,
        state.PRICE_CARD_UNITS: ADDED,
        state.QUARANTINE_VERDICTS: READ,
        state.PIPELINE_RUNS: CHANGED,
        state.QUALITY_VERDICTS: CHANGED,
        state.SCHEMA_CHANGES: REPLACED,
        state.HEARTBEATS: MERGED,
        state.SERVICES: MERGED,
        state.ALERT_RULES: MERGED,
        state.ALERT_SILENCES: MERGED,
        state.ALERT_EPISODES: MERGED,
        state.ALERT_DELIVERIES: MERGED,
        state.ALERT_ACKNOWLEDGEMENTS: MERGED,
        state.VERSIONS: REPLACED,
        PUBLISHED_DAYS: REPLACED,
        state.RECOVERIES: NONE,
        state.RETENTION: REPLACED,
        state.TOMBSTONES: MERGED,
        state.BUDGETS: REPLACED,
        **dict.fromkeys(findings.FINDINGS, REPLACED),
        state.CALENDAR_DAYS: REPLACED,
        state.BUDGET_PERIODS: REPLACED,
        focus.SELLERS: REPLACED,
        state.FILE_POSITIONS: REPLACED,
        state.MANIFEST: CHANGED,
        state.MANIFEST_DAYS: REPLACED,
        state.DAMAGED_DAYS: ("SELECT", "DELETE"),
        state.KEY_RUNS: NONE,
        state.MART_BUILDS: REPLACED,
        state.JUDGED_DAYS: REPLACED,
        state.PRICE_BOOKS: REPLACED,
        state.SCHEMA_MIGRATIONS: READ,
        state.MIRRORS: READ,
        state.MIRRORED_PARTS: NONE,
        state.FORWARDED_PARTS: NONE,
        WRITE_LOCK: ("SELECT", "UPDATE"),
    }
)


def _verbs() -> Iterator[tuple[str, Verbs]]:
    for table in (*schema.TABLES, WRITE_LOCK, PUBLISHED_DAYS):
        if table in _STATE:
            yield table.name, _STATE[table]
        elif table.storage is Storage.VIEW:
            yield table.name, READ
        elif table.name.startswith("mart_"):
            yield table.name, REPLACED
            if table.storage is Storage.DAY_FILES:
                yield built_name(table), REPLACED
        else:
            yield table.name, CHANGED


VERBS: Mapping[str, Verbs] = MappingProxyType(dict(_verbs()))
"""By table of our schema, which statements are sent to it; a MERGE is a SELECT, an INSERT and an UPDATE."""

_MOVED: Mapping[str, Verbs] = MappingProxyType(
    {**dict.fromkeys((*MOVED_CORE, *(table.name for table in MOVED_STATE), state.MIRRORS.name), REPLACED)}
)

MOVING_VERBS: Mapping[str, Verbs] = MappingProxyType(
    {
        name: tuple(verb for verb in verbs if verb not in VERBS[name])
        for name, verbs in _MOVED.items()
        if not set(verbs) <= set(VERBS[name])
    }
)
"""What moving a folder to a schema needs beside them: state is brought there whole, more than once where need be."""

READABLE = ("core_", "mart_", "focus_")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_$]{0,254}")
USAGE_VIEWER = "SNOWFLAKE.USAGE_VIEWER"


@dataclass(frozen=True, slots=True)
class Reach:
    """What of Snowflake the settings use.

    Attributes:
        is_warehouse: core and marts live there, or are to.
        is_moving: a state folder is to be moved there.
        sources: the tables that usage is read from.
        sink: the table to which events are written. None: to none.
    """

    is_warehouse: bool
    is_moving: bool = False
    sources: Sequence[TableTerms] = ()
    sink: tuple[str, str, str] | None = None


def grants_script(settings: SnowflakeSettings, reach: Reach, *, role: str | None, read_role: str | None) -> str:
    """Return the script.

    Args:
        settings: the connection.
        reach: what of it is used.
        role: the role that this program takes. None: that of the settings.
        read_role: a role that may read core and marts. None: none is made.

    Raises:
        ConfigurationError: a role is no name of Snowflake.
    """
    for name in filter(None, (role, read_role)):
        if NAME.fullmatch(name) is None:
            raise ConfigurationError(f"{name!r} names no role: letters, digits, _ and $ do, such as SOPHIA_METRICS")
    ours = role or settings.role
    if read_role is not None and read_role.upper() == ours.upper():
        raise ConfigurationError(f"{read_role} writes: name another role for those who read")
    lines = [*_head(settings, ours)]
    if reach.is_warehouse or reach.sink is not None:
        lines += _place(settings, ours)
    if reach.is_warehouse:
        lines += _tables(settings, ours)
        if reach.is_moving:
            lines += _moving(settings, ours)
    lines += _platform(settings, reach, ours)
    if read_role is not None and reach.is_warehouse:
        lines += _readers(settings, read_role)
    return "\n".join((*lines, *_advice(settings)))


def _head(settings: SnowflakeSettings, role: str) -> Iterator[str]:
    yield "-- What sophia-metrics needs in Snowflake, and no more. Run it as a role that may make roles and grants,"
    yield "-- such as SECURITYADMIN, and that may make tables in the schema. It can be run again, and after each"
    yield "-- upgrade. Who makes a table may do everything with it: so the tables are made here, and not by the role"
    yield "-- that uses them."
    yield f"CREATE ROLE IF NOT EXISTS {role};"
    yield f"GRANT ROLE {role} TO USER {_quoted(settings.user)};"
    yield f"GRANT USAGE ON WAREHOUSE {settings.warehouse} TO ROLE {role};"


def _place(settings: SnowflakeSettings, role: str) -> Iterator[str]:
    yield ""
    yield "-- Our own schema. What is loaded goes through tables and stages that live for one attempt."
    yield f"CREATE SCHEMA IF NOT EXISTS {_schema(settings)};"
    yield f"GRANT USAGE ON DATABASE {settings.database} TO ROLE {role};"
    yield f"GRANT USAGE, CREATE TABLE, CREATE VIEW, CREATE STAGE ON SCHEMA {_schema(settings)} TO ROLE {role};"


def _tables(settings: SnowflakeSettings, role: str) -> Iterator[str]:
    yield ""
    yield "-- The tables, as they are now, and which steps that took: the program has nothing left to make."
    yield "-- Rows are written too: where the session has no warehouse, name one first (USE WAREHOUSE)."
    yield f"USE SCHEMA {_schema(settings)};"
    for step in MIGRATIONS:
        for statement in step():
            yield f"{statement};"
        yield f"{_noted(step.__name__)};"
    yield ""
    yield "-- Each table, and the statements that are sent to it."
    yield from _granted(VERBS, settings, role)


def _noted(step: str) -> str:
    """Return what notes a step, where it is not noted yet."""
    moment = "CAST(CONVERT_TIMEZONE('UTC', CURRENT_TIMESTAMP()) AS TIMESTAMP_NTZ)"
    name = state.SCHEMA_MIGRATIONS.name
    known = f"SELECT 1 FROM {name} WHERE migration = '{step}'"
    return f"INSERT INTO {name} (migration, applied_at) SELECT '{step}', {moment} WHERE NOT EXISTS ({known})"


def _granted(verbs: Mapping[str, Verbs], settings: SnowflakeSettings, role: str) -> Iterator[str]:
    for name, granted in verbs.items():
        if granted:
            yield f"GRANT {', '.join(granted)} ON {_kind(name)} {_schema(settings)}.{name} TO ROLE {role};"


def _moving(settings: SnowflakeSettings, role: str) -> Iterator[str]:
    yield ""
    yield "-- For `sophia-metrics migrate --to snowflake`, beside that."
    yield from _granted(MOVING_VERBS, settings, role)
    yield "-- Once it is done:"
    for name, verbs in MOVING_VERBS.items():
        yield f"-- REVOKE {', '.join(verbs)} ON TABLE {_schema(settings)}.{name} FROM ROLE {role};"


def _platform(settings: SnowflakeSettings, reach: Reach, role: str) -> Iterator[str]:
    verbs: dict[tuple[str, str, str], Verbs] = {
        terms.place: ("SELECT",) for terms in reach.sources if not terms.is_shared
    }
    if reach.sink is not None:
        verbs[reach.sink] = SINK_VERBS
    if verbs:
        yield ""
        yield "-- Tables of others: they are read, and what is written there is never deleted."
    ours = (settings.database.upper(), settings.schema_name.upper())
    for database in dict.fromkeys(place[0] for place in verbs):
        yield f"GRANT USAGE ON DATABASE {database} TO ROLE {role};"
    for database, schema_name in dict.fromkeys(place[:2] for place in verbs):
        if not reach.is_warehouse or (database.upper(), schema_name.upper()) != ours:
            yield f"GRANT USAGE ON SCHEMA {database}.{schema_name} TO ROLE {role};"
    for place, granted in verbs.items():
        yield f"GRANT {', '.join(granted)} ON TABLE {'.'.join(place)} TO ROLE {role};"
    if any(terms.is_shared for terms in reach.sources):
        yield ""
        yield "-- Snowflake's own views of usage and credits. Where there are no database roles, the wider way is:"
        yield f"-- GRANT IMPORTED PRIVILEGES ON DATABASE SNOWFLAKE TO ROLE {role};"
        yield f"GRANT DATABASE ROLE {USAGE_VIEWER} TO ROLE {role};"


def _readers(settings: SnowflakeSettings, role: str) -> Iterator[str]:
    yield ""
    yield "-- For people who query: core and marts, read-only."
    yield f"CREATE ROLE IF NOT EXISTS {role};"
    yield f"GRANT USAGE ON WAREHOUSE {settings.warehouse} TO ROLE {role};"
    yield f"GRANT USAGE ON DATABASE {settings.database} TO ROLE {role};"
    yield f"GRANT USAGE ON SCHEMA {_schema(settings)} TO ROLE {role};"
    for name in _readable(VERBS):
        yield f"GRANT SELECT ON {_kind(name)} {_schema(settings)}.{name} TO ROLE {role};"


def _kind(name: str) -> str:
    return "VIEW" if name in {table.name for table in schema.stored(Storage.VIEW)} else "TABLE"


def _advice(settings: SnowflakeSettings) -> Iterator[str]:
    warehouse = settings.warehouse
    yield ""
    yield "-- A warehouse of its own costs least: it is small, and asleep a minute after the last statement."
    yield f"-- CREATE WAREHOUSE IF NOT EXISTS {warehouse} WAREHOUSE_SIZE = XSMALL AUTO_SUSPEND = 60 AUTO_RESUME = TRUE"
    yield "--     INITIALLY_SUSPENDED = TRUE;"
    yield "-- A limit that you choose keeps a mistake from costing more:"
    yield f"-- CREATE RESOURCE MONITOR {warehouse}_MONITOR WITH CREDIT_QUOTA = 60 FREQUENCY = MONTHLY"
    yield "--     START_TIMESTAMP = IMMEDIATELY TRIGGERS ON 80 PERCENT DO NOTIFY ON 100 PERCENT DO SUSPEND;"
    yield f"-- ALTER WAREHOUSE {warehouse} SET RESOURCE_MONITOR = {warehouse}_MONITOR;"
    yield "-- Without Time Travel, what is erased is gone sooner; see docs/snowflake.md."
    yield f"-- ALTER SCHEMA {_schema(settings)} SET DATA_RETENTION_TIME_IN_DAYS = 0;"
    yield ""


def _readable(names: Iterable[str]) -> Iterator[str]:
    return (name for name in names if name.startswith(READABLE) and name not in HIDDEN)


HIDDEN = frozenset({state.TOMBSTONES.name, *(table.name for table, verbs in _STATE.items() if not verbs)})
"""What no reader needs: who was forgotten, and tables without rows."""


def _schema(settings: SnowflakeSettings) -> str:
    return f"{settings.database}.{settings.schema_name}"


def _quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return name if NAME.fullmatch(name) else f'"{escaped}"'
