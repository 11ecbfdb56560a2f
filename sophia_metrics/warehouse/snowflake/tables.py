"""Our tables in Snowflake: made where they are missing, in numbered steps, outside of any transaction.

DDL commits by itself there. So every step can be done twice, and by two programs at once, with the same end.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

from sophia_metrics import schema
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.marts import MARTS
from sophia_metrics.schema import core, findings, focus, invoices, marts, state
from sophia_metrics.schema.column import Column, Kind, Storage, Table
from sophia_metrics.schema.ddl import Engine, create_table, sql_type
from sophia_metrics.warehouse.snowflake.dialect import parse, render
from sophia_metrics.warehouse.snowflake.session import SnowflakeSession

__all__ = [
    "MIGRATIONS",
    "PUBLISHED_DAYS",
    "WRITE_LOCK",
    "built_name",
    "every_table",
    "is_prepared",
    "prepare",
    "table_statements",
    "view_statements",
]

WRITE_LOCK = Table(
    name="write_lock",
    doc="One row, which every transaction that writes updates first: so they wait for each other.",
    key=("lock_name",),
    columns=(
        Column("lock_name", Kind.TEXT, "write.", is_required=True),
        Column("turn", Kind.COUNT, "How often it was taken.", is_required=True),
    ),
    storage=Storage.INTERNAL,
)

PUBLISHED_DAYS = Table(
    name="published_days",
    doc="Which built rows of a mart are published of each day.",
    key=("table_name", "day_on"),
    columns=(
        Column("table_name", Kind.TEXT, "The mart.", is_required=True),
        Column("day_on", Kind.DATE, "The UTC day.", is_required=True),
        Column("path", Kind.TEXT, "The path that the manifest had of the day.", is_required=True),
    ),
    storage=Storage.INTERNAL,
)


def prepare(session: SnowflakeSession, now: datetime) -> None:
    """Make the tables that are missing, and bring those that are there up to date; `now` is naive UTC.

    Where nothing is to be done no warehouse computes: what there is, SHOW tells.

    Raises:
        ConfigurationError: the tables were made by a newer version of this program, or may not be made.
    """
    seen = _seen(session)
    names = {step.__name__ for step in MIGRATIONS}
    if unknown := seen - names:
        raise ConfigurationError(
            f"the tables in Snowflake were made by a newer sophia-metrics (migration {max(unknown)}): install that "
            "version"
        )
    for step in MIGRATIONS:
        if step.__name__ not in seen:
            for statement in step():
                session.run(statement)
            session.execute("INSERT INTO schema_migrations VALUES ($1, $2)", [step.__name__, now])


def is_prepared(session: SnowflakeSession) -> bool:
    """Say whether our tables are there; no warehouse computes."""
    rows = session.run_rows("SHOW TABLES LIKE 'SCHEMA_MIGRATIONS'")  # where _ stands for any letter
    return any(str(row["name"]).lower() == "schema_migrations" for row in rows)


def built_name(table: Table) -> str:
    """Return where the days of a table are that are not published yet; core is its own."""
    return f"built_{table.name}" if table.name.startswith("mart_") else table.name


def every_table() -> tuple[tuple[Table, str], ...]:
    """Return every table with its name in Snowflake; a mart by day is there twice, as published and as built."""
    named: list[tuple[Table, str]] = []
    for table in (*schema.TABLES, WRITE_LOCK, PUBLISHED_DAYS):
        if table.storage is Storage.VIEW:
            continue
        named.append((table, table.name))
        if table.storage is Storage.DAY_FILES and table.name.startswith("mart_"):
            named.append((table, built_name(table)))
    return tuple(named)


def table_statements() -> tuple[str, ...]:
    """Return CREATE TABLE IF NOT EXISTS for every table."""
    return tuple(_create(table, name) for table, name in every_table())


def view_statements() -> tuple[str, ...]:
    """Return CREATE VIEW IF NOT EXISTS for every mart that whoever reads it computes; their tables come before."""
    views = (mart for mart in MARTS if mart.table.storage is Storage.VIEW)
    return tuple(f"CREATE VIEW IF NOT EXISTS {mart.name} AS\n{render(parse(mart.sql))}" for mart in views)


def _create(table: Table, name: str) -> str:
    cluster = f"\nCLUSTER BY ({table.day})" if table.day else ""
    return f"{create_table(table, Engine.SNOWFLAKE, name=name)}{cluster}"


def _seen(session: SnowflakeSession) -> set[str]:
    if not is_prepared(session):
        return set()
    return {str(name) for (name,) in session.execute("SELECT migration FROM schema_migrations").fetchall()}


def s001_initial() -> Iterator[str]:
    """Make every table, and the one row of the lock."""
    yield from table_statements()
    yield (
        "INSERT INTO write_lock (lock_name, turn) SELECT 'write', 0 "
        "WHERE NOT EXISTS (SELECT 1 FROM write_lock WHERE lock_name = 'write')"
    )


def s002_budget_terms() -> Iterator[str]:
    """Let budgets begin on another day, and have thresholds for their forecast."""
    yield _create(state.BUDGET_PERIODS, state.BUDGET_PERIODS.name)
    for column in ("start_day", "forecast_thresholds"):
        yield _add(state.BUDGETS, column)
    yield _add(marts.BUDGET_STATUS, "forecast_thresholds")


def s003_alerting() -> Iterator[str]:
    """Let alerts be acknowledged, grouped and counted, and silences say of what and by whom they are."""
    yield create_table(schema.table("core_alert_acknowledgements"), Engine.SNOWFLAKE)
    added = {
        "core_alert_silences": ("scope_type", "scope_value", "created_by", "created_at"),
        "core_alert_episodes": ("held_count", "held_basis"),
        "core_alert_deliveries": ("group_id",),
    }
    for name, columns in added.items():
        for column in columns:
            yield _add(schema.table(name), column)


def s004_context_windows() -> Iterator[str]:
    """Let events say how large the calls in a bucket are: so far no source does."""
    yield _add(core.USAGE_EVENTS, "context_window")


def s005_invoices() -> Iterator[str]:
    """Keep lines of bills, and hold our sums against them."""
    added = {table.name for table in (invoices.INVOICE_LINES, invoices.RECONCILIATION_DAYS, invoices.RECONCILIATION)}
    for table, name in every_table():
        if table.name in added:
            yield _create(table, name)


def s006_focus() -> Iterator[str]:
    """Show spend in the columns of FOCUS. Who changes the statement of the view adds a step that replaces it."""
    yield _create(focus.SELLERS, focus.SELLERS.name)
    yield from view_statements()


def s007_kept_back() -> Iterator[str]:
    """Let alerts say what keeps them back: of those so far it is not known."""
    yield _add(state.ALERT_EPISODES, "kept_back_by")


def s008_sum_inflation() -> Iterator[str]:
    """Let forecasts of sums be widened apart from those of days: so far they were widened alike."""
    yield _add(findings.FORECAST_SNAPSHOTS, "through_inflation_ratio")


def _add(table: Table, name: str) -> str:
    """Return what adds a column to a table that was made without it."""
    (kind,) = (sql_type(column.kind, Engine.SNOWFLAKE) for column in table.columns if column.name == name)
    return f"ALTER TABLE {table.name} ADD COLUMN IF NOT EXISTS {name} {kind}"


MIGRATIONS: tuple[Callable[[], Iterator[str]], ...] = (
    s001_initial,
    s002_budget_terms,
    s003_alerting,
    s004_context_windows,
    s005_invoices,
    s006_focus,
    s007_kept_back,
    s008_sum_inflation,
)
"""Each yields statements in Snowflake's own words, which change nothing where they were done before."""
