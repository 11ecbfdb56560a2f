"""Files of a test, read and mapped the way that a batch is, without its other steps."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import polars as pl

from sophia_metrics.errors import SophiaError
from sophia_metrics.sources.blocks import BlockReader
from sophia_metrics.sources.file_source import SourceFile
from sophia_metrics.sources.format import Format
from sophia_metrics.sources.part import FilePart
from sophia_metrics.sources.reader import create_raw, read_block

at = datetime.fromisoformat
"""An instant of the warehouse: naive UTC."""

FIXTURES = Path(__file__).parent / "fixtures" / "sources"


def land(paths: Sequence[Path | str], file_format: Format) -> duckdb.DuckDBPyConnection:
    """Return a connection whose relation `landed` holds the files' rows; its session is far from UTC."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'Asia/Tokyo'")
    files = [Path(path) for path in dict.fromkeys(map(str, paths))]
    parts = [FilePart(SourceFile.of(each) if each.exists() else SourceFile(str(each), 0, 0), "one") for each in files]
    names: list[str] = []
    with TemporaryDirectory() as scratch:
        create_raw(connection, file_format)
        for block in BlockReader(connection, file_format, Path(scratch), _refuse).read(parts):
            for piece in read_block(connection, block, file_format, Path(scratch)):
                names += [piece.part.file.name] * piece.row_count
    connection.register("file_names", pl.DataFrame({"row_ordinal": range(len(names)), "file_name": names}))
    connection.execute(
        "CREATE TABLE landed AS SELECT row_ordinal, file_name, raw.* FROM raw "
        "INNER JOIN file_names ON file_names.row_ordinal = raw.rowid"
    )
    return connection


def _refuse(_part: FilePart, error: SophiaError) -> None:
    raise error


def rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    """Return the rows of a query, in its order, each by column name."""
    cursor = connection.execute(query)
    names = [str(column[0]) for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def mapped(paths: Sequence[Path | str], file_format: Format) -> list[dict[str, Any]]:
    """Return the mapped rows of the files, in file order."""
    return rows(land(paths, file_format), f"SELECT * FROM ({file_format.mapping}) ORDER BY row_ordinal")


def units(paths: Sequence[Path | str], file_format: Format) -> dict[tuple[int, str], float]:
    """Return the quantities of the files' billing units, by row and unit."""
    found = rows(land(paths, file_format), file_format.units or "SELECT 1 WHERE false")
    return {(row["row_ordinal"], row["unit"]): float(row["quantity"]) for row in found}


def defects(paths: Sequence[Path | str], file_format: Format) -> list[str | None]:
    """Return what the reader found wrong with each row, in file order."""
    connection = land(paths, file_format)
    return [row["defect"] for row in rows(connection, "SELECT defect FROM landed ORDER BY row_ordinal")]


def write_jsonl(path: Path, entries: Iterable[Mapping[str, Any]]) -> Path:
    """Write one JSON object a line."""
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")
    return path
