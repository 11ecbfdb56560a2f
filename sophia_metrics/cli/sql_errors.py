"""From what DuckDB says of a statement to what a person can do about it."""

import difflib
import re
from collections.abc import Iterable

import duckdb

from sophia_metrics import schema
from sophia_metrics.schema.column import Storage

__all__ = ["explain", "near_names", "readable_tables"]

_NO_TABLE = re.compile(r"Table with name (?P<name>\S+) does not exist")
_NO_COLUMN = re.compile(r'(?:Referenced column|does not have a column named) "(?P<name>[^"]+)"')


def explain(error: duckdb.Error, query: str) -> str:
    """Return one message: what is wrong, and names that come near."""
    text = str(error)
    if found := _NO_TABLE.search(text):
        near = near_names(found["name"], [table.name for table in readable_tables()])
        return f"there is no table {found['name']}{_suggest(near)}; `sophia-metrics tables` lists all of them"
    if found := _NO_COLUMN.search(text):
        known = [table for table in schema.tables_in(query) if table in readable_tables()]
        near = near_names(found["name"], [name for table in known for name in table.names])
        lists = f"; `sophia-metrics tables {known[0].name}` lists the columns" if known else ""
        return f"there is no column {found['name']}{_suggest(near)}{lists}"
    return text.removeprefix("\n").strip()


def near_names(name: str, names: Iterable[str]) -> list[str]:
    """Return up to three names that look like one, or hold it, the nearest first."""
    known = list(dict.fromkeys(names))
    holding = [each for each in known if name.lower() in each.lower()]
    alike = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.6)
    return list(dict.fromkeys([*alike, *holding]))[:3]


def readable_tables() -> tuple[schema.Table, ...]:
    """Return the tables that a published version has."""
    return schema.stored(Storage.DAY_FILES, Storage.STATE, Storage.SERVING, Storage.VIEW)


def _suggest(near: list[str]) -> str:
    return f": did you mean {' or '.join(near)}?" if near else ""
