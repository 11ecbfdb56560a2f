"""The KPI of the plan: how the last four settled weeks stand against a baseline that was noted once."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib import resources
from typing import Literal

import polars as pl

from sophia_metrics.costs.change import Days
from sophia_metrics.costs.reports import published_reports
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.schema import findings
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.serving import Serving
from sophia_metrics.suggestions.window import WINDOW_DAYS, settled_window
from sophia_metrics.warehouse.protocol import Query, Record, Warehouse

__all__ = ["KPIS", "Baseline", "Kpi", "load_kpis", "note_baselines", "set_baseline"]

KPIS = ("cache_hit_rate", "daily_cost", "dashboard_load_ms")
"""Those that data can tell; docs/kpi.md says why the others are no data of ours."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a KPI was in a window of UTC days; `origin` measured: from data, set: by a person."""

    kpi: str
    value: float
    days: Days
    origin: Literal["measured", "set"]


@dataclass(frozen=True, slots=True)
class Kpi:
    """How a KPI stands: a row of mart_kpi.

    Attributes:
        kpi: its name.
        baseline_value: its value in the window of the baseline. None: there is none yet.
        current_value: its value in the last 28 settled days. None: they are not all known.
        target_ratio: by which share it should change.
        change_ratio: by which share it did. None: unknown.
        kpi_state: ok or insufficient_history.
        is_met: the target is reached. None: nobody knows yet.
        baseline_start_on: first UTC day of the baseline's window.
        baseline_end_on: last UTC day of it.
        window_start_on: first UTC day of the current window. None: nothing is settled.
        window_end_on: last UTC day of it.
    """

    kpi: str
    baseline_value: float | None
    current_value: float | None
    target_ratio: float
    change_ratio: float | None
    kpi_state: str
    is_met: bool | None
    baseline_start_on: date | None
    baseline_end_on: date | None
    window_start_on: date | None
    window_end_on: date | None


def load_kpis(serving: Serving) -> tuple[Kpi, ...]:
    """Read the KPI of the version that is published now.

    Raises:
        ConfigurationError: nothing is published yet.
    """
    with published_reports(serving) as reports:
        return tuple(Kpi(*row) for row in reports.rows("kpis"))


def note_baselines(warehouse: Warehouse, now: datetime) -> tuple[Baseline, ...]:
    """Note for each KPI without a baseline its value in the first 28 days of its data, once these are settled.

    Returns what was noted; a KPI that has a baseline keeps it, whatever its data become.

    Args:
        warehouse: core and marts, as they are committed and built now.
        now: the present (naive UTC).
    """
    known = set(warehouse.read(Query("SELECT kpi FROM core_kpi_baselines"))["kpi"])
    settled = settled_window(warehouse, None) if len(known & set(KPIS)) < len(KPIS) else None
    if settled is None:
        return ()
    found: list[Baseline] = []
    for kpi, first_on in warehouse.read(Query(_statement("kpi_first_days"))).iter_rows():
        if kpi in known or first_on is None:
            continue
        days = Days(first_on, first_on + timedelta(days=WINDOW_DAYS - 1))
        value = _values(warehouse, days).get(kpi) if days.last_on <= settled.last_on else None
        if value is not None:
            found.append(Baseline(kpi, value, days, "measured"))
    _record(warehouse, found, now)
    return tuple(found)


def set_baseline(warehouse: Warehouse, kpi: str, value: float, days: Days, now: datetime) -> Baseline:
    """Note a baseline that a person knows, in the place of the one that there is.

    Raises:
        ConfigurationError: there is no such KPI, or the value is none.
    """
    if kpi not in KPIS:
        raise ConfigurationError(f"there is no KPI {kpi!r}: there are {', '.join(KPIS)}")
    if not 0 <= value < float("inf"):
        raise ConfigurationError(f"the baseline of {kpi} is a number of 0 or more, and not {value}")
    baseline = Baseline(kpi, value, days, "set")
    _record(warehouse, [baseline], now)
    return baseline


def _values(warehouse: Warehouse, days: Days) -> dict[str, float | None]:
    count = (days.last_on - days.first_on).days + 1
    bounds = {"first_on": days.first_on, "last_on": days.last_on, "day_count": count}
    return dict(warehouse.read(Query(_statement("kpi_values"), bounds)).iter_rows())


def _record(warehouse: Warehouse, baselines: list[Baseline], now: datetime) -> None:
    table = findings.KPI_BASELINES
    rows = [
        {
            "kpi": each.kpi,
            "baseline_value": each.value,
            "window_start_on": each.days.first_on,
            "window_end_on": each.days.last_on,
            "origin": each.origin,
            "set_at": now,
        }
        for each in baselines
    ]
    if rows:
        warehouse.record(Record({table.name: pl.DataFrame(rows, schema=polars_schema(table))}))


def _statement(name: str) -> str:
    return resources.files("sophia_metrics").joinpath("sql", "kpi", f"{name}.sql").read_text(encoding="utf-8")
