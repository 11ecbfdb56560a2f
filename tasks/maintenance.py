"""Steps of maintenance: what nobody needs any more goes, and days in pieces become whole."""

from datetime import datetime

from prefect.artifacts import create_markdown_artifact

from sophia_metrics.connect import connect_upkeep, connect_warehouse, every_source
from sophia_metrics.maintenance.outcome import Maintained
from sophia_metrics.maintenance.policy import landings_before, retention_at
from sophia_metrics.maintenance.report import maintenance_report
from sophia_metrics.maintenance.upkeep import Backup, Freed, Swept
from sophia_metrics.settings import Settings
from sophia_metrics.usage.landing_retention import expire_landings
from sophia_metrics.warehouse.protocol import Changed, Compaction, Expired
from tasks.step import is_orchestrated, step

__all__ = [
    "back_up_state",
    "compact_days",
    "drop_landings",
    "expire_days",
    "rehearse",
    "show_maintenance",
    "sweep_files",
]

HOUR = 3600.0


@step("back up the state", deadline_seconds=600)
def back_up_state(settings: Settings, now: datetime) -> Backup:
    """Copy the state file, compare the copy, and let go of the oldest ones."""
    return connect_upkeep(settings).back_up(now)


@step("make days of small pieces whole", deadline_seconds=HOUR)
def compact_days(settings: Settings, now: datetime, *, is_dry_run: bool = False) -> Changed:
    """Write each day that lies in small pieces, and to which nobody writes any more, as one file."""
    return connect_warehouse(settings, now).commit(Compaction(now, is_dry_run))


@step("drop rows that are kept no longer", deadline_seconds=600)
def expire_days(settings: Settings, now: datetime, *, is_dry_run: bool = False) -> Expired:
    """Drop the days of core that are kept no longer, and what old runs have left; rollups stay."""
    return connect_warehouse(settings, now).commit(retention_at(settings.retention, now, is_dry_run=is_dry_run))


@step("remove landed files that are kept no longer", deadline_seconds=HOUR)
def drop_landings(settings: Settings, now: datetime, *, is_dry_run: bool = False) -> Freed:
    """Remove landed files whose rows have been in core for long enough, and before the oldest backup."""
    backups = connect_upkeep(settings).backups()
    return expire_landings(
        connect_warehouse(settings, now),
        settings.home,
        {source.name: source for source in every_source(settings)},
        landings_before(settings.retention, now, backups[0].made_at if backups else None),
        memory_limit=settings.memory_limit,
        is_dry_run=is_dry_run,
    )


@step("sweep", deadline_seconds=HOUR)
def sweep_files(settings: Settings, now: datetime, *, is_dry_run: bool = False) -> Swept:
    """Remove files that nobody lists any more, and thin out the kept versions."""
    return connect_upkeep(settings).sweep(now, is_dry_run=is_dry_run)


@step("show the maintenance", deadline_seconds=120)
def show_maintenance(maintained: Maintained) -> None:
    """Leave what was done as an artifact."""
    if is_orchestrated():
        create_markdown_artifact(
            maintenance_report(maintained),
            key="maintenance",
            description="What maintenance did, and what it could not do.",
        )


def rehearse(settings: Settings, now: datetime) -> Maintained:
    """Tell what would be done, and show it; nothing is changed."""
    maintained = Maintained(
        compacted=compact_days(settings, now, is_dry_run=True),
        expired=expire_days(settings, now, is_dry_run=True),
        landing=drop_landings(settings, now, is_dry_run=True),
        swept=sweep_files(settings, now, is_dry_run=True),
        publication=None,
        is_dry_run=True,
    )
    show_maintenance(maintained)
    return maintained
