"""From settings and the present to what is kept."""

from datetime import date, datetime, timedelta

from sophia_metrics.maintenance.settings import RetentionSettings
from sophia_metrics.warehouse.protocol import Retention

__all__ = ["BACKUP_MARGIN", "landings_before", "retention_at"]

BACKUP_MARGIN = timedelta(days=1)
"""A run notes when it began, not when it committed: what is younger than this before a backup may not be in it."""


def retention_at(settings: RetentionSettings, now: datetime, *, is_dry_run: bool = False) -> Retention:
    """Return the retention of core that the settings mean at `now` (naive UTC)."""
    return Retention(
        usage_from_on=_first_kept(settings.usage_days, now),
        observed_from_on=_first_kept(settings.observation_days, now),
        runs_from_at=now - timedelta(days=settings.run_days),
        now=now,
        is_dry_run=is_dry_run,
    )


def landings_before(settings: RetentionSettings, now: datetime, oldest_backup_at: datetime | None) -> datetime:
    """Return before when a landed file must have been committed to go (naive UTC).

    What was committed after the oldest kept backup stays: whoever goes back to that needs it. None: there is no backup.
    """
    old = now - timedelta(days=settings.landing_days)
    return old if oldest_backup_at is None else min(old, oldest_backup_at - BACKUP_MARGIN)


def _first_kept(days: int | None, now: datetime) -> date | None:
    return None if days is None else now.date() - timedelta(days=days)
