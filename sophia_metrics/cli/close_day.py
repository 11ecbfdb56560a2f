"""`sophia-metrics close-day`: what the days that are settled tell of the next ones, and of themselves."""

from rich.console import Console

from sophia_metrics.cli.facts import print_facts
from sophia_metrics.cli.figures import plural
from sophia_metrics.cli.pipeline import Pipeline
from sophia_metrics.cli.progress import Progress
from sophia_metrics.costs.closing import Findings
from sophia_metrics.settings import load_settings

__all__ = ["close_settled_day"]


def close_settled_day(*, is_plain: bool, is_json: bool) -> bool:
    """Close, print what was made and found, and say whether the publish is held back."""
    settings = load_settings()
    with Progress("closing the day", shows_warnings=is_plain) as progress:
        closed = Pipeline(settings.home, progress, is_plain=is_plain).close_day()
    findings = closed.findings
    if is_json:
        print_facts(
            {
                "forecasts": findings.forecasts,
                "anomalies": findings.anomalies,
                "suggestion_count": findings.suggestion_count,
                "drift_count": findings.drift_count,
                "baseline_count": findings.baseline_count,
                "version": closed.publication.version,
            }
        )
    else:
        _print(findings)
    return closed.publication.held_because is not None


def _print(findings: Findings) -> None:
    console = Console(highlight=False, soft_wrap=True)
    made, found = findings.forecasts, findings.anomalies
    if made.data_through_on is None:
        console.print("no day is settled yet: there is no forecast")
        return
    console.print(
        f"forecasts of {plural(made.made_count, 'scope')} made of days through {made.data_through_on}; "
        f"{made.known_count:,} had one; of {made.silent_count:,} nothing can be said: fewer than 3 days are known, "
        "or nothing was spent of late"
    )
    console.print(
        f"anomalies: {found.open_count:,} on the last 35 settled days, {found.new_count:,} of them new; "
        f"{found.ended_count:,} ended"
    )
    console.print(
        f"suggestions: {findings.suggestion_count:,}; prices that moved: {findings.drift_count:,}; "
        f"KPI that got a baseline: {findings.baseline_count:,}"
    )
