"""`sophia-metrics report`: the page of the published version as one file, and its charts."""

from datetime import UTC, datetime
from pathlib import Path

from sophia_metrics.cli.facts import print_facts
from sophia_metrics.dashboard.report import write_report
from sophia_metrics.serving import Serving
from sophia_metrics.settings import load_settings
from sophia_metrics.windows import naive_utc

__all__ = ["report"]


def report(folder: Path, *, has_pictures: bool, is_json: bool) -> None:
    """Write the report and print which files it consists of."""
    settings, now = load_settings(), naive_utc(datetime.now(UTC))
    written = write_report(Serving(settings.home), folder, now, settings.time_zone, has_pictures=has_pictures)
    if is_json:
        print_facts({"version": written.version, "files": [str(path) for path in written.files]})
        return
    for path in written.files:
        print(path)  # noqa: T201 - the output of the command
