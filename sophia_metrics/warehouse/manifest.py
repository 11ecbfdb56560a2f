"""The manifest: of which pieces a day of a table is made now.

On DuckDB a piece is a Parquet file, whose path is relative to the state folder; on Snowflake a day is one piece, whose
path is another one after each change of the day.

What it says of a day is noted once more in manifest_days, by the same transaction: every change of the manifest goes
through here, so that a row that is lost or changed by anything else is noticed.
"""

from collections.abc import Collection, Iterable
from dataclasses import astuple, dataclass, fields
from datetime import date

import polars as pl

from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.schema.state import MANIFEST
from sophia_metrics.warehouse.state_connection import StateConnection

__all__ = [
    "Piece",
    "Switch",
    "TableDay",
    "add_files",
    "files_of",
    "forget_audits",
    "note_audited",
    "note_days",
    "note_every_day",
    "remove_days",
    "remove_files",
    "unaudited_files",
    "wrong_days",
]


TableDay = tuple[str, date]
"""A UTC day of a table, by its name."""


@dataclass(frozen=True, slots=True, order=True)
class Piece:
    """All or some rows of one UTC day of one table; they never change. On DuckDB it is one Parquet file.

    `attempt_id` names the attempt or the build that wrote it. `sha256` None: it was written before that was noted, or
    is no file.
    """

    table_name: str
    day_on: date
    path: str
    row_count: int
    size_bytes: int
    attempt_id: str
    sha256: str | None = None

    @property
    def table_day(self) -> TableDay:
        """The day of the table of which it holds rows."""
        return self.table_name, self.day_on


NAMES = tuple(each.name for each in fields(Piece))


@dataclass(frozen=True, slots=True)
class Switch:
    """A change of the manifest that is made in one transaction."""

    added: tuple[Piece, ...] = ()
    removed: tuple[Piece, ...] = ()

    def days(self, table_names: Iterable[str]) -> tuple[date, ...]:
        """Return the days of some tables that change, in order."""
        names = frozenset(table_names)
        return tuple(sorted({file.day_on for file in (*self.added, *self.removed) if file.table_name in names}))

    def __add__(self, other: "Switch") -> "Switch":
        return Switch((*self.added, *other.added), (*self.removed, *other.removed))


def files_of(
    connection: StateConnection, table_names: Iterable[str], days: Collection[date] | None = None
) -> tuple[Piece, ...]:
    """Return the pieces of some tables, in order; `days` restricts them (None: every day)."""
    among, parameters = "", [list(table_names)]
    if days is not None:
        among, parameters = " AND list_contains($2, day_on)", [*parameters, sorted(days)]
    rows = connection.execute(
        f"SELECT {', '.join(NAMES)} FROM manifest WHERE list_contains($1, table_name){among} "
        f"ORDER BY {', '.join(NAMES)}",
        parameters,
    ).fetchall()
    return tuple(Piece(*row) for row in rows)


def add_files(connection: StateConnection, files: Iterable[Piece]) -> None:
    """List more files; no audit has seen them."""
    added = list(files)
    if added:
        types = polars_schema(MANIFEST)
        frame = pl.DataFrame(
            [astuple(each) for each in added], schema={name: types[name] for name in NAMES}, orient="row"
        )
        connection.register("added_files", frame)
        names = ", ".join(NAMES)
        connection.execute(f"INSERT INTO manifest ({names}) SELECT {names} FROM added_files")
        connection.unregister("added_files")
        note_days(connection, {each.table_day for each in added})


def remove_files(connection: StateConnection, files: Iterable[Piece]) -> None:
    """Take files off the list; the files themselves stay for the versions that show them."""
    removed = list(files)
    if removed:
        connection.execute("DELETE FROM manifest WHERE list_contains($1, path)", [[each.path for each in removed]])
        note_days(connection, {each.table_day for each in removed})


def remove_days(connection: StateConnection, days: Collection[TableDay]) -> tuple[str, ...]:
    """Take every piece of some days off the list, and return their paths."""
    if not days:
        return ()
    names, dates = _columns(days)
    rows = connection.execute(
        "SELECT table_name, day_on, path FROM manifest "
        "WHERE list_contains($1, table_name) AND list_contains($2, day_on)",
        [names, dates],
    ).fetchall()
    gone = [str(path) for name, day, path in rows if (name, day) in days]
    if gone:
        connection.execute("DELETE FROM manifest WHERE list_contains($1, path)", [gone])
    note_days(connection, days)
    return tuple(gone)


