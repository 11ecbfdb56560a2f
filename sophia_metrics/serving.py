"""Reading what is published: one version at a time, never a half-built state, never waiting for a writer."""

import json
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from sophia_metrics.errors import ConfigurationError, ServiceUnavailableError
from sophia_metrics.frames import fetch_frame

if TYPE_CHECKING:
    import polars as pl

__all__ = ["HELD_NAME", "Held", "Serving", "columns_of", "has_table", "tables_of"]

POINTER = "current.duckdb"
HELD_NAME = "held.json"
"""Stands beside the versions while a newer one is held back."""


@dataclass(frozen=True, slots=True)
class Held:
    """Why readers go on with a stale version, and since when (naive UTC)."""

    since_at: datetime
    reason: str


def has_table(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    """Say whether an opened version has a table or view: one that an older program published may have none."""
    return table in tables_of(connection)


def tables_of(connection: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """Return the names of the tables and views of an opened version."""
    found = connection.execute("SELECT table_name FROM information_schema.tables")
    return frozenset(str(name) for (name,) in found.fetchall())


def columns_of(connection: duckdb.DuckDBPyConnection, table: str) -> frozenset[str]:
    """Return the columns of a table or view of an opened version; none, where it has no such table."""
    found = connection.execute("SELECT column_name FROM information_schema.columns WHERE table_name = $1", [table])
    return frozenset(str(name) for (name,) in found.fetchall())


class Serving:
    """The published versions of a state folder."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._pointer = home / "serving" / POINTER

    @property
    def version(self) -> int | None:
        """The number of the current version. None: nothing is published yet."""
        return int(self._pointer.resolve().stem[1:]) if self._pointer.exists() else None

    @property
    def held(self) -> Held | None:
        """What holds a newer version back, so that the current one is stale. None: nothing does."""
        try:
            note = json.loads(self._pointer.with_name(HELD_NAME).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return Held(datetime.fromisoformat(note["held_since_at"]), note["held_because"])

    @contextmanager
    def connection(self) -> Generator[duckdb.DuckDBPyConnection]:
        """Open the current version for reading, in UTC. It stays what it is, whatever is published meanwhile.

        Raises:
            ConfigurationError: nothing is published in this state folder, or its current version is gone.
            ServiceUnavailableError: another program has opened the version for writing.
        """
        path = self._current()
        try:
            connection = duckdb.connect(path, read_only=True)
        except duckdb.Error as error:
            if "Conflicting lock" in str(error):
                raise ServiceUnavailableError(
                    f"{path} cannot be opened: another program has opened it for writing. Close that program and "
                    "try again"
                ) from error
            raise ServiceUnavailableError(
                f"{path} is damaged and cannot be opened: `sophia-metrics run` publishes anew"
            ) from error
        try:
            connection.execute("SET TimeZone = 'UTC'")
            yield connection
        finally:
            connection.close()

    def has_table(self, table: str) -> bool:
        """Say whether the current version has a table or view: one that an older program published may have none.

        Raises:
            ConfigurationError: nothing is published in this state folder.
            ServiceUnavailableError: the version cannot be opened.
        """
        with self.connection() as connection:
            return has_table(connection, table)

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> "pl.DataFrame":
        """Return the rows of one SELECT over the current version, with `$name` parameters.

        Raises:
            ConfigurationError: nothing is published in this state folder, or the query is wrong.
            ServiceUnavailableError: the version, or a file that it lists, cannot be read.
        """
        with self.answers() as ask:
            return ask(sql, parameters)

    @contextmanager
    def answers(self) -> "Generator[Callable[[str, Mapping[str, Any] | None], pl.DataFrame]]":
        """Open the current version for several SELECTs, which all see the same; each raises what `query` does.

        Raises:
            ConfigurationError: nothing is published in this state folder.
        """
        with self.connection() as connection:
            yield lambda sql, parameters: self._rows(connection, sql, parameters)

    def _rows(
        self, connection: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, Any] | None
    ) -> "pl.DataFrame":
        try:
            return fetch_frame(connection, sql, parameters)
        except duckdb.IOException as error:
            raise ServiceUnavailableError(
                f"a file of the published version in {self._home} cannot be read: `sophia-metrics run` makes anew "
                "what is damaged, and publishes anew where the folder was moved"
            ) from error
        except duckdb.Error as error:
            raise ConfigurationError(f"the query cannot run: {error}") from error

    def _current(self) -> Path:
        if self._pointer.exists():
            return self._pointer.resolve()
        if self._pointer.is_symlink():
            raise ConfigurationError(
                f"the published version {self._pointer.readlink()} of {self._home} is gone: "
                "`sophia-metrics run` publishes anew"
            )
        raise ConfigurationError(
            f"nothing is published in {self._home} yet: `sophia-metrics run` does it, "
            "or set SOPHIA_HOME to the state folder that you mean"
        )
