"""Tombstones: who was forgotten, as keyed hashes that stand on no row, so that nobody lands again.

A row holds an identifier hashed, or in plain text. The tombstone of an identifier is the keyed hash of its keyed hash:
whoever has the tables and not the key learns nothing from it, and it is found neither in core nor in landing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import duckdb

from sophia_metrics.frames import fetch_row
from sophia_metrics.usage.identity import install_keyed_hash, keyed_hash

__all__ = ["FORGOTTEN", "NOBODY", "Reach", "Tombstones", "tombstone_of"]

FORGOTTEN = "forgotten"
"""Stands where a text that is no identifier named a person: a project, a team."""

PREFIX = "tombstone\x1f"


class Reach(StrEnum):
    """How far a tombstone reaches."""

    PERSON = "person"
    """The identifier that was named: it goes from every row."""
    LINKED = "linked"
    """A session or key that only this person had: it goes from rows that name nobody else."""


def tombstone_of(key: bytes, stored: str) -> str:
    """Return the tombstone of an identifier as a row has it hashed."""
    return keyed_hash(key, PREFIX + stored)


@dataclass(frozen=True, slots=True, repr=False)
class Tombstones:
    """Everybody who was forgotten.

    Attributes:
        key: the installation's secret.
        reaches: by tombstone, how far it reaches.
    """

    key: bytes = b""
    reaches: Mapping[str, Reach] = field(default_factory=dict[str, Reach])

    def __len__(self) -> int:
        return len(self.reaches)

    def mark(self, connection: duckdb.DuckDBPyConnection, texts: str) -> bool:
        """Find those of some texts that stand for somebody who was forgotten, hashed or plain; say whether any does.

        Creates the table `forgotten_values` (value, is_person), and the variables `forgotten_people` and
        `forgotten_values`, lists of the same; cursors see the table only.

        Args:
            connection: a working connection.
            texts: a SELECT of one column of texts.
        """
        install_keyed_hash(connection, "tombstone_hash", self.key)
        connection.execute("CREATE OR REPLACE TABLE tombstones (tombstone VARCHAR, is_person BOOLEAN)")
        connection.execute(
            "INSERT INTO tombstones SELECT unnest($1), unnest($2)",
            [list(self.reaches), [reach is Reach.PERSON for reach in self.reaches.values()]],
        )
        connection.execute("SET VARIABLE tombstone_prefix = (SELECT $1::VARCHAR)", [PREFIX])
        connection.execute(
            "CREATE OR REPLACE TABLE forgotten_values AS "
            f"WITH texts (value) AS ({texts}), "
            "candidates AS (SELECT DISTINCT value FROM texts WHERE value <> ''), "
            "hashed AS (SELECT value, tombstone_hash(getvariable('tombstone_prefix') || value) AS tombstone "
            "FROM candidates UNION ALL "
            "SELECT value, tombstone_hash(getvariable('tombstone_prefix') || tombstone_hash(value)) FROM candidates) "
            "SELECT value, bool_or(is_person) AS is_person FROM hashed "
            "INNER JOIN tombstones ON tombstones.tombstone = hashed.tombstone GROUP BY value"
        )
        for name, condition in (("forgotten_people", "WHERE is_person"), ("forgotten_values", "")):
            connection.execute(f"SET VARIABLE {name} = (SELECT list(value) FROM forgotten_values {condition})")
        return fetch_row(connection, "SELECT 1 FROM forgotten_values LIMIT 1") is not None


NOBODY = Tombstones()
