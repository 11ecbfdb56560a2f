"""The diagnosis on the terminal."""

from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from sophia_metrics.cli.diagnosis import Diagnosis
from sophia_metrics.cli.figures import bytes_text, count, instant, money, plural
from sophia_metrics.cli.price_gaps import Assumption, Unpriced
from sophia_metrics.cli.published import Published
from sophia_metrics.cli.quality_page import held_lines
from sophia_metrics.cli.recoveries import recovery_line
from sophia_metrics.services import HealthStatus

__all__ = ["assumption_section", "print_diagnosis", "unpriced_section"]

SHOWN_COUNT = 20
"""Lines of a table that grows with the number of models; `--json` has all of them."""
STYLES = {HealthStatus.HEALTHY: "green", HealthStatus.DOWN: "bold red"}


def print_diagnosis(diagnosis: Diagnosis) -> None:
    """Print the diagnosis, what is wrong first where people look last: at the end."""
    console = Console(highlight=False)
    for title, content in _sections(diagnosis):
        console.print(Text(title, style="bold"), content, Text(), sep="\n")


def _sections(diagnosis: Diagnosis) -> Iterator[tuple[str, RenderableType]]:
    versions = ", ".join(f"{name} {number}" for name, number in diagnosis.versions.items())
    state = diagnosis.state
    size = bytes_text(state.size_bytes) if state.size_bytes else "not there yet"
    yield "Versions", Text(versions)
    yield "State folder", Text(f"{state.path} ({size}; {bytes_text(state.free_bytes)} free on its disk)")
    yield "Settings", _settings(diagnosis)
    yield "Parts", _parts(diagnosis)
    if diagnosis.late:
        yield "Late", Group(*(Text(line, style="bold red") for line in diagnosis.late))
    yield from _runs(diagnosis)
    held_back = tuple(held_lines(diagnosis.held))
    if held_back:
        yield "Not published", Group(*(Text(line, style="bold red") for line in held_back))
    if diagnosis.published is None:
        yield "Published", Text("nothing yet: `sophia-metrics run` does it")
        return
    yield "Published", Text(_version(diagnosis.published))
    if diagnosis.recoveries:
        yield "State file made again", Group(*(Text(recovery_line(each)) for each in diagnosis.recoveries))
    if diagnosis.double_ledgers:
        lines = (Text(each.message, style="bold red") for each in diagnosis.double_ledgers)
        yield "Sources that may count the same calls", Group(*lines)
    if diagnosis.outdated_roles:
        yield "Roles that changed since", Group(*(Text(each.message) for each in diagnosis.outdated_roles))
    yield "Models whose cost is not known, by tokens", unpriced_section(diagnosis.unpriced)
    yield "Prices that rest on an assumption, by cost", assumption_section(diagnosis.assumptions)
    yield "Held back by the gate", _held(diagnosis.published)
    yield "In quarantine", _quarantine(diagnosis.published)


def _grid(*headings: str) -> Table:
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", show_header=any(headings))
    for place, heading in enumerate(headings):
        grid.add_column(heading, overflow="fold", no_wrap=place == 0)
    return grid


def _settings(diagnosis: Diagnosis) -> RenderableType:
    grid = _grid("setting", "value", "what it is")
    for each in diagnosis.settings:
        value = Text(each.value, style="" if each.is_default else "cyan")
        grid.add_row(each.name, value, Text(each.description, style="dim"))
    return grid


def _parts(diagnosis: Diagnosis) -> RenderableType:
    grid = _grid("", "", "")
    for each in diagnosis.components:
        grid.add_row(each.component, Text(each.status, style=STYLES.get(each.status, "yellow")), each.message)
    api = diagnosis.prefect
    status = (
        HealthStatus.UNKNOWN if api.url is None else HealthStatus.HEALTHY if api.is_reachable else HealthStatus.DOWN
    )
    grid.add_row("Prefect API", Text(status, style=STYLES.get(status, "yellow")), api.summary)
    return grid


def _runs(diagnosis: Diagnosis) -> Iterator[tuple[str, RenderableType]]:
    if diagnosis.repaired is not None:
        yield "Repaired", Group(*(Text(line) for line in diagnosis.repaired or ("nothing: nothing was broken",)))
    runs = diagnosis.runs
    if runs is not None and runs.problems:
        lines = [Text(line, style="bold red") for line in runs.problems]
        hint = "they keep new runs from starting: `sophia-metrics doctor --repair` ends them; `serve` does so by itself"
        yield "Dead runs in Prefect", Group(*lines, Text(hint, style="dim"))
    if runs is not None and runs.notes:
        yield "Runs in Prefect", Group(*(Text(line, style="yellow") for line in runs.notes))


def _version(published: Published) -> str:
    sample = "; SAMPLE DATA, made up" if published.is_sample else ""
    stale = [each.subject for each in published.freshness if each.is_stale and not each.subject.startswith("flow:")]
    age = f"; STALE: {', '.join(stale)}" if stale else ""
    return f"version {published.version}, {instant(published.published_at)}{sample}{age}"


def unpriced_section(models: tuple[Unpriced, ...]) -> RenderableType:
    """Return the models whose cost is not known, and what could give them a price."""
    if not models:
        return Text("none")
    grid = _grid("model", "provider", "route", "calls", "tokens", "of all", "why", "nearest known names")
    for each in models[:SHOWN_COUNT]:
        usage = each.usage
        grid.add_row(
            usage.model,
            usage.provider,
            usage.route or "not told",
            count(usage.request_count),
            count(usage.token_count),
            "" if usage.token_ratio is None else f"{usage.token_ratio:.1%}",
            each.reason if each.fallback is None else f"{each.reason}; the next run prices it as {each.fallback}",
            ", ".join(each.nearest) or "none",
        )
    hint = "prices of your own: price_overrides in sophia.toml, see docs/pricing.md"
    return Group(grid, *_rest(len(models)), Text(hint, style="dim"))


def assumption_section(assumptions: tuple[Assumption, ...]) -> RenderableType:
    """Return what computed costs rest on."""
    if not assumptions:
        return Text("none")
    grid = _grid("model", "provider", "calls", "USD", "what was assumed")
    for each in assumptions[:SHOWN_COUNT]:
        grid.add_row(each.model, each.provider, count(each.request_count), money(each.cost_usd), each.says)
    hint = "a price of your own takes the place of an assumption; see docs/pricing.md"
    return Group(grid, *_rest(len(assumptions)), Text(hint, style="dim"))


def _rest(length: int) -> list[Text]:
    return [Text(f"and {plural(length - SHOWN_COUNT, 'line')} more: --json")] if length > SHOWN_COUNT else []


def _held(published: Published) -> RenderableType:
    if not published.held:
        return Text("nothing")
    lines = [f"{each.source}: {each.reason} ({plural(each.file_count, 'file')})" for each in published.held]
    return Group(*(Text(line) for line in lines))


def _quarantine(published: Published) -> RenderableType:
    if not published.quarantine:
        return Text("nothing")
    grid = _grid("source", "rule", "rows", "reason")
    for each in published.quarantine:
        grid.add_row(each.source, each.rule, count(each.row_count), each.reason)
    return grid
