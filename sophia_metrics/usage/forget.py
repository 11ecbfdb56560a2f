"""Forgetting a person: everywhere in the state folder, in an order in which nobody comes back.

First the tombstones, so that nothing more of the person lands; then core, what is built of it and a published version;
then landing, and what older backups and versions show. Each step can be done again: a command that was killed is
run once more, and finishes.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from sophia_metrics.errors import ConfigurationError, ProcessingError, ServiceUnavailableError
from sophia_metrics.quality.publishing import publish_judged
from sophia_metrics.sources.file_source import FileSource
from sophia_metrics.sources.format import Format
from sophia_metrics.usage.erasing import count_landed, erase_landed
from sophia_metrics.usage.identity import keyed_hash
from sophia_metrics.usage.landing import Landing, landings
from sophia_metrics.usage.tombstones import Reach, Tombstones, tombstone_of
from sophia_metrics.warehouse.protocol import Erasure, Publication, Query, Warehouse
from sophia_metrics.working import working_connection

__all__ = ["Forgetter", "Forgotten", "Purged", "Remains", "Traces"]

log = logging.getLogger(__name__)

ROUNDS = 5
"""So often core is looked through again, where other runs move rows meanwhile."""


@dataclass(frozen=True, slots=True)
class Traces:
    """What there is of a person.

    Attributes:
        core_row_count: rows of core in which the person is: events and quarantined rows.
        landed_row_count: rows of landed files in which the person is.
        landed_file_count: landed files with such rows.
        session_count: sessions that only this person had.
        api_key_count: API keys that only this person used.
        is_forgotten: the person was to be forgotten before.
    """

    core_row_count: int
    landed_row_count: int
    landed_file_count: int
    session_count: int
    api_key_count: int
    is_forgotten: bool

    @property
    def is_known(self) -> bool:
        """The person is somewhere, or was forgotten."""
        return self.is_forgotten or self.core_row_count + self.landed_row_count > 0


@dataclass(frozen=True, slots=True)
class Purged:
    """What was removed because it still showed somebody who was forgotten."""

    version_count: int = 0
    day_file_count: int = 0


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What forgetting a person changed.

    Attributes:
        traces: what there was of the person.
        core_row_count: rows of core that were written anew.
        landed_file_count: landed files that were written anew.
        publication: the version without the person; where it is held back, older ones still show them.
        purged: the older versions and day files that were removed.
        backup_count: the older backups that a new one replaced.
    """

    traces: Traces
    core_row_count: int
    landed_file_count: int
    publication: Publication
    purged: Purged
    backup_count: int


