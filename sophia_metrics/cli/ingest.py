"""`sophia-metrics ingest`: some files as usage of one source."""

from collections.abc import Sequence
from pathlib import Path

from sophia_metrics.cli.outcome import report_run
from sophia_metrics.cli.pipeline import Pipeline
from sophia_metrics.cli.progress import Progress
from sophia_metrics.cli.run_page import refusal_text
from sophia_metrics.errors import ProcessingError
from sophia_metrics.settings import load_settings

__all__ = ["ingest_files"]


def ingest_files(paths: Sequence[Path], source: str, *, is_plain: bool, is_json: bool) -> bool:
    """Collect, build, publish and report; say whether the gate holds a slice back.

    Raises:
        ConfigurationError: a path or the source does not exist.
        ProcessingError: a file was refused; the others are collected and published.
    """
    settings = load_settings()
    with Progress(f"reading usage of {source}", shows_warnings=is_plain) as progress:
        absolute = [str(path.expanduser().absolute()) for path in paths]
        summary = Pipeline(settings.home, progress, is_plain=is_plain).run(
            source=source, paths=absolute, checkpoint=False
        )
    report_run(settings, summary, is_plain=is_plain, is_json=is_json)
    refused = [each for found in summary.collected for each in found.refused]
    if refused:
        more = f" (and {len(refused) - 1} more)" if len(refused) > 1 else ""
        raise ProcessingError(f"not all files were read: {refusal_text(refused[0])}{more}")
    return summary.is_held
