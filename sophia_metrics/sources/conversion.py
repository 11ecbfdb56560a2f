"""From what a file holds to the types of a format, without a silent null for a value of the wrong type."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import duckdb
from duckdb.sqltypes import DuckDBPyType

from sophia_metrics.quoting import identifier, json_path, literal
from sophia_metrics.sources.format import is_nested

__all__ = [
    "Converted",
    "absences",
    "from_json",
    "from_text",
    "from_typed",
    "has_twice",
    "is_wrong_json",
    "json_kinds",
    "json_value",
    "text_type",
]

_TEXT = "VARCHAR"
_NUMBERS = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "DOUBLE"})
"""Types of files that are numbers as they stand; what is no finite number meets a row rule."""


@dataclass(frozen=True, slots=True)
class Converted:
    """A value as SQL, and a predicate that is true where the file's value has the wrong type."""

    value: str
    is_wrong: str


def json_value(document: str, duckdb_type: str) -> str:
    """Return the JSON expression as the type; a missing key, and a value of another type, are null in it."""
    return f"json_transform({document}, {literal(json.dumps(duckdb_type))})"


def json_kinds(connection: duckdb.DuckDBPyConnection, document: str, duckdb_type: str) -> str:
    """Return the JSON types that the document has at the places that `is_wrong_json` looks at."""
    nodes = _nodes(connection.sqltype(duckdb_type), "", document, ())
    return f"json_type({document}, [{', '.join(literal(json_path(*node.keys)) for node in nodes)}])"


def is_wrong_json(
    connection: duckdb.DuckDBPyConnection, duckdb_type: str, *, document: str, value: str, kinds: str
) -> str:
    """Return a predicate: somewhere the document has a value, and it is of another type."""
    nodes = _nodes(connection.sqltype(duckdb_type), value, document, ())
    wrong = " OR ".join(node.wrong(f"{kinds}[{place}]") for place, node in enumerate(nodes, start=1))
    return f"coalesce({wrong or 'false'}, false)"


def has_twice(connection: duckdb.DuckDBPyConnection, duckdb_type: str, *, document: str) -> str:
    """Return a predicate: an object of the document has a key twice that is read."""
    objects = [
        (literal(json_path(*keys)), words)
        for keys, names in _objects(connection.sqltype(duckdb_type), ())
        if (words := ", ".join(map(literal, names)))
    ]
    keys = f"json_keys({document}, [{', '.join(path for path, _ in objects)}])"
    # Of all keys, quickly: most lines have none twice.
    has_any = f"len(flatten({keys})) <> len(flatten(list_transform({keys}, lambda each: list_distinct(each))))"
    found = [f"list_filter(json_keys({document}, {path}), lambda each: each IN ({words}))" for path, words in objects]
    is_read = " OR ".join(f"len({each}) <> len(list_distinct({each}))" for each in found)
    return f"(CASE WHEN {has_any} THEN coalesce({is_read}, false) ELSE false END)"


def text_type(connection: duckdb.DuckDBPyConnection, duckdb_type: str) -> str:
    """Return the type of the same shape with texts for values: there and back, in UTC, every value stays the same."""
    return _text_type(connection.sqltype(duckdb_type))


def absences(connection: duckdb.DuckDBPyConnection, value: str, duckdb_type: str) -> list[str]:
    """Return a predicate for each place in the type at which a value can be of the wrong type: there is none.

    What stands in the place of an object is of the wrong type wherever its fields are read.
    """
    return list(_absences(connection.sqltype(duckdb_type), value))


def _absences(kind: DuckDBPyType, value: str) -> Iterator[str]:
    if kind.id == "struct":
        for name, child in _children(kind):
            yield from _absences(child, f"({value}).{identifier(name)}")
    elif kind.id != "varchar":
        yield f"({value} IS NULL)"
        if kind.id in {"list", "map"} and _children(kind)[-1][1].id != "varchar":
            values = value if kind.id == "list" else f"map_values({value})"
            yield f"coalesce(len({values}) > list_count({values}), false)"


def _text_type(kind: DuckDBPyType) -> str:
    if kind.id == "struct":
        return f"STRUCT({', '.join(f'{identifier(name)} {_text_type(child)}' for name, child in _children(kind))})"
    if kind.id == "list":
        return f"{_text_type(_children(kind)[-1][1])}[]"
    if kind.id == "map":
        return f"MAP({_TEXT}, {_text_type(_children(kind)[-1][1])})"
    return _TEXT