class Remains(Protocol):
    """What an engine keeps of the past, for readers and for the next sweep."""

    def purge(self, tombstones: Tombstones, version: int) -> Purged:
        """Remove the versions before this one, and the unlisted day files in which one of these people is."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class Forgetter:
    """Everything that forgetting needs, as values.

    Attributes:
        folder: the state folder.
        warehouse: where rows are.
        sources: the sources by name, for the formats of what they landed.
        key: the installation's secret.
        remains: what the engine keeps of the past.
        renew_backups: makes a backup that is verified, removes those before it, and returns how many there were. None:
            no backups are made.
        memory_limit: what DuckDB may use.
    """

    folder: Path
    warehouse: Warehouse
    sources: Mapping[str, FileSource]
    key: bytes
    remains: Remains
    renew_backups: Callable[[datetime], int] | None
    memory_limit: str

    def look(self, identifier: str, now: datetime) -> Traces:
        """Return what there is of a person, and change nothing; `now` is naive UTC.

        Args:
            identifier: as it stands in the sources, or its hash as the tables have it.
            now: the present (naive UTC).

        Raises:
            ConfigurationError: something was landed of a source that is not configured any more.
        """
        return self._look(identifier, now)[0]

    def forget(self, identifier: str, now: datetime) -> Forgotten:
        """Forget a person; see the head of this module.

        Raises:
            ConfigurationError: something was landed of a source that is not configured any more; nothing was changed.
            ProcessingError: nobody has that identifier; nothing was changed.
            ServiceUnavailableError: other runs were writing all the time; run it again.
        """
        traces, tombstones = self._look(identifier, now)
        if not traces.is_known:
            raise ProcessingError(
                "nobody has that identifier, neither in core nor in landing: nothing was changed. It is compared as it "
                "stands in the sources, case included; --user-hash takes what `sophia-metrics sql` shows"
            )
        everybody = Tombstones(self.key, {**self._known(), **tombstones.reaches})
        row_count = self._erase_core(everybody, now)
        publication = publish_judged(self.warehouse, now)
        log.info("looking through landing")
        landed_file_count = sum(self._erase_landed(landing, everybody) for landing in self._landings())
        if publication.held_because is not None:
            return Forgotten(traces, row_count, landed_file_count, publication, Purged(), 0)
        log.info("removing what still shows the person")
        backup_count = self.renew_backups(now) if self.renew_backups else 0
        purged = self.remains.purge(everybody, publication.version)
        return Forgotten(traces, row_count, landed_file_count, publication, purged, backup_count)

    def _look(self, identifier: str, now: datetime) -> tuple[Traces, Tombstones]:
        stored = [identifier, keyed_hash(self.key, identifier)]
        people = dict.fromkeys(self._tombstones(stored), Reach.PERSON)
        is_forgotten = not people.keys().isdisjoint(self._known())
        log.info("looking through core")
        sessions, keys = (self._linked(column, stored) for column in ("session_id", "api_key_id"))
        linked = dict.fromkeys(self._tombstones([*sessions, *keys]), Reach.LINKED)
        tombstones = Tombstones(self.key, {**linked, **people})
        core = self.warehouse.commit(Erasure(tombstones, now, is_dry_run=True))
        log.info("looking through landing")
        counts = [count for landing in self._landings() if (count := self._count_landed(landing, tombstones))]
        traces = Traces(core.event_count, sum(counts), len(counts), len(sessions), len(keys), is_forgotten)
        return traces, tombstones

    def _erase_core(self, everybody: Tombstones, now: datetime) -> int:
        """Erase people from core until nobody is there any more, and build what depends on it."""
        row_count = 0
        for _ in range(ROUNDS):
            log.info("erasing in core")
            changed = self.warehouse.commit(Erasure(everybody, now))
            row_count += changed.event_count
            if not changed.event_count + self.warehouse.build().day_count:
                return row_count
        raise ServiceUnavailableError(
            "other runs were moving rows of the person all the time: what was erased stays erased, run it again"
        )

    def _tombstones(self, stored: list[str]) -> Iterator[str]:
        """Yield the tombstones of identifiers as rows have them: of each as a hash, and as a plain text."""
        for each in stored:
            yield tombstone_of(self.key, each)
            yield tombstone_of(self.key, keyed_hash(self.key, each))

    def _known(self) -> dict[str, Reach]:
        rows = self.warehouse.read(Query("SELECT tombstone, reach FROM core_tombstones")).rows()
        return {str(tombstone): Reach(reach) for tombstone, reach in rows}

    def _linked(self, column: str, people: list[str]) -> list[str]:
        """Return the sessions, or keys, of a person that nobody else has."""
        events = f"FROM core_usage_events WHERE {column} IS NOT NULL AND"
        query = Query(
            f"SELECT DISTINCT {column} {events} list_contains($people, user_hash) AND {column} NOT IN "
            f"(SELECT {column} {events} user_hash IS NOT NULL AND NOT list_contains($people, user_hash))",
            {"people": people},
        )
        return [str(value) for value in self.warehouse.read(query)[column]]

    def _landings(self) -> Iterator[Landing]:
        for folder in sorted((self.folder / "landing").glob("*")):
            yield from landings(folder)

    def _format(self, landing: Landing) -> Format:
        source = self.sources.get(landing.source)
        if source is None:
            raise ConfigurationError(
                f"files were landed of source {landing.source!r}, which is not configured: add it to sophia.toml "
                f"again, or remove {landing.path.parent}. Nothing was changed"
            )
        return source.format

    def _erase_landed(self, landing: Landing, tombstones: Tombstones) -> bool:
        with working_connection(self.folder, self.memory_limit) as connection:
            return erase_landed(connection, landing, self._format(landing), tombstones)

    def _count_landed(self, landing: Landing, tombstones: Tombstones) -> int:
        with working_connection(self.folder, self.memory_limit) as connection:
            return count_landed(connection, landing, self._format(landing), tombstones)