GIVEN_DAYS = "(SELECT unnest($1::VARCHAR[]) AS given_name, unnest($2::DATE[]) AS given_on) AS given"
IS_GIVEN = "table_name = given_name AND day_on = given_on"
DAY_FACTS = (
    "count(*) AS file_count, CAST(sum(row_count) AS BIGINT) AS row_count, "
    "sha256(string_agg(path || ' ' || CAST(row_count AS VARCHAR) || ' ' || CAST(size_bytes AS VARCHAR) "
    "|| coalesce(' ' || sha256, ''), chr(10) ORDER BY path)) AS files_sha256"
)
"""What is noted of a day. `is_audited` is left out: an audit notes it without a change of the day."""


def note_days(connection: StateConnection, days: Collection[TableDay]) -> None:
    """Note what the manifest says of some days now; those without pieces are forgotten."""
    names, dates = _columns(days)
    given = pl.DataFrame(
        {"given_name": names, "given_on": dates}, schema={"given_name": pl.String, "given_on": pl.Date}
    )
    connection.register("given_days", given)
    connection.execute(
        "DELETE FROM manifest_days USING given_days "
        "WHERE manifest_days.table_name = given_days.given_name AND manifest_days.day_on = given_days.given_on"
    )
    connection.execute(
        "INSERT INTO manifest_days (table_name, day_on, file_count, row_count, files_sha256) "
        f"SELECT table_name, day_on, {DAY_FACTS} FROM manifest "
        "INNER JOIN given_days "
        "ON manifest.table_name = given_days.given_name AND manifest.day_on = given_days.given_on "
        "GROUP BY table_name, day_on"
    )
    connection.unregister("given_days")


def note_every_day(connection: StateConnection) -> None:
    """Note what the manifest says of each day now."""
    connection.execute("DELETE FROM manifest_days")
    connection.execute(
        "INSERT INTO manifest_days (table_name, day_on, file_count, row_count, files_sha256) "
        f"SELECT table_name, day_on, {DAY_FACTS} FROM manifest GROUP BY table_name, day_on"
    )


def wrong_days(connection: StateConnection, days: Collection[TableDay] | None = None) -> dict[TableDay, int | None]:
    """Return the days of which the manifest does not say what was noted, and the number of rows that was noted.

    `days` restricts them; None: every day. A number that is None: nothing was noted of the day.
    """
    among = "" if days is None else f"SEMI JOIN {GIVEN_DAYS} ON {IS_GIVEN}"
    rows = connection.execute(
        f"WITH listed AS (SELECT table_name, day_on, {DAY_FACTS} FROM manifest {among} GROUP BY table_name, day_on), "
        f"noted AS (SELECT table_name, day_on, file_count, row_count, files_sha256 FROM manifest_days {among}) "
        "SELECT coalesce(listed.table_name, noted.table_name), coalesce(listed.day_on, noted.day_on), noted.row_count "
        "FROM listed FULL JOIN noted ON noted.table_name = listed.table_name AND noted.day_on = listed.day_on "
        "WHERE listed.files_sha256 IS DISTINCT FROM noted.files_sha256",
        None if days is None else _columns(days),
    ).fetchall()
    return {(str(name), day): count for name, day, count in rows}


def _columns(days: Iterable[TableDay]) -> list[list[object]]:
    ordered = sorted(days)
    return [[name for name, _ in ordered], [day for _, day in ordered]]


def unaudited_files(connection: StateConnection, table_name: str, row_limit: int) -> tuple[Piece, ...]:
    """Return files of a table that no audit has seen, in the order of their days, with about so many rows in all.

    There are none only where every file was seen.
    """
    rows = connection.execute(
        f"SELECT {', '.join(NAMES)} FROM manifest WHERE table_name = $1 AND is_audited IS NOT TRUE "
        "QUALIFY coalesce(sum(row_count) OVER (ORDER BY day_on, path ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),"
        " 0) < $2 ORDER BY day_on, path",
        [table_name, row_limit],
    ).fetchall()
    return tuple(Piece(*row) for row in rows)


def note_audited(connection: StateConnection, files: Iterable[Piece]) -> None:
    """Note that an audit has seen these files; those that are listed no longer are passed over."""
    connection.execute(
        "UPDATE manifest SET is_audited = true WHERE list_contains($1, path)", [[each.path for each in files]]
    )


def forget_audits(connection: StateConnection) -> None:
    """Let the next audit see every file as if for the first time."""
    connection.execute("UPDATE manifest SET is_audited = NULL WHERE is_audited")
