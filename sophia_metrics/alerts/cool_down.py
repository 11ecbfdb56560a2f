"""The cool-down: for some time after a resolve the same alert does not fire again. Pure."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sophia_metrics.alerts.episode import Episode

__all__ = ["cooling_fingerprints"]


def cooling_fingerprints(episodes: Iterable[Episode], cool_down: timedelta, now: datetime) -> frozenset[str]:
    """Return which alerts were told to be over less than a cool-down before now (naive UTC)."""
    return frozenset(
        each.fingerprint
        for each in episodes
        if each.fired_at is not None and each.resolved_at is not None and now < each.resolved_at + cool_down
    )
