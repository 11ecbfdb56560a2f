"""When the state file was made again, and from what, as the doctor shows it."""

from dataclasses import dataclass
from datetime import datetime

from sophia_metrics.cli.figures import instant
from sophia_metrics.serving import Serving

__all__ = ["Recovery", "load_recoveries", "recovery_line"]

SHOWN = 5
NEWEST = (
    "SELECT recovered_at, reason, base, version, adopted_count, moved_to FROM core_recoveries "
    f"ORDER BY recovered_at DESC LIMIT {SHOWN}"
)


@dataclass(frozen=True, slots=True)
class Recovery:
    """One row of core_recoveries; the instant is naive UTC."""

    recovered_at: datetime
    reason: str
    base: str
    version: int | None
    adopted_count: int
    moved_to: str | None


def load_recoveries(serving: Serving) -> tuple[Recovery, ...]:
    """Return the last recoveries that the published version knows of, the newest first."""
    if not serving.has_table("core_recoveries"):
        return ()
    return tuple(Recovery(*row) for row in serving.query(NEWEST).iter_rows())


def recovery_line(recovery: Recovery) -> str:
    """Return a recovery as a line."""
    newer = f" and version {recovery.version}" if recovery.version is not None else ""
    moved = f"; what was there is in {recovery.moved_to}" if recovery.moved_to is not None else ""
    return f"{instant(recovery.recovered_at)}: {recovery.reason}; made again from {recovery.base}{newer}{moved}"
