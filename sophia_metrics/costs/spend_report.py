"""Reading the spend report from a published version. All sums are made in SQL, in DECIMAL."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sophia_metrics.costs.reports import Reports, published_reports
from sophia_metrics.costs.spend import (
    ApiEquivalent,
    ModelEquivalent,
    MonthToDate,
    Spend,
    SpendLine,
    SpendReport,
    SpendTable,
    UnpricedModel,
    days_between,
)
from sophia_metrics.serving import Serving
from sophia_metrics.windows import Window

__all__ = ["CHART_DAYS", "TABLE_DAYS", "load_spend", "load_table"]

TABLE_DAYS = 7
CHART_DAYS = 14
EVERY_MODEL = 2**31 - 1
OTHER_PLACE = 0
"""The place that spend_by_day_and_model.sql gives to the models that it does not name."""


def load_spend(
    serving: Serving, now: datetime, time_zone: str = "UTC", *, model_count: int | None = None
) -> SpendReport:
    """Read the report from the version that is published now.

    Args:
        serving: the published versions.
        now: the present (naive UTC); it says which month this is.
        time_zone: IANA name of the zone that rules the month. Days are UTC.
        model_count: how many models the table names. None: all of them.

    Raises:
        ConfigurationError: nothing is published yet.
    """
    with published_reports(serving) as reports:
        first_on, last_on, *sums, first_unpriced_on, last_unpriced_on = reports.row("spend_total")
        month = _month(reports, now, time_zone)
        if last_on is None:
            return SpendReport(None, None, Spend(*sums), None, (), month, _equivalent([]), ())
        week_on = last_on - timedelta(days=TABLE_DAYS - 1)
        week = Window.of_days(week_on, last_on)
        return SpendReport(
            data_from_on=first_on,
            data_through_on=last_on,
            all_time=Spend(*sums),
            table=load_table(reports, week_on, last_on, model_count=model_count or EVERY_MODEL),
            chart=_chart(reports, last_on),
            month=month,
            api_equivalent=_equivalent(reports.rows("api_equivalent", **_bounds(week))),
            unpriced=_unpriced(reports, first_unpriced_on, last_unpriced_on) if first_unpriced_on else (),
        )


def load_table(reports: Reports, first_on: date, last_on: date, *, model_count: int) -> SpendTable:
    """Read the spend of some UTC days by model: those that cost most by name, `model_count` of them, and the rest."""
    rows = reports.rows("spend_by_day_and_model", first_on=first_on, last_on=last_on, model_count=model_count)
    by_place: dict[int | None, list[tuple[Any, ...]]] = {}
    for usage_on, place, *rest in rows:
        by_place.setdefault(place, []).append((usage_on, *rest))
    return SpendTable(
        first_on=first_on,
        last_on=last_on,
        models=tuple(_line(lines) for place, lines in by_place.items() if place),
        other=_line(by_place[OTHER_PLACE]) if OTHER_PLACE in by_place else None,
        total=_line(by_place[None]) if None in by_place else None,
    )


def _line(rows: Sequence[tuple[Any, ...]]) -> SpendLine:
    """Make a line from its days and from the row without a day, which is its total."""
    sums = {usage_on: Spend(*rest) for usage_on, _, _, *rest in rows}
    _, provider, model, *_ = rows[0]
    return SpendLine(provider, model, total=sums.pop(None), days=sums)


def _chart(reports: Reports, last_on: date) -> tuple[tuple[date, Spend | None], ...]:
    first_on = last_on - timedelta(days=CHART_DAYS - 1)
    found = {
        usage_on: Spend(*sums) for usage_on, *sums in reports.rows("spend_by_day", first_on=first_on, last_on=last_on)
    }
    return tuple((day, found.get(day)) for day in days_between(first_on, last_on))


def _month(reports: Reports, now: datetime, time_zone: str) -> MonthToDate:
    today = now.replace(tzinfo=UTC).astimezone(ZoneInfo(time_zone)).date()
    bounds = _bounds(Window.of_month(today, time_zone))
    spend = Spend(*reports.row("spend_in_window", **bounds))
    return MonthToDate(
        first_on=today.replace(day=1),
        time_zone=time_zone,
        spend=spend if spend.request_count else None,
        api_equivalent=_equivalent(reports.rows("api_equivalent", **bounds)),
    )


def _equivalent(rows: Iterable[tuple[Any, ...]]) -> ApiEquivalent:
    """Make the value from a row for each model and one for all, which has no model."""
    models: list[ModelEquivalent] = []
    total: tuple[Any, ...] = (0, 0, None)
    for provider, model, *sums in rows:
        if model is None:
            total = tuple(sums)
        else:
            models.append(ModelEquivalent(provider, model, *sums))
    return ApiEquivalent(*total, models=tuple(models))


def _unpriced(reports: Reports, first_on: date, last_on: date) -> tuple[UnpricedModel, ...]:
    rows = reports.rows("unpriced_models", first_on=first_on, last_on=last_on)
    return tuple(UnpricedModel(*row) for row in rows)


def _bounds(window: Window) -> dict[str, date | datetime]:
    """Return what bounds a report: the instants, and the UTC days by which files are cut."""
    *_, last_on = window.days()
    return {
        "first_on": window.start_at.date(),
        "last_on": last_on,
        "start_at": window.start_at,
        "end_at": window.end_at,
    }
