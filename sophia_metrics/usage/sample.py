"""Made-up usage for a first look: ninety days of calls, the same for a given day wherever they are made."""

import json
from datetime import date, timedelta
from pathlib import Path

from sophia_metrics.durable import place_file, sync_folder
from sophia_metrics.usage.sample_day import SampleCall, sample_calls

__all__ = ["DAY_COUNT", "write_sample"]

DAY_COUNT = 90
"""How many days there are, up to and including yesterday."""

LATE_EVERY_DAYS = 45
LATE_BY = timedelta(days=3)
LATE_CALLS = 12


def write_sample(folder: Path, today: date) -> list[Path]:
    """Write one JSON Lines file a UTC day for the ninety days before `today`; return them, oldest first.

    A file depends on its own day only: a later `today` adds files and never changes one, and a file that
    already holds the right bytes is left alone. The rows are in the project's own event format. On one day
    in 45 the last calls arrive late, in the file of three days after.

    Raises:
        OSError: the folder cannot be written.
    """
    days = [today - timedelta(days=back) for back in range(DAY_COUNT, 0, -1)]
    paths = [folder / f"sample-usage-{day.isoformat()}.jsonl" for day in days]
    written = [path for path, day in zip(paths, days, strict=True) if _write(path, _arrivals(day))]
    if written:
        sync_folder(folder)
    return paths


def _arrivals(day: date) -> list[SampleCall]:
    """Return what the file of a day holds: late calls of an older day, then its own but for the late ones."""
    older, own = sample_calls(day - LATE_BY) if _is_late(day - LATE_BY) else [], sample_calls(day)
    return older[-LATE_CALLS:] + (own[:-LATE_CALLS] if _is_late(day) else own)


def _is_late(day: date) -> bool:
    return day.toordinal() % LATE_EVERY_DAYS == 0


def _write(path: Path, calls: list[SampleCall]) -> bool:
    content = "".join(json.dumps(call, separators=(",", ":")) + "\n" for call in calls).encode()
    if path.is_file() and path.read_bytes() == content:
        return False
    place_file(path, lambda temporary: temporary.write_bytes(content))
    return True
