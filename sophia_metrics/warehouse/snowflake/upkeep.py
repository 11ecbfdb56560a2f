"""The care of a Snowflake warehouse: the state folder is that of a mirror, and stage tables of runs that died go."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sophia_metrics.maintenance.upkeep import GRACE, Backup, Freed, Restored, Swept, Upkeep, Verification
from sophia_metrics.warehouse.snowflake.loading import drop_stage_tables, leftover_stage_tables
from sophia_metrics.warehouse.snowflake.session import SnowflakeSession

__all__ = ["SnowflakeUpkeep"]


@dataclass(frozen=True, slots=True)
class SnowflakeUpkeep:
    """Takes care of the mirror as of any state folder, and of what is left in the schema; see `Upkeep`."""

    local: Upkeep
    open_session: Callable[[], SnowflakeSession]

    def sweep(self, now: datetime, *, grace: timedelta = GRACE, is_dry_run: bool = False) -> Swept:
        """Sweep the folder, and drop stage tables older than a day; they count as temporary files of unknown size."""
        swept = self.local.sweep(now, grace=grace, is_dry_run=is_dry_run)
        session = self.open_session()
        try:
            names = leftover_stage_tables(session, now)
            if not is_dry_run:
                drop_stage_tables(session, names)
        finally:
            session.close()
        return replace(swept, temporary=swept.temporary + Freed(len(names), 0))

    def back_up(self, now: datetime) -> Backup:
        """Copy the state of the mirror, in which the operations are; Snowflake keeps its own (`now`: naive UTC)."""
        return self.local.back_up(now)

    def backups(self) -> tuple[Backup, ...]:
        """Return the backups that are whole, the oldest first."""
        return self.local.backups()

    def restore(self, now: datetime, backup: str | None = None) -> Restored:
        """Put a backup in the place of the mirror's state; the next sync brings what Snowflake has."""
        return self.local.restore(now, backup)

    def verify(self, *, is_deep: bool = False) -> Verification:
        """Recompute what must agree in the mirror; nothing is changed."""
        return self.local.verify(is_deep=is_deep)
