"""`sophia-metrics maintain`: what nobody needs any more goes, and days in pieces become whole."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sophia_metrics.cli.facts import print_facts
from sophia_metrics.cli.pipeline import Pipeline
from sophia_metrics.cli.progress import Progress
from sophia_metrics.maintenance.outcome import Maintained, UnfinishedError
from sophia_metrics.maintenance.report import maintenance_lines
from sophia_metrics.settings import Settings, load_settings

__all__ = ["maintain_state"]

SHOWN_ORPHANS = 20
"""Of files that no rule explains; `--json` has all of them."""


def maintain_state(*, is_dry_run: bool, is_plain: bool, is_json: bool) -> bool:
    """Maintain, print what was done, and say whether the publish is held back.

    Raises:
        UnfinishedError: a step failed; what the others did is printed all the same.
    """
    settings = load_settings()
    with Progress("maintaining the state folder", shows_warnings=is_plain) as progress:
        try:
            maintained = Pipeline(settings.home, progress, is_plain=is_plain).maintain(is_dry_run=is_dry_run)
        except UnfinishedError as error:
            failure, maintained = error, error.maintained
        else:
            failure = None
    _show(settings, maintained, is_json=is_json)
    if failure is not None:
        raise failure
    return maintained.held_because is not None


def _show(settings: Settings, maintained: Maintained, *, is_json: bool) -> None:
    if is_json:
        print_facts(
            {
                "is_dry_run": maintained.is_dry_run,
                "backup": maintained.backup,
                "compacted": maintained.compacted,
                "expired": maintained.expired,
                "landing": maintained.landing,
                "swept": maintained.swept,
                "version": maintained.publication and maintained.publication.version,
                "held_because": maintained.held_because,
                "problems": maintained.problems,
                "state_folder": settings.home,
            }
        )
        return
    console = Console(highlight=False)
    if maintained.is_dry_run:
        console.print("A dry run: nothing was changed. It would be done:")
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    for what, text in maintenance_lines(maintained):
        grid.add_row(Text(what), Text(text))
    console.print(grid)
    if maintained.swept and (orphans := maintained.swept.orphans):
        more = f"\n  and {len(orphans) - SHOWN_ORPHANS:,} more: --json" if len(orphans) > SHOWN_ORPHANS else ""
        listed = "\n".join(f"  {path}" for path in orphans[:SHOWN_ORPHANS])
        console.print(Text(f"Look at these files in {settings.home}; they are never removed:\n{listed}{more}"))
    if maintained.held_because is not None:
        console.print(Text(f"The publish is held back: {maintained.held_because}"))
