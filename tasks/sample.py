"""Sample data, for a first look."""

from datetime import date
from pathlib import Path

from sophia_metrics.connect import sample_settings
from sophia_metrics.settings import Settings
from sophia_metrics.usage.sample import write_sample
from tasks.step import step

__all__ = ["make_sample"]


@step("make sample usage up to {today}", deadline_seconds=300)
def make_sample(settings: Settings, today: date) -> int:
    """Write made-up usage for the ninety days before `today` (UTC) where the sample source looks.

    Returns how many files there are. Those that are there already are left alone.
    """
    return sum(len(write_sample(Path(folder), today)) for folder in sample_settings(settings).paths)
