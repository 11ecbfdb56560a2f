"""Reading what rules look at from the published version."""

import json
from decimal import Decimal
from typing import Any

import duckdb

from sophia_metrics.alerts.contributors import with_contributors
from sophia_metrics.alerts.observation import (
    AnomalyObservation,
    BudgetObservation,
    FlowObservation,
    GapObservation,
    Observations,
    PriceObservation,
    ServiceObservation,
)
from sophia_metrics.alerts.records import alert_query
from sophia_metrics.serving import Serving, columns_of, has_table
from sophia_metrics.windows import Window

__all__ = ["read_observations"]

IS_SAMPLE = "SELECT is_sample FROM core_versions ORDER BY version DESC LIMIT 1"
BUDGETS = (
    "mart_budget_status",
    (
        "budget",
        "period_start_on",
        "scope",
        "is_current",
        "limit_usd",
        "spent_usd",
        "thresholds",
        "forecast_thresholds",
        "projected_p50_usd",
        "projected_p90_usd",
        "breach_probability",
        "projection_state",
        "data_through_at",
        "start_at",
        "end_at",
    ),
)
FLOWS = (
    "SELECT heartbeats.flow, freshness.is_stale, heartbeats.succeeded_at, "
    "coalesce(heartbeats.failed_at > coalesce(heartbeats.succeeded_at, heartbeats.scheduled_since_at), false), "
    "heartbeats.interval_seconds FROM core_heartbeats AS heartbeats "
    "JOIN mart_freshness AS freshness ON freshness.subject = 'flow:' || heartbeats.flow ORDER BY heartbeats.flow"
)
SERVICES = ("mart_service_health", ("service", "status", "since_at", "message", "is_stale", "required_by"))


def read_observations(serving: Serving) -> Observations:
    """Return what the current version says; where nothing is published, nothing is observed.

    Sample data are made up: budgets on them are no observation, and alert nobody.
    """
    if serving.version is None:
        return Observations()
    with serving.connection() as connection:
        is_sample = connection.execute(IS_SAMPLE).fetchone() == (True,)
        budgets = None if is_sample else _budgets(connection)
        services = _rows(connection, *SERVICES)
        flows = _flows(connection)
        anomalies = None if is_sample else _found(connection, "core_anomalies", "recent_anomalies")
        prices = None if is_sample else _found(connection, "core_price_drifts", "recent_price_drifts")
        gaps = None if is_sample else _found(connection, "mart_reconciliation", "recent_gaps")
    return Observations(
        budgets=budgets,
        services=None if services is None else tuple(map(_service, services)),
        flows=flows,
        anomalies=None if anomalies is None else tuple(AnomalyObservation(**row) for row in anomalies),
        prices=None if prices is None else tuple(PriceObservation(**row) for row in prices),
        gaps=None if gaps is None else tuple(GapObservation(**row) for row in gaps),
    )


def _budgets(connection: duckdb.DuckDBPyConnection) -> tuple[BudgetObservation, ...] | None:
    """Return the budgets; of those that reach a threshold, or will, also who spent the most."""
    rows = _rows(connection, *BUDGETS)
    if rows is None:
        return None
    return with_contributors(connection, [(_budget(row), _window(row)) for row in rows])


def _found(connection: duckdb.DuckDBPyConnection, table: str, query: str) -> list[dict[str, Any]] | None:
    """Return the rows of sql/alerts/<query>.sql. None: the version is older than the table."""
    if not has_table(connection, table):
        return None
    found = connection.execute(alert_query(query))
    names = [str(column[0]) for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _flows(connection: duckdb.DuckDBPyConnection) -> tuple[FlowObservation, ...] | None:
    """Return the flows on a schedule. None: the version is older than their table, and says nothing."""
    if not has_table(connection, "core_heartbeats"):
        return None
    return tuple(FlowObservation(*row) for row in connection.execute(FLOWS).fetchall())


def _rows(connection: duckdb.DuckDBPyConnection, table: str, columns: tuple[str, ...]) -> list[dict[str, Any]] | None:
    """Return the rows of a table with those of the columns that it has. None: there is no such table."""
    known = columns_of(connection, table)
    names = [name for name in columns if name in known]
    if not names:
        return None
    rows = connection.execute(f"SELECT {', '.join(names)} FROM {table}").fetchall()
    return [dict.fromkeys(columns) | dict(zip(names, row, strict=True)) for row in rows]


def _budget(row: dict[str, Any]) -> BudgetObservation:
    values: dict[str, Any] = {**row, **{name: _shares(row.get(name)) for name in ("thresholds", "forecast_thresholds")}}
    return BudgetObservation(**{name: value for name, value in values.items() if name not in {"start_at", "end_at"}})


def _window(row: dict[str, Any]) -> Window | None:
    """Return the window of the period of a budget. None: it does not say."""
    start_at, end_at = row["start_at"], row["end_at"]
    return None if start_at is None or end_at is None else Window(start_at, end_at)


def _shares(text: str | None) -> tuple[Decimal, ...] | None:
    """Return shares of a limit from a JSON list. None: there are none."""
    told: list[Any] = json.loads(text or "[]", parse_float=Decimal)
    return tuple(Decimal(each) for each in told) or None


def _service(row: dict[str, Any]) -> ServiceObservation:
    values: dict[str, Any] = {**row, "required_by": _names(row["required_by"])}
    return ServiceObservation(**values)


def _names(required_by: Any) -> frozenset[str]:  # noqa: ANN401 - a column of text, or of lists
    """Return names from a list, JSON text of one, or text with commas."""
    if isinstance(required_by, str):
        required_by = json.loads(required_by) if required_by.startswith("[") else required_by.split(",")
    return frozenset(str(name).strip() for name in required_by or () if str(name).strip())
