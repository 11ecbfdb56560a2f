"""What maintenance did, in sentences and in Markdown."""

from collections.abc import Iterator

from sophia_metrics.maintenance.outcome import Maintained
from sophia_metrics.maintenance.upkeep import Freed, Swept

__all__ = ["maintenance_lines", "maintenance_report"]

UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
STEP = 1024


def maintenance_report(maintained: Maintained) -> str:
    """Return what was done as Markdown, what failed first."""
    title = "# Maintenance" if not maintained.problems else "# Maintenance, not finished"
    dry_run = ["A dry run: nothing was changed.", ""] if maintained.is_dry_run else []
    problems = [f"- **{each}**" for each in maintained.problems]
    lines = ["| what | |", "| --- | --- |", *(f"| {what} | {text} |" for what, text in maintenance_lines(maintained))]
    orphans = [f"- `{path}`" for path in maintained.swept.orphans] if maintained.swept else []
    heading = ["", "## Files that no rule explains; they are never removed", ""] if orphans else []
    return "\n".join([title, "", *dry_run, *problems, "", *lines, *heading, *orphans, ""])


def maintenance_lines(maintained: Maintained) -> Iterator[tuple[str, str]]:
    """Yield what was done, by what it was done to."""
    if maintained.backup is not None:
        yield "state backed up", f"{maintained.backup.folder}"
    if (compacted := maintained.compacted) is not None:
        yield "days in pieces made whole", f"{len(compacted.days):,} ({compacted.event_count:,} rows)"
    if (expired := maintained.expired) is not None:
        yield "rows of core dropped", f"{expired.row_count:,} ({expired.day_count:,} days of tables)"
        for what, first in (("usage", expired.usage_from_on), ("observations", expired.observed_from_on)):
            yield f"{what} kept", "for ever" if first is None else f"from {first} on; before it the rollups"
        if expired.stopped_because is not None:
            yield "not dropped yet", expired.stopped_because
        yield "rows about old runs dropped", f"{expired.run_count:,}"
    if maintained.landing is not None:
        yield "landed files removed", _freed(maintained.landing)
    if maintained.swept is not None:
        yield from _swept(maintained.swept)


def _swept(swept: Swept) -> Iterator[tuple[str, str]]:
    yield "superseded day files removed", _freed(swept.day_files)
    yield "published versions thinned out", _freed(swept.versions)
    yield "unfinished and spilled files removed", _freed(swept.temporary + swept.spills + swept.key_runs)
    for problem in swept.problems:
        yield "not removed", problem
    yield "files that no rule explains", f"{len(swept.orphans):,}"


def _freed(freed: Freed) -> str:
    return f"{freed.file_count:,} ({_size(freed.size_bytes)})"


def _size(size_bytes: int) -> str:
    """Return bytes in the largest unit of which there is one."""
    value, place = float(size_bytes), 0
    while value >= STEP and place < len(UNITS) - 1:
        value, place = value / STEP, place + 1
    return f"{value:.0f} {UNITS[place]}" if place == 0 else f"{value:.1f} {UNITS[place]}"
