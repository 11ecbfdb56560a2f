"""What a run leaves in the Prefect UI, under keys that never change.

Counts, names and money only: no prompt text, no secret. A plain run leaves nothing.
"""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import date
from decimal import Decimal
from typing import Any

from prefect.artifacts import create_markdown_artifact, create_table_artifact

from sophia_metrics.costs.budget_report import load_budget_status
from sophia_metrics.dashboard.formats import dollars
from sophia_metrics.dashboard.overview import Alert
from sophia_metrics.dashboard.reading import load_overview
from sophia_metrics.health.results import ProbeResult
from sophia_metrics.quality.report import QualityReport
from sophia_metrics.serving import Serving
from sophia_metrics.settings import Settings
from sophia_metrics.usage.outcome import Collected
from tasks.clock import utc_now
from tasks.quality import SAMPLE_BANNER, quality_report
from tasks.step import is_orchestrated, step

__all__ = [
    "alert_rows",
    "show_alerts",
    "show_budgets",
    "show_forecast",
    "show_freshness",
    "show_quality",
    "show_services",
    "show_spend",
]

SPEND_DAYS = 14
ID_LENGTH = 8

SPEND = """
SELECT
    usage_on AS day,
    provider,
    model,
    CAST(sum(request_count) AS BIGINT) AS calls,
    sum(cost_usd) AS spend_usd,
    sum(list_cost_usd) AS at_list_prices_usd,
    CAST(sum(unpriced_count) AS BIGINT) AS unpriced_calls
FROM mart_cost_daily
WHERE usage_on > (SELECT max(usage_on) FROM mart_cost_daily) - CAST($days AS INTEGER)
GROUP BY usage_on, provider, model
ORDER BY usage_on DESC, spend_usd DESC NULLS LAST, provider, model
"""
VERSION = "SELECT published_at, is_sample FROM core_versions WHERE version = $version"
FRESHNESS = "SELECT subject, newest_at, expected_within_seconds, is_stale FROM mart_freshness ORDER BY subject"


@step("show the spend", deadline_seconds=120)
def show_spend(settings: Settings) -> None:
    """Leave a table of spend by day and model, the newest days first; "unknown": nobody knows the cost."""
    if not is_orchestrated():
        return
    serving = Serving(settings.home)
    rows = serving.query(SPEND, {"days": SPEND_DAYS}).rows(named=True)
    create_table_artifact(
        [{name: _cell(value) for name, value in row.items()} for row in rows],
        key="spend-by-day-and-model",
        description=f"{_heading(serving)}\n\nThe newest {SPEND_DAYS} days with usage, UTC. Calls without a "
        "price are counted, and not in the spend.",
    )


@step("show the budgets", deadline_seconds=120)
def show_budgets(settings: Settings) -> None:
    """Leave a table of the budgets in the periods that hold now; "unknown": nobody knows."""
    if not is_orchestrated():
        return
    serving = Serving(settings.home)
    create_table_artifact(
        [
            {each.name: _cell(getattr(budget, each.name)) for each in fields(budget)}
            for budget in load_budget_status(serving)
        ],
        key="budgets",
        description=f"{_heading(serving)}\n\nWhat is spent of each budget, and where its period will end. Calls "
        "without a price are counted, and not in the spend.",
    )


@step("show the forecast", deadline_seconds=120)
def show_forecast(settings: Settings) -> None:
    """Leave the forecast of all spend: its chart, and a row for each day; nothing where there is none."""
    if not is_orchestrated():
        return
    serving = Serving(settings.home)
    overview = load_overview(serving, utc_now(), settings.time_zone)
    if overview.forecast is None:
        return
    from sophia_metrics.dashboard.page import Page  # noqa: PLC0415 - templates, where there is a drawing

    drawing = b64encode(Page().drawings(overview)["forecast"]).decode()
    lines = ["| UTC day | one in ten below | expected | one in ten above |", "| --- | ---: | ---: | ---: |"]
    lines += [
        f"| {each.day_on} | {dollars(each.p10_usd)} | {dollars(each.p50_usd)} | {dollars(each.p90_usd)} |"
        for each in overview.forecast.ahead
    ]
    create_markdown_artifact(
        "\n".join([_heading(serving), "", f"![Forecast](data:image/svg+xml;base64,{drawing})", "", *lines, ""]),
        key="forecast",
        description="What is expected of the days that are not settled yet.",
    )


