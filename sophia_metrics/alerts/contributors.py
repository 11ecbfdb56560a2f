"""Who spent the most of a budget that an alert is about, from the published version."""

from dataclasses import replace
from datetime import datetime, time
from decimal import Decimal

import duckdb

from sophia_metrics.alerts.observation import BudgetObservation, Contributor
from sophia_metrics.alerts.records import alert_query

__all__ = ["has_table", "with_contributors"]

SHOWN = 3
USUAL_LOWEST = Decimal("0.8")


def with_contributors(
    connection: duckdb.DuckDBPyConnection, each: BudgetObservation, start_at: datetime | None, end_at: datetime | None
) -> BudgetObservation:
    """Return a budget with the three who spent the most in its period, and what the others did.

    Only where somebody may be told of it. Days of marts are those of UTC: where the period begins at another hour,
    quarters of an hour are added up. No mart has the tags of calls: of a budget with a tag nobody is named.
    """
    if start_at is None or end_at is None or each.scope.startswith("tag:") or not _may_alert(each):
        return each
    is_utc = start_at.time() == end_at.time() == time.min
    table = "mart_cost_daily" if is_utc else "mart_cost_15min"
    if not has_table(connection, table):
        return each
    scope_type, _, scope_value = each.scope.partition("/")
    rows = connection.execute(
        alert_query("contributors" if is_utc else "contributors_by_quarter"),
        {"start_at": start_at, "end_at": end_at, "scope_type": scope_type, "scope_value": scope_value},
    ).fetchall()
    found = [Contributor(str(team), str(model), Decimal(amount)) for team, model, amount in rows]
    others = sum((one.amount_usd for one in found[SHOWN:]), Decimal(0))
    return replace(each, contributors=tuple(found[:SHOWN]), other_usd=others)


def has_table(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    """Say whether the version has a table or view of that name."""
    found = connection.execute("SELECT 1 FROM information_schema.tables WHERE table_name = $1", [table]).fetchone()
    return found is not None


def _may_alert(each: BudgetObservation) -> bool:
    """Say whether the spend reaches the lowest threshold, or the forecast the limit."""
    if each.limit_usd is None or each.spent_usd is None or each.spent_usd <= 0:
        return False
    lowest = min(each.thresholds or (USUAL_LOWEST,))
    is_forecast = each.projected_p50_usd is not None and each.projected_p50_usd >= each.limit_usd
    return is_forecast or each.spent_usd >= each.limit_usd * lowest
