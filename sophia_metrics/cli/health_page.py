"""Services on the terminal: a line each, and the whole."""

from collections.abc import Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sophia_metrics.cli.figures import age, count
from sophia_metrics.cli.published import ServiceHealth
from sophia_metrics.health.results import ProbeResult
from sophia_metrics.health.rollup import Part, overall_status
from sophia_metrics.health.status import ServiceStatus

__all__ = ["probe_section", "services_section"]

STYLES = {
    ServiceStatus.HEALTHY: "green",
    ServiceStatus.DEGRADED: "yellow",
    ServiceStatus.DOWN: "bold red",
    ServiceStatus.UNKNOWN: "yellow",
    ServiceStatus.MAINTENANCE: "cyan",
}
NO_SERVICE = "no data: there is no [[services]] in sophia.toml, and nothing was probed"


def probe_section(results: Sequence[ProbeResult], now: datetime) -> RenderableType:
    """Return what a round of probes found; `now` is naive UTC."""
    grid = _grid("service", "status", "since", "this probe", "ms", "")
    for each in results:
        name = each.service if each.is_required else f"{each.service} (optional)"
        message = Text(each.message or "", style="dim")
        grid.add_row(
            name, _status(each.status), age(each.since_at, now), each.outcome.value, _ms(each.latency_ms), message
        )
    return Group(grid, _overall([Part(each.status, each.is_required) for each in results]))


def services_section(services: Sequence[ServiceHealth], now: datetime) -> RenderableType:
    """Return how the services are by what is published; `now` is naive UTC."""
    if not services:
        return Text(NO_SERVICE)
    grid = _grid("service", "status", "since", "probed", "ms", "")
    for each in services:
        name = each.service if each.is_required else f"{each.service} (optional)"
        status, stale = ServiceStatus(each.status), ", STALE" if each.is_stale else ""
        probed = f"{age(each.last_probed_at, now)}{stale}"
        message = Text(each.message or "", style="dim")
        grid.add_row(name, _status(status), age(each.since_at, now), probed, _ms(each.latency_ms), message)
    return Group(grid, _overall([Part(ServiceStatus(each.status), each.is_required) for each in services]))


def _grid(*headings: str) -> Table:
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in headings:
        grid.add_column(heading, justify="right" if heading == "ms" else "left", overflow="fold")
    return grid


def _status(status: ServiceStatus) -> Text:
    return Text(status.value, style=STYLES[status])


def _overall(parts: Sequence[Part]) -> Text:
    return Text.assemble(("the whole: ", "dim"), _status(overall_status(parts)))


def _ms(latency_ms: float | None) -> str:
    return "" if latency_ms is None else count(round(latency_ms))