def _objects(kind: DuckDBPyType, keys: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Yield the objects in a type by their keys from the root, each with the keys that are read in it."""
    if kind.id == "struct":
        yield keys, [name for name, _ in _children(kind)]
        for name, child in _children(kind):
            yield from _objects(child, (*keys, name))


def from_json(connection: duckdb.DuckDBPyConnection, document: str, duckdb_type: str) -> Converted:
    """Convert a JSON expression; a missing key is null, a value of another type is wrong."""
    value = json_value(document, duckdb_type)
    kinds = json_kinds(connection, document, duckdb_type)
    return Converted(value, is_wrong_json(connection, duckdb_type, document=document, value=value, kinds=kinds))


def from_text(connection: duckdb.DuckDBPyConnection, text: str, duckdb_type: str) -> Converted:
    """Convert a text cell; an empty one is null, nested values are JSON, and times without a zone are UTC."""
    cell = f"nullif({text}, '')"
    if duckdb_type == _TEXT:
        return Converted(cell, "false")
    if is_nested(duckdb_type):
        document = f"TRY_CAST({cell} AS JSON)"
        nested = from_json(connection, document, duckdb_type)
        return Converted(nested.value, f"({cell} IS NOT NULL AND {document} IS NULL OR {nested.is_wrong})")
    # Unlike a cast, json_transform reads a time without a zone as UTC whatever the session's time zone is.
    value = (
        f"json_transform(to_json({cell}), {literal(json.dumps(duckdb_type))})"
        if duckdb_type == "TIMESTAMPTZ"
        else f"TRY_CAST({cell} AS {duckdb_type})"
    )
    return Converted(value, f"({cell} IS NOT NULL AND {value} IS NULL)")


def from_typed(connection: duckdb.DuckDBPyConnection, value: str, found_type: str, duckdb_type: str) -> Converted:
    """Convert a column of a typed file, such as Parquet."""
    if found_type in {_TEXT, "JSON"}:
        return from_text(connection, f"CAST({value} AS VARCHAR)", duckdb_type)
    if duckdb_type == "TIMESTAMPTZ" and (found_type == "DATE" or found_type.startswith("TIMESTAMP")):
        return Converted(value if found_type == "TIMESTAMP WITH TIME ZONE" else _in_utc(value), "false")
    if duckdb_type == _TEXT and not is_nested(found_type):
        return Converted(f"CAST({value} AS VARCHAR)", "false")
    if duckdb_type == "DOUBLE" and found_type in _NUMBERS:
        return Converted(f"CAST({value} AS DOUBLE)", "false")
    if found_type == duckdb_type and not is_nested(found_type):
        return Converted(value, "false")
    return from_json(connection, f"to_json({value})", duckdb_type)


def _in_utc(value: str) -> str:
    return f"timezone('UTC', CAST({value} AS TIMESTAMP))"


@dataclass(frozen=True, slots=True)
class _Node:
    """One place in a nested type: its keys from the root, and when it is wrong, given its JSON type."""

    keys: tuple[str, ...]
    test: str

    def wrong(self, kind: str) -> str:
        return self.test.replace("$kind", kind)


def _nodes(kind: DuckDBPyType, value: str, document: str, keys: tuple[str, ...]) -> Iterator[_Node]:
    if kind.id == "struct":
        yield _Node(keys, "($kind NOT IN ('OBJECT', 'NULL'))")
        for name, child in _children(kind):
            yield from _nodes(child, f"({value}).{identifier(name)}", document, (*keys, name))
    elif kind.id in {"list", "map"}:
        yield _Node(keys, f"($kind NOT IN ({literal('ARRAY' if kind.id == 'list' else 'OBJECT')}, 'NULL'))")
        yield _Node(keys, f"({value} IS NULL AND $kind <> 'NULL')")
        element = _children(kind)[-1][1]
        if element.id != "varchar":
            values = value if kind.id == "list" else f"map_values({value})"
            inner = literal(json_path(*keys) + ("[*]" if kind.id == "list" else ".*"))
            nulls = f"len(list_filter(json_extract({document}, {inner}), lambda each: each = 'null'))"
            yield _Node(keys, f"(len(list_filter({values}, lambda each: each IS NULL)) > {nulls})")
    elif kind.id != "varchar":
        yield _Node(keys, f"({value} IS NULL AND $kind <> 'NULL')")


def _children(kind: DuckDBPyType) -> list[tuple[str, DuckDBPyType]]:
    return [(name, child) for name, child in kind.children if isinstance(child, DuckDBPyType)]