@step("show the alerts", deadline_seconds=120)
def show_alerts(settings: Settings) -> None:
    """Leave a table of the open alerts, be it an empty one."""
    if not is_orchestrated():
        return
    overview = load_overview(Serving(settings.home), utc_now(), settings.time_zone)
    create_table_artifact(
        alert_rows(overview.open_alerts),
        key="open-alerts",
        description="The alerts that are not over: who looks after each, what keeps it back, and what was told in "
        "one message (the beginning of the id of its group). Times are UTC.",
    )


def alert_rows(alerts: Iterable[Alert]) -> list[dict[str, str]]:
    """Return the rows of `open-alerts`. A cell of a table is plain text, which Prefect shows as it is."""
    return [
        {
            "severity": each.severity,
            "state": each.state,
            "since": f"{each.opened_at:%Y-%m-%d %H:%M}",
            "message": each.message,
            "acknowledged": each.handling.acknowledgement or "",
            "kept_back_by": each.handling.holder or "",
            "group": (each.handling.group_id or "")[:ID_LENGTH],
        }
        for each in alerts
    ]


@step("show the quality", deadline_seconds=120)
def show_quality(collected: Sequence[Collected], quality: QualityReport | None = None) -> None:
    """Leave the quality verdict: what became of every row and expectation, what is held or refused, and why."""
    if is_orchestrated():
        create_markdown_artifact(
            quality_report(collected, quality),
            key="quality-verdict",
            description="What was read, and what became of it.",
        )


@step("show the freshness", deadline_seconds=120)
def show_freshness(settings: Settings) -> None:
    """Leave the published version, and how old the data of each source are."""
    if not is_orchestrated():
        return
    serving = Serving(settings.home)
    lines = ["| source or table | newest (UTC) | expected within | |", "| --- | --- | ---: | --- |"]
    for subject, newest_at, seconds, is_stale in serving.query(FRESHNESS).iter_rows():
        state = "**stale**" if is_stale else "fresh"
        newest = f"{newest_at:%Y-%m-%d %H:%M}" if newest_at else "never"
        lines.append(f"| {subject} | {newest} | {seconds / 3600:g} h | {state} |")
    create_markdown_artifact(
        "\n".join([_heading(serving), "", *lines, ""]),
        key="freshness",
        description="The version that readers see, and how old its data are.",
    )


@step("show the services", deadline_seconds=120)
def show_services(results: Sequence[ProbeResult]) -> None:
    """Leave a table of the services that were asked, and how they are."""
    if not is_orchestrated() or not results:
        return
    create_table_artifact(
        [
            {
                "service": each.service,
                "status": each.status.value,
                "since": f"{each.since_at:%Y-%m-%d %H:%M}",
                "this probe": each.outcome.value,
                "ms": None if each.latency_ms is None else round(each.latency_ms),
                "message": each.message,
            }
            for each in results
        ],
        key="services",
        description="The services that were asked, and how they are. Times are UTC.",
    )


def _heading(serving: Serving) -> str:
    """Name the published version, and say so where its data are made up."""
    published_at, is_sample = serving.query(VERSION, {"version": serving.version}).row(0)
    heading = f"Version {serving.version}, published {published_at:%Y-%m-%d %H:%M} UTC."
    return f"{SAMPLE_BANNER}\n\n{heading}" if is_sample else heading


def _cell(value: Any) -> str | float:  # noqa: ANN401 - a value of any column
    """Return what JSON can hold, money exact to the last digit."""
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, date):
        return value.isoformat()
    return "unknown" if value is None else value
