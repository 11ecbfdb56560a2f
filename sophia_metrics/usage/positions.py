"""File positions: how far each file of a source has been read."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict

import polars as pl

from sophia_metrics.schema import state
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.sources.growth import Position
from sophia_metrics.sources.part import FilePart
from sophia_metrics.usage.landing import Landing
from sophia_metrics.warehouse.protocol import Query, Warehouse

__all__ = ["forgotten_positions", "known_positions", "position_frame", "superseded_rows", "touched_positions"]


UNKNOWN = -1
COUNTS = ("row_count", "accepted_count", "quarantined_count", "duplicate_count", "ignored_count")


def known_positions(warehouse: Warehouse, source: str) -> Mapping[str, Position]:
    """Return the positions of a source's files, by the names that the ledger has for them."""
    query = Query(
        "SELECT file_name, reading_id, size_bytes, modified_ns, byte_end, line_end, prefix_sha256 "
        "FROM file_positions WHERE source = $source",
        {"source": source},
    )
    return {str(name): Position(*rest) for name, *rest in warehouse.read(query).iter_rows()}


def position_frame(landing: Landing) -> pl.DataFrame:
    """Return the positions after a landing, as rows of file_positions.

    A file with which the next landed file goes on is looked at again, should that one be lost.
    """
    rows = [
        {
            "source": landing.source,
            "file_name": file.name,
            "reading_id": file.reading_id,
            "size_bytes": file.size_bytes if file.is_last else UNKNOWN,
            "modified_ns": file.modified_ns if file.is_last else UNKNOWN,
            "byte_end": file.byte_end,
            "line_end": file.line_end,
            "prefix_sha256": file.prefix_sha256,
        }
        for file in landing.files
    ]
    return pl.DataFrame(rows, schema=polars_schema(state.FILE_POSITIONS))


def superseded_rows(landing: Landing) -> pl.DataFrame:
    """Return the rows of core_ingest_ledger of a landed file that is given up before it was ever judged."""
    rows = [
        {
            "source": landing.source,
            "attempt_id": landing.attempt_id,
            "status": "superseded",
            "file_name": file.name,
            "byte_start": file.byte_start,
            "byte_end": file.byte_end,
            "line_start": file.line_start,
            "reading_id": file.reading_id,
            "modified_ns": file.modified_ns,
            **dict.fromkeys(COUNTS, 0),
            "content_sha256": file.content_sha256,
            "finished_at": landing.landed_at,
        }
        for file in landing.files
    ]
    return pl.DataFrame(rows, schema=polars_schema(state.INGEST_LEDGER))


def touched_positions(source: str, parts: Iterable[FilePart], known: Mapping[str, Position]) -> pl.DataFrame:
    """Return rows of file_positions for files that hold what they held, and are only dated anew."""
    rows = [
        {
            "source": source,
            "file_name": part.file.name,
            **asdict(known[part.file.name]),
            "size_bytes": part.file.size_bytes,
            "modified_ns": part.file.modified_ns,
        }
        for part in parts
    ]
    return pl.DataFrame(rows, schema=polars_schema(state.FILE_POSITIONS))


def forgotten_positions(landings: Iterable[Landing]) -> pl.DataFrame:
    """Return rows of file_positions after which the files of these landings are read again from their start."""
    rows = [
        {
            "source": landing.source,
            "file_name": name,
            "reading_id": landing.attempt_id,
            "size_bytes": UNKNOWN,
            "modified_ns": UNKNOWN,
            "byte_end": 0,
            "line_end": 1,
        }
        for landing in landings
        for name in {file.name for file in landing.files}
    ]
    by_file = {(row["source"], row["file_name"]): row for row in rows}
    return pl.DataFrame(list(by_file.values()), schema=polars_schema(state.FILE_POSITIONS))
