"""Which days of a mart have to be built: those whose inputs are no longer the pieces from which they were built."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from datetime import date

from sophia_metrics import schema
from sophia_metrics.marts import MARTS, Mart
from sophia_metrics.schema.column import Storage
from sophia_metrics.warehouse.horizons import first_kept, horizons
from sophia_metrics.warehouse.manifest import TableDay
from sophia_metrics.warehouse.state_connection import StateConnection

__all__ = ["DAY_MARTS", "DAY_TABLES", "day_inputs", "hash_inputs", "note_built_as_listed", "stale_days"]

DAY_TABLES = frozenset(table.name for table in schema.stored(Storage.DAY_FILES))
DAY_MARTS = tuple(mart for mart in MARTS if mart.table.storage is Storage.DAY_FILES)
DAYS_THAT_DIFFER = " UNION ALL ".join(
    f"SELECT coalesce(known.mart, CAST($mart_{place} AS VARCHAR)), coalesce(listed.day_on, known.day_on) "
    f"FROM (SELECT day_on, sha256($sha256_{place} || string_agg(chr(10) || path, '' ORDER BY path)) AS sha256 "
    f"FROM manifest WHERE list_contains($inputs_{place}, table_name) GROUP BY day_on) AS listed "
    f"FULL JOIN (SELECT mart, day_on, inputs_sha256 FROM mart_builds WHERE mart = $mart_{place}) AS known "
    "ON known.day_on = listed.day_on WHERE known.inputs_sha256 IS DISTINCT FROM listed.sha256 "
    f"AND coalesce(listed.day_on, known.day_on) >= coalesce($first_on_{place}, DATE '0001-01-01')"
    for place in range(len(DAY_MARTS))
)
"""The days of all marts whose noted inputs are not those that are listed."""


def stale_days(connection: StateConnection) -> dict[str, tuple[date, ...]]:
    """Return the days of each mart whose inputs differ from what it was built from, days without inputs included.

    A day of a mart of which the rows of core have expired is never stale: it is all that is left of them. A day of
    which an input is damaged stays as it was built.
    """
    kept_from = horizons(connection)
    rows = connection.execute("SELECT table_name, day_on FROM damaged_days").fetchall()
    damaged = {(str(name), day) for name, day in rows}
    differing = _days_that_differ(connection, kept_from)
    stale: dict[str, tuple[date, ...]] = {}
    for mart in DAY_MARTS:
        days = differing[mart.name].union(*(stale.get(name, ()) for name in day_inputs(mart)))
        stale[mart.name] = tuple(sorted(day for day in days if not _lacks_input(mart, day, damaged, stale)))
    return stale


def _days_that_differ(connection: StateConnection, kept_from: Mapping[str, date]) -> dict[str, set[date]]:
    """Return the days of each mart that came from other pieces than are listed: one statement for all marts."""
    parameters: dict[str, object] = {}
    for place, mart in enumerate(DAY_MARTS):
        parameters |= {
            f"mart_{place}": mart.name,
            f"sha256_{place}": mart.sql_sha256,
            f"inputs_{place}": day_inputs(mart),
            f"first_on_{place}": first_kept(kept_from, mart.inputs),
        }
    differing: dict[str, set[date]] = {mart.name: set() for mart in DAY_MARTS}
    for name, day in connection.execute(DAYS_THAT_DIFFER, parameters).fetchall():
        differing[name].add(day)
    return differing


def _lacks_input(mart: Mart, day: date, damaged: Collection[TableDay], stale: Mapping[str, Collection[date]]) -> bool:
    """Say whether an input of the day is damaged, and not a mart that is built again first."""
    return any((name, day) in damaged and day not in stale.get(name, ()) for name in day_inputs(mart))


def day_inputs(mart: Mart) -> list[str]:
    """Return the inputs that are kept by day; price cards never change and need no watching."""
    return [name for name in mart.inputs if name in DAY_TABLES]


def hash_inputs(mart: Mart, paths: Iterable[str]) -> str | None:
    """Return what mart_builds notes of a day that was built from some pieces; `stale_days` computes the same in SQL.

    None: it has no inputs.
    """
    ordered = sorted(paths)
    return hashlib.sha256("\n".join([mart.sql_sha256, *ordered]).encode()).hexdigest() if ordered else None


def note_built_as_listed(locked: StateConnection, mart: Mart, days: Collection[date] | None = None) -> None:
    """Note that days of a mart come from what is listed now, so that nothing builds them again; None: all its days."""
    among, listed = ("", []) if days is None else (" AND list_contains($4, day_on)", [sorted(days)])
    locked.execute(
        "INSERT INTO mart_builds (mart, day_on, inputs_sha256) "
        "SELECT CAST($1 AS VARCHAR), day_on, sha256($2 || string_agg(chr(10) || path, '' ORDER BY path)) "
        f"FROM manifest WHERE list_contains($3, table_name){among} GROUP BY day_on",
        [mart.name, mart.sql_sha256, day_inputs(mart), *listed],
    )
