"""`sophia-metrics restore`: put a backup in the place of the state, and list those that there are."""

from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from sophia_metrics.cli.facts import print_facts
from sophia_metrics.cli.figures import bytes_text, count, instant
from sophia_metrics.connect import connect_upkeep
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.settings import load_settings
from sophia_metrics.windows import naive_utc

__all__ = ["list_backups", "restore_state"]


def list_backups(*, is_json: bool) -> None:
    """Print the backups that are whole, the newest first."""
    settings = load_settings()
    backups = connect_upkeep(settings).backups()[::-1] if settings.home.exists() else ()
    if is_json:
        print_facts({"backups": backups})
        return
    console = Console(highlight=False)
    if not backups:
        console.print("There is no backup yet: `sophia-metrics maintain` makes one, and serve does every night")
        return
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("backup", "made at", "rows listed", "day files listed"):
        grid.add_column(heading)
    for each in backups:
        files = f"{count(each.file_count)} ({bytes_text(each.size_bytes)})"
        grid.add_row(each.name, instant(each.made_at), count(each.row_count), files)
    console.print(grid)


def restore_state(name: str | None, *, is_json: bool) -> None:
    """Put a backup (None: the newest that is whole) in the place of the state.

    Raises:
        ConfigurationError: there is no such backup, or no state folder.
    """
    settings = load_settings()
    if not settings.home.exists():
        raise ConfigurationError(f"there is no state folder {settings.home}: set SOPHIA_HOME to the one that you mean")
    restored = connect_upkeep(settings).restore(naive_utc(datetime.now(UTC)), name)
    if is_json:
        print_facts({"restored": restored, "state_folder": settings.home})
        return
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"The state is that of the backup {restored.base}, with the decisions of now in it.")
    if restored.moved_to is not None:
        console.print(f"What was there before is in {restored.moved_to}.")
    console.print("`sophia-metrics run` now commits what landing holds that is newer, and publishes.")
