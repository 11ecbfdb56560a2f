"""`sophia-metrics migrate`: the state folder moves to another warehouse, and the sums are compared."""

from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from sophia_metrics.cli.facts import print_facts
from sophia_metrics.cli.figures import count, money, plural
from sophia_metrics.cli.progress import Progress
from sophia_metrics.connect import connect_mover
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.settings import load_settings
from sophia_metrics.warehouse.moving import Moved
from sophia_metrics.windows import naive_utc

__all__ = ["migrate_state"]

NEXT = 'Set warehouse = "snowflake" in sophia.toml: the next run goes on from here, and reads nothing again.'


def migrate_state(*, is_dry_run: bool, is_json: bool, target: str) -> None:
    """Move the state folder, and print what was moved and compared.

    Raises:
        ConfigurationError: there is no state folder, or it or the schema holds something else than it must.
        ProcessingError: something is not the same there.
        ServiceUnavailableError: Snowflake does not answer, or another process hangs with the state.
    """
    settings, now = load_settings(), naive_utc(datetime.now(UTC))
    if not settings.home.exists():
        raise ConfigurationError(f"there is no state folder {settings.home}: set SOPHIA_HOME to the one that you mean")
    with Progress("looking what there is" if is_dry_run else f"moving the state folder to {target}"):
        mover = connect_mover(settings, now)
        moved = mover.look() if is_dry_run else mover.move(now)
    if is_json:
        print_facts(
            {"is_dry_run": is_dry_run, "state_folder": settings.home, "warehouse": settings.warehouse, "moved": moved}
        )
        return
    _show(moved, is_dry_run=is_dry_run)
    if not is_dry_run and settings.warehouse != target:
        Console(highlight=False, soft_wrap=True).print(NEXT, markup=False)


def _show(moved: Moved, *, is_dry_run: bool) -> None:
    console = Console(highlight=False, soft_wrap=True)
    if moved.is_done_before:
        console.print(f"The state folder is the mirror of {moved.origin} already: there is nothing to move.")
        return
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading, justify in (("table", "left"), ("days", "right"), ("rows", "right"), ("spend, USD", "right")):
        grid.add_column(heading, justify="right" if justify == "right" else "left")
    for each in moved.tables:
        days = "" if each.day_count is None else count(each.day_count)
        grid.add_row(each.name, days, count(each.row_count), "" if each.cost_usd is None else money(each.cost_usd))
    console.print(grid)
    if is_dry_run:
        console.print(f"This would be moved to {moved.origin}, and compared there. Nothing was changed.")
        return
    console.print(
        f"All of it is in {moved.origin} as it is here, by rows and sums of every day. "
        f"{plural(moved.loaded_count, 'day')} of tables were loaded; what else is there was there before, or is built "
        "there. The state folder is its mirror from now on."
    )
