"""Maintain the warehouse: it is backed up, what nobody needs any more goes, and days in pieces become whole."""

from prefect import flow

from sophia_metrics.maintenance.outcome import Attempts, Maintained
from tasks.checks import check_marts
from tasks.clock import named_by_minute, utc_now
from tasks.maintenance import (
    back_up_state,
    compact_days,
    drop_landings,
    expire_days,
    rehearse,
    show_maintenance,
    sweep_files,
)
from tasks.marts import build_marts, publish_version
from tasks.runs import finish_run, recorded_run
from tasks.settings import read_settings
from tasks.usage import audit_days

__all__ = ["maintain_warehouse"]


@flow(flow_run_name=named_by_minute("maintain-warehouse"), persist_result=False)
def maintain_warehouse(config: str | None = None, dry_run: bool = False) -> Maintained:
    """Back up the state, compact days, drop what is kept no longer, sweep away what nobody lists; return what was done.

    Runs on the one host that has the state folder. Safe to run twice, at once with any other flow, and after a kill.
    Readers notice nothing. A step that fails does not stop the others; then the run fails, and says which.
    Days are dropped only as far as they are built, judged and audited, which is done first.

    Args:
        config: folder of sophia.toml. None: the working directory, or the nearest folder above it.
        dry_run: tell what would be done, and change nothing.

    Raises:
        UnfinishedError: a step failed.
    """
    settings = read_settings(config)
    if dry_run:
        return rehearse(settings, utc_now())
    with recorded_run(settings, "maintain-warehouse", utc_now()) as run:
        attempts = Attempts()
        backup = attempts.make("the backup", lambda: back_up_state(settings, utc_now()))
        compacted = attempts.make("compaction", lambda: compact_days(settings, utc_now()))
        attempts.make("the audit", lambda: audit_days(settings, utc_now()))
        attempts.make("the build", lambda: build_marts(settings, utc_now()))
        quality = attempts.make("judging", lambda: check_marts(settings, run, utc_now()))
        expired = attempts.make("retention", lambda: expire_days(settings, utc_now()))
        landing = attempts.make("retention of landing", lambda: drop_landings(settings, utc_now()))
        swept = attempts.make("the sweep", lambda: sweep_files(settings, utc_now()))
        if not attempts.problems:
            finish_run(settings, run, utc_now(), quality=quality)
        publication = attempts.make("the publish", lambda: publish_version(settings, utc_now()))
        maintained = Maintained(compacted, expired, landing, swept, publication, attempts.problems, backup=backup)
        show_maintenance(maintained)
        maintained.raise_problems()
    return maintained
