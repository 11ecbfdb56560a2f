"""`sophia-metrics verify`: recompute what must agree, and say what does not."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sophia_metrics.cli.facts import print_facts
from sophia_metrics.cli.figures import count, plural
from sophia_metrics.cli.progress import Progress
from sophia_metrics.connect import connect_upkeep
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.maintenance.upkeep import Verification
from sophia_metrics.settings import load_settings

__all__ = ["verify_state"]


def verify_state(*, is_deep: bool, is_json: bool) -> bool:
    """Verify, print what was looked at and what is wrong, and say whether nothing is.

    Raises:
        ConfigurationError: there is no state folder.
    """
    settings = load_settings()
    if not settings.home.exists():
        raise ConfigurationError(f"there is no state folder {settings.home}: set SOPHIA_HOME to the one that you mean")
    with Progress("verifying the state folder"):
        verification = connect_upkeep(settings).verify(is_deep=is_deep)
    if is_json:
        print_facts(
            {
                "is_whole": not verification.findings,
                "is_deep": is_deep,
                "checks": verification.checks,
                "findings": verification.findings,
                "state_folder": settings.home,
            }
        )
    else:
        _show(verification)
    return not verification.findings


def _show(verification: Verification) -> None:
    console = Console(highlight=False)
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("looked at", "how many", "wrong"):
        grid.add_column(heading)
    wrong = [finding.check for finding in verification.findings]
    for check, number in verification.checks.items():
        mark = Text(count(wrong.count(check)), style="bold red") if check in wrong else Text("nothing", style="green")
        grid.add_row(check, count(number), mark)
    console.print(grid)
    for finding in verification.findings:
        console.print(Text(f"{finding.check}: {finding.problem}", style="bold red"), soft_wrap=True)
    if verification.findings:
        console.print(
            f"{plural(len(verification.findings), 'finding')}: `sophia-metrics run` makes anew what is damaged"
        )
    elif not verification.is_deep:
        console.print("Everything agrees. --deep reads every file, too")
    else:
        console.print("Everything agrees.")
