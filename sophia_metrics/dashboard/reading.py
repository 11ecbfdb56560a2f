"""Reading the overview from a published version: statements of sql/reports, sums made in SQL."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import duckdb

from sophia_metrics.costs.dashboard import read_changes
from sophia_metrics.costs.reports import Reports
from sophia_metrics.costs.spend import SpendTable
from sophia_metrics.costs.spend_report import load_table
from sophia_metrics.costs.suggestion_report import read_suggestions
from sophia_metrics.dashboard.forecast import Forecast, ForecastDay, SpentDay
from sophia_metrics.dashboard.handling import UNHANDLED, read_handling
from sophia_metrics.dashboard.overview import (
    Alert,
    Budget,
    CacheState,
    Card,
    Check,
    Freshness,
    ModelUse,
    OperationUse,
    Overview,
    Quality,
    ServiceState,
    Sums,
)
from sophia_metrics.errors import ServiceUnavailableError
from sophia_metrics.health.late_flows import LateFlow
from sophia_metrics.serving import Held, Serving, tables_of
from sophia_metrics.windows import Window

__all__ = ["CHART_DAYS", "CHART_MODELS", "TREND_DAYS", "load_overview"]

CHART_DAYS = 30
CHART_MODELS = 5
TREND_DAYS = 7
FORECAST_DAYS = 28
QUARTER = timedelta(minutes=15)
LOST_SHOWN_FOR = timedelta(days=1)

T = TypeVar("T")


def load_overview(serving: Serving, now: datetime, time_zone: str) -> Overview:
    """Read the version that is published now; a table that it lacks is no data.

    Args:
        serving: the published versions.
        now: the present (naive UTC); it says which day and month this is.
        time_zone: IANA name of the zone that rules them.

    Raises:
        ConfigurationError: nothing is published yet.
        ServiceUnavailableError: the version, or a file that it lists, cannot be read.
    """
    with serving.connection() as connection:
        try:
            return _Reading(connection, now, time_zone, serving.held).overview()
        except duckdb.IOException as error:
            raise ServiceUnavailableError(
                "a file of the published version cannot be read: `sophia-metrics run` publishes anew"
            ) from error


class _Reading:
    """The questions of the page, asked of one version."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, now: datetime, time_zone: str, held: Held | None) -> None:
        self._connection = connection
        self._reports = Reports(connection)
        self._tables = tables_of(connection)
        self._now = now
        self._zone = time_zone
        self._held = held
        self._today_on = now.replace(tzinfo=UTC).astimezone(ZoneInfo(time_zone)).date()

    def overview(self) -> Overview:
        """Ask all of them."""
        version, published_at, is_sample = self._reports.row("published_version")
        first_on, last_on, *_ = self._reports.row("spend_total")
        days, through_at = self._compared()
        (run,) = self._rows("mart_pipeline_runs", "newest_run", lambda *row: row) or (None,)
        month = _bounds(Window.of_month(self._today_on, self._zone))
        return Overview(
            version=version,
            published_at=published_at,
            is_sample=is_sample,
            read_at=self._now.replace(second=0, microsecond=0),
            time_zone=self._zone,
            today_on=self._today_on,
            today_start_at=self._day(0).start_at,
            month_start_at=Window.of_month(self._today_on, self._zone).start_at,
            compared_through_at=through_at,
            today=self._sums(self._day(0)),
            yesterday=self._sums(days[1]),
            month=Sums(*self._reports.row("calls_in_window", **month)),
            data_from_on=first_on,
            data_through_on=last_on,
            models=tuple(ModelUse(*row) for row in self._reports.rows("models_in_window", **month)),
            operations=tuple(OperationUse(*row) for row in self._reports.rows("operations_in_window", **month)),
            trend=self._trend(),
            spend=self._spend(last_on),
            forecast=self._forecast(),
            budgets=self._rows("mart_budget_status", "budget_states", Budget),
            cards={card.metric: card for card in self._rows("mart_performance_now", "performance_cards", Card)},
            services=self._rows("mart_service_health", "service_states", ServiceState),
            cache=self._cache(days),
            alerts=self._alerts(),
            is_alerting="core_alert_episodes" in self._tables,
            changes=read_changes(self._reports) if "mart_cost_change" in self._tables else (),
            suggestions=read_suggestions(self._reports) if "mart_suggestions" in self._tables else (),
            quality=self._quality(),
            freshness=self._rows("mart_freshness", "data_freshness", Freshness),
            late_flows=self._rows("core_heartbeats", "late_flows", LateFlow),
            lost_runs=self._rows(
                "mart_pipeline_runs",
                "lost_runs",
                _lost_run,
                since_at=self._now - LOST_SHOWN_FOR,
            ),
            newest_run=run[:2] + run[3:] if run else None,
        )

    def _rows(self, table: str, report: str, make: Callable[..., T], **parameters: Any) -> tuple[T, ...]:  # noqa: ANN401 - bound values
        """Return the rows of a report over a table that other parts fill; a version that lacks it has none."""
        if table not in self._tables:
            return ()
        return tuple(make(*row) for row in self._reports.rows(report, **parameters))

    def _day(self, days_ago: int) -> Window:
        return Window.of_day(self._today_on - timedelta(days=days_ago), self._zone)

    def _sums(self, window: Window) -> Sums:
        return Sums(*self._reports.row("calls_in_window", **_bounds(window)))

    def _compared(self) -> tuple[tuple[Window, Window], datetime | None]:
        """Return today and yesterday up to the end of today's newest quarter of an hour with calls, and that instant.

        Where today has none, they are whole days.
        """
        today, yesterday = self._day(0), self._day(1)
        newest = self._sums(today).newest_period_at
        if newest is None:
            return (today, yesterday), None
        span = newest + QUARTER - today.start_at
        end_at = min(yesterday.start_at + span, yesterday.end_at)
        return (Window(today.start_at, today.start_at + span), Window(yesterday.start_at, end_at)), newest + QUARTER

    def _trend(self) -> tuple[tuple[date, int], ...]:
        days = range(TREND_DAYS - 1, -1, -1)
        return tuple(
            (self._today_on - timedelta(days=each), self._sums(self._day(each)).request_count) for each in days
        )

    def _spend(self, last_on: date | None) -> SpendTable | None:
        if last_on is None:
            return None
        first_on = last_on - timedelta(days=CHART_DAYS - 1)
        return load_table(self._reports, first_on, last_on, model_count=CHART_MODELS)

    def _forecast(self) -> Forecast | None:
        rows = self._rows("mart_cost_forecast", "forecast_days", lambda *row: row, days=FORECAST_DAYS)
        ahead = tuple(ForecastDay(day, *range_usd) for day, _, *range_usd, method in rows if method is not None)
        methods = {method for *_, method in rows if method is not None}
        if not ahead:
            return None
        before = tuple(SpentDay(day, spent) for day, spent, *_, method in rows if method is None)
        return Forecast(before, ahead, ", ".join(sorted(methods)))

    def _cache(self, days: tuple[Window, Window]) -> CacheState:
        today, yesterday = days
        whole = self._day(0)
        (lookups,) = self._rows(
            "mart_cache_performance",
            "cache_lookups_in_window",
            lambda *row: row,
            start_at=whole.start_at,
            end_at=whole.end_at,
        ) or ((0, 0),)
        sizes = self._rows("mart_cache_performance", "cache_sizes", lambda *row: row)
        return CacheState(
            *lookups,
            *self._reports.row("cache_answers_in_window", **_bounds(today)),
            *self._reports.row("cache_answers_in_window", **_bounds(yesterday)),
            entry_count=sum(count for _, _, count in sizes) if sizes else None,
        )

    def _alerts(self) -> tuple[Alert, ...]:
        alerts = self._rows("core_alert_episodes", "alert_episodes", Alert)
        found = read_handling(self._connection)
        return tuple(replace(each, handling=found.get(each.episode_id, UNHANDLED)) for each in alerts)

    def _quality(self) -> Quality:
        verdicts = self._rows("mart_data_quality", "quality_verdicts", lambda *row: row)
        failed = tuple(Check(*row[:4], *row[5:7]) for row in verdicts if not row[4])
        held = self._reports.rows("held_slices")
        rules = self._reports.rows("quarantine_by_rule")
        return Quality(
            passed_count=len(verdicts) - len(failed) if verdicts else None,
            checks=failed,
            judged_at=max((row[7] for row in verdicts if row[7]), default=None),
            held=tuple((source, error or "no reason is known") for source, _, _, _, _, error, _ in held),
            withheld=self._held,
            quarantined_count=sum(row_count for _, _, _, row_count, _ in rules),
        )


def _lost_run(flow: str, started_at: datetime) -> tuple[str, datetime]:
    return flow, started_at


def _bounds(window: Window) -> dict[str, date | datetime]:
    """Return what bounds a report: the instants, and the UTC days by which files are cut."""
    last_at = window.end_at - timedelta.resolution
    return {
        "first_on": window.start_at.date(),
        "last_on": last_at.date(),
        "start_at": window.start_at,
        "end_at": window.end_at,
    }
