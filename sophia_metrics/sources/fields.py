"""Which fields the rows of a file have: a new one may be usage that nobody counts yet.

Only names are looked at, and only of top-level keys and of those below a format's `usage_fields`: deeper keys may be
what people wrote. JSON is looked at in samples, so that it costs next to nothing.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, cast

import duckdb
from duckdb.sqltypes import DuckDBPyType

from sophia_metrics.quoting import file_pattern
from sophia_metrics.sources.block import Block
from sophia_metrics.sources.file_kind import FileKind
from sophia_metrics.sources.format import Format
from sophia_metrics.sources.records import delimiter_of, header_line, split_cells

__all__ = ["Field", "fields_of"]

SAMPLED_LINES = 200
SAMPLED_FILES = 50
"""Of each block the first lines, and the first line of each of its first files."""

_MAX_SAMPLE_BYTES = 1 << 20
_MAX_DEPTH = 4
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_\-]{0,63}")
_TYPES = {bool: "boolean", int: "number", float: "number", str: "string", list: "array", dict: "object"}


@dataclass(frozen=True, slots=True, order=True)
class Field:
    """A key or column that a file has.

    Attributes:
        name: its name; a nested one as a dotted path.
        found_type: string, number, boolean, object or array; of a typed file the type that it says.
        is_read: the format reads it.
    """

    name: str
    found_type: str
    is_read: bool


def fields_of(connection: duckdb.DuckDBPyConnection, block: Block, file_format: Format) -> frozenset[Field]:
    """Return the fields of a block's rows; of JSON those of a sample."""
    if block.kind is FileKind.PARQUET:
        source = f"read_parquet({file_pattern(block.path)}, hive_partitioning = false)"
        found = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        pairs = ((str(row[0]), str(row[1]).lower()) for row in found)
    elif block.kind is FileKind.CSV:
        with Path(block.path).open("rb") as file:
            header = header_line(file.read(_MAX_SAMPLE_BYTES))
        cells = split_cells(header, delimiter_of(header)) or []
        pairs = ((cell.decode("utf-8", "replace"), "string") for cell in cells)
    else:
        pairs = (pair for row in _sample(block) for pair in _fields(row, file_format.usage_fields))
    known = set(_read_names(connection, file_format))
    return frozenset(
        Field(name, kind, _is_read(name, known)) for name, kind in pairs if all(map(_NAME.fullmatch, name.split(".")))
    )


def _sample(block: Block) -> Iterator[Mapping[str, Any]]:
    with Path(block.path).open("rb") as lines:
        yield from _objects(islice(lines, SAMPLED_LINES))
        for start in block.ends[: SAMPLED_FILES - 1]:
            lines.seek(start)
            yield from _objects(iter([lines.readline(_MAX_SAMPLE_BYTES)]))


def _objects(lines: Iterator[bytes]) -> Iterator[Mapping[str, Any]]:
    for line in lines:
        if len(line) >= _MAX_SAMPLE_BYTES:
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):  # a bad line is found when the block is read
            continue
        if isinstance(row, dict):
            yield cast("dict[str, Any]", row)


def _fields(row: Mapping[str, Any], usage_fields: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for key, value in row.items():
        if value is not None:
            yield key, _TYPES[type(value)]
    for path in usage_fields:
        value: Any = row
        for key in path.split("."):
            value = cast("Mapping[str, Any]", value).get(key) if isinstance(value, dict) else None
        yield from _nested(path, value, _MAX_DEPTH)


def _nested(path: str, value: object, depth: int) -> Iterator[tuple[str, str]]:
    if not isinstance(value, dict) or not depth:
        return
    for key, child in cast("dict[str, Any]", value).items():
        if child is not None:
            yield f"{path}.{key}", _TYPES[type(child)]
            yield from _nested(f"{path}.{key}", child, depth - 1)


def _read_names(connection: duckdb.DuckDBPyConnection, file_format: Format) -> Iterator[str]:
    for key, kind in file_format.file_types.items():
        yield from _names(key, connection.sqltype(kind))


def _names(name: str, kind: DuckDBPyType) -> Iterator[str]:
    """Yield the paths that a type reads; all keys of a map are read."""
    yield name
    if kind.id == "map":
        yield f"{name}.*"
    elif kind.id == "struct":
        for key, child in kind.children:
            if isinstance(child, DuckDBPyType):
                yield from _names(f"{name}.{key}", child)


def _is_read(name: str, known: set[str]) -> bool:
    return name in known or f"{name.rpartition('.')[0]}.*" in known
