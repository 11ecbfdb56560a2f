"""The Snowflake warehouse: core, ledger and marts in a schema of Snowflake, and a mirror in the state folder.

What flows that run every minute read and write is in the mirror, so that they do not keep a virtual warehouse awake.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import overload

import polars as pl

from sophia_metrics import schema
from sophia_metrics.services import Health, ServiceLifecycle
from sophia_metrics.usage.staging import Slice
from sophia_metrics.warehouse import ledger
from sophia_metrics.warehouse.commit import commit_slice
from sophia_metrics.warehouse.protocol import (
    BEHIND,
    Audit,
    BuildReport,
    Change,
    Changed,
    Checkup,
    Compaction,
    CoreChange,
    Erasure,
    Expired,
    Learning,
    Mending,
    Observations,
    Publication,
    Query,
    Rebuild,
    Receipt,
    Record,
    Repricing,
    Retention,
    Warehouse,
)
from sophia_metrics.warehouse.rebuild import commit_rebuild
from sophia_metrics.warehouse.repricing import commit_learning, commit_repricing
from sophia_metrics.warehouse.retention import commit_retention
from sophia_metrics.warehouse.snowflake.audit import commit_audit
from sophia_metrics.warehouse.snowflake.build import build_marts
from sophia_metrics.warehouse.snowflake.checking import check_session
from sophia_metrics.warehouse.snowflake.erasure import commit_erasure
from sophia_metrics.warehouse.snowflake.facts import SnowflakeFacts
from sophia_metrics.warehouse.snowflake.mirror import Mirror
from sophia_metrics.warehouse.snowflake.publish import publish_version
from sophia_metrics.warehouse.snowflake.reading import over_committed, tables_of
from sophia_metrics.warehouse.snowflake.session import SnowflakeSession
from sophia_metrics.warehouse.snowflake.state import SnowflakeState
from sophia_metrics.warehouse.snowflake.tables import prepare

__all__ = ["SnowflakeWarehouse"]


class SnowflakeWarehouse(ServiceLifecycle):
    """Core, marts and state in a schema of Snowflake; see the module.

    A session is opened when something of Snowflake is asked for, and closed by `close`, or with the object.
    """

    def __init__(
        self, session: SnowflakeSession, mirror: Mirror, local: Warehouse, folder: Path, memory_limit: str = "4GiB"
    ) -> None:
        """Prepare; nothing is opened yet.

        Args:
            session: the session, which logs in when it is first used.
            mirror: copies and forwards.
            local: the warehouse in the state folder that the mirror fills; it is prepared.
            folder: the state folder.
            memory_limit: what DuckDB may use while rows are merged and priced.
        """
        self.session = session
        self.mirror = mirror
        self.local = local
        self._folder = folder
        self._memory_limit = memory_limit
        self._state = SnowflakeState(session)
        self._now = datetime.min  # noqa: DTZ901 - naive UTC; nothing is staged before prepare

    def prepare(self, now: datetime) -> None:
        """Make the tables that are not there yet, and bring older ones up to date; `now` is naive UTC.

        Raises:
            ConfigurationError: a newer program wrote the tables, or the role may not make or use them.
            ServiceUnavailableError: Snowflake does not answer.
        """
        self._now = now
        prepare(self.session, now)

    async def health_check(self) -> Health:
        """Log in and look at the list of tables: no virtual warehouse is woken."""
        return check_session(self.session)

    async def get_metrics(self) -> Mapping[str, float | int | None]:
        """Days and rows that the manifest lists."""
        return self._metrics()

    async def cleanup(self) -> None:
        """End the session."""
        self.close()

    def close(self) -> None:
        """End the session; the next statement opens another one."""
        self.session.close()

    def read(self, query: Query) -> pl.DataFrame:
        """Return the rows of a query over what is committed now; operations are asked for in the mirror."""
        tables = tables_of(query)
        if tables and all(table.name in schema.OPERATIONS_NAMES for table in tables):
            return self.local.read(query)
        return self.session.fetch_frame(*over_committed(query))

    @overload
    def commit(self, change: Slice) -> Receipt: ...
    @overload
    def commit(self, change: CoreChange) -> Changed: ...
    @overload
    def commit(self, change: Retention) -> Expired: ...
    def commit(self, change: Change) -> Receipt | Changed | Expired:
        """Make a change of core visible in one step, with all that belongs to it.

        Raises:
            ConfigurationError: the state folder holds usage of its own, or mirrors another schema.
        """
        if isinstance(change, (Observations, Compaction, Checkup, Mending)):
            return self.local.commit(change)  # Snowflake keeps its own files, and they are never damaged
        self.mirror.refuse_other()
        here = self.local.commit(replace(change, usage_from_on=None)) if isinstance(change, Retention) else None
        facts = SnowflakeFacts(self.session, self._now)
        try:
            answer = self._commit(facts, change)
        finally:
            facts.release()
        if here is None or not isinstance(answer, Expired):
            return answer
        stopped_because = answer.stopped_because or here.stopped_because
        return replace(answer, run_count=here.run_count, stopped_because=stopped_because)

    def _commit(  # noqa: PLR0911 - one return a kind of change
        self, facts: SnowflakeFacts, change: Slice | Repricing | Learning | Rebuild | Audit | Erasure | Retention
    ) -> Receipt | Changed | Expired:
        if isinstance(change, Slice):
            return commit_slice(self._state, facts, change)
        if isinstance(change, Retention):
            return commit_retention(self._state, facts, change)
        if isinstance(change, Repricing):
            return commit_repricing(self._state, facts, change)
        if isinstance(change, Learning):
            return commit_learning(self._state, change)
        if isinstance(change, Rebuild):
            return commit_rebuild(self._state, facts, change)
        if isinstance(change, Erasure):
            return commit_erasure(self._state, facts, change, self._folder, self._memory_limit)
        return commit_audit(self._state, facts, change, self._folder, self._memory_limit)

    def record(self, record: Record) -> None:
        """Write rows of state tables; a row replaces the one with the same key. Operations go to the mirror."""
        by_place: dict[bool, dict[str, pl.DataFrame]] = {True: {}, False: {}}
        for name, frame in record.rows.items():
            by_place[name in schema.OPERATIONS_NAMES][name] = frame
        if by_place[True]:
            self.local.record(Record(by_place[True]))
        if by_place[False]:
            with self._state.transaction() as locked:
                for name, frame in by_place[False].items():
                    ledger.replace_rows(locked, schema.table(name), frame)

    def build(self) -> BuildReport:
        """Build the days of the marts whose inputs changed, on Snowflake."""
        return build_marts(self._state, self.session, self._now)

    def publish(self, now: datetime) -> Publication:
        """Let SQL users of Snowflake see what is built, and then, by the mirror, the dashboard and the alerts."""
        self.mirror.forward(self.session, now)
        if not publish_version(self._state, self.session, now):
            return self._behind()
        self.mirror.sync(self.session, now)
        self.local.build()
        return self.local.publish(now)

    def _behind(self) -> Publication:
        newest = self.local.read(Query("SELECT version, published_at FROM core_versions ORDER BY version DESC LIMIT 1"))
        version, published_at = newest.row(0) if newest.height else (0, None)
        return Publication(version, is_new=False, published_at=published_at, held_because=BEHIND, is_behind=True)

    def _metrics(self) -> dict[str, float | int | None]:
        rows = self.session.execute("SELECT count(*), coalesce(sum(row_count), 0) FROM manifest").fetchall()
        ((days, count),) = rows
        return {"day_count": int(days), "row_count": int(count)}
