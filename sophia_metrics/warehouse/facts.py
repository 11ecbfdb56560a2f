"""Where the rows of core lie, and how rows get there: what every kind of commit needs of an engine.

Rows are computed in a working connection of DuckDB, whatever the engine: `events`, `units`, `priced_events`,
`priced_units` and `replaced` are relations there, as merging and pricing leave them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

import duckdb

from sophia_metrics.schema import core
from sophia_metrics.schema.column import Table
from sophia_metrics.warehouse.manifest import Piece, Switch
from sophia_metrics.warehouse.state_connection import StateConnection

__all__ = ["CORE_NAMES", "EVERYTHING", "KNOWN", "REPLACED_BY", "Facts", "Wanted", "create_known"]

CORE_NAMES = (core.USAGE_EVENTS.name, core.USAGE_UNITS.name)

KNOWN = {
    core.USAGE_EVENTS: "core_events",
    core.USAGE_UNITS: "core_units",
    core.QUARANTINE: "known_quarantine",
}
"""What is there already, under the names by which merging reads it."""

REPLACED_BY = {core.USAGE_EVENTS: ("event_id",), core.USAGE_UNITS: ("event_id",), core.QUARANTINE: ()}
"""Which columns a row has in common with the row of `replaced` that takes it away; else it is the table's key."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows of some days matter; an engine may bring others of these days too.

    Attributes:
        ids: by the name of a table: a relation of the working connection, and a column that it has in common with the
            table, which tells the rows that matter. A table that is not in it: all its rows do.
        where: a predicate over core_usage_events, in portable SQL, which those that matter fulfil. None: all do.
        reads: relations of the working connection that the predicate reads; they are small.
    """

    ids: Mapping[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    where: str | None = None
    reads: tuple[str, ...] = ()


EVERYTHING = Wanted()


class Facts(Protocol):
    """The rows of core on one engine. What is written is seen by nobody before `enact`, in a transaction with state."""

    def select(
        self, connection: duckdb.DuckDBPyConnection, table: Table, found: Sequence[Piece], wanted: Wanted = EVERYTHING
    ) -> str:
        """Return a SELECT for the working connection over the rows of some pieces, as far as they matter."""
        ...

    def days(self, connection: duckdb.DuckDBPyConnection, found: Sequence[Piece], wanted: Wanted) -> Sequence[date]:
        """Return the days of core_usage_events, among those found, on which an event fulfils `wanted.where`."""
        ...

    def write_changes(
        self, connection: duckdb.DuckDBPyConnection, found: Sequence[Piece], version: str, *, priced: str = ...
    ) -> Switch:
        """Write priced events and `priced_units`, which replace the rows of `replaced`, beside the days found.

        `priced` names the events (priced_events unless it is given). They may be a view that computes when it is read:
        days are looked up in `events`, which it prices.
        """
        ...

    def write_rows(
        self, connection: duckdb.DuckDBPyConnection, table: Table, rows: str, found: Sequence[Piece], version: str
    ) -> Switch:
        """Write the rows of a relation, which replace those with the keys of `replaced`, beside the days found.

        Of core_quarantine nothing is replaced.
        """
        ...

    def write_days(
        self, connection: duckdb.DuckDBPyConnection, table: Table, rows: str, found: Sequence[Piece], version: str
    ) -> Switch:
        """Write the rows of a relation in the place of all rows of the days found."""
        ...

    def enact(self, locked: StateConnection, switch: Switch, *, is_mending: bool = False) -> Switch:
        """Let what was written be the days, inside a transaction in which the manifest is changed by the answer.

        Args:
            locked: the transaction.
            switch: what was written. Days that it takes off and does not add have no rows from then on.
            is_mending: the days may be damaged: they are made whole.

        Raises:
            ServiceUnavailableError: what was written is gone, or a day waits to be made again.
        """
        ...


def create_known(
    connection: duckdb.DuckDBPyConnection, facts: Facts, found: Iterable[Piece], wanted: Wanted = EVERYTHING
) -> None:
    """Create `core_events`, `core_units` and `known_quarantine` over some pieces, as far as their rows matter."""
    pieces = list(found)
    for table, name in KNOWN.items():
        own = [piece for piece in pieces if piece.table_name == table.name]
        connection.execute(f"CREATE OR REPLACE VIEW {name} AS {facts.select(connection, table, own, wanted)}")
