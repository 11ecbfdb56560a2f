"""Holding back: while a day has failed its expectations nothing is published, and readers can see that.

A note beside the versions says so: versions are never written again, and a reader does not open the state.
"""

import json
from datetime import datetime
from pathlib import Path

from sophia_metrics.durable import place_file, sync_folder
from sophia_metrics.serving import HELD_NAME
from sophia_metrics.warehouse.state_connection import StateConnection

__all__ = ["day_held_because", "note_held", "note_released"]


def day_held_because(connection: StateConnection) -> str | None:
    """Return why nothing may be published, in a sentence. None: every day that was judged has passed, and is whole."""
    waiting = connection.execute(
        "SELECT table_name, day_on, reason FROM damaged_days WHERE lost_count IS NULL ORDER BY day_on, table_name"
    ).fetchall()
    if waiting:
        name, day, reason = waiting[0]
        more = f"; {len(waiting) - 1} more are damaged too" if len(waiting) > 1 else ""
        return f"{name} of {day} is damaged and waits to be made again: {reason}{more}"
    rows = connection.execute(
        "SELECT day_on, held_because FROM judged_days WHERE held_because IS NOT NULL ORDER BY day_on"
    ).fetchall()
    if not rows:
        return None
    day, reason = rows[0]
    more = f"; {len(rows) - 1} more days are held too" if len(rows) > 1 else ""
    return f"{day}: {reason}{more}"


def note_held(serving: Path, reason: str, now: datetime) -> None:
    """Let readers know that the version they see is stale, since when and why."""
    path = serving / HELD_NAME
    known: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    note = {"held_since_at": known.get("held_since_at", now.isoformat()), "held_because": reason}
    if note != known:
        place_file(path, lambda temporary: temporary.write_text(json.dumps(note), encoding="utf-8"))
        sync_folder(serving)


def note_released(serving: Path) -> None:
    """Take the note away."""
    (serving / HELD_NAME).unlink(missing_ok=True)
