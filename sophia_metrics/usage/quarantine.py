"""Quarantine: rejected rows, with the place where each stands and never with its content."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from sophia_metrics.errors import SophiaError
from sophia_metrics.schema import core
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.sources.file_source import SourceFile
from sophia_metrics.sources.growth import still_stands
from sophia_metrics.sources.records import Location, locate
from sophia_metrics.usage.landing import LandedFile, Landing
from sophia_metrics.usage.rules import ROW_RULES, UNIT_RULES

__all__ = ["quarantine_frame"]

KEPT_NAMES = ("provider", "model", "status")
KEPT_NUMBERS = (
    "started_at",
    "total_input_tokens",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "output_tokens",
    "reasoning_tokens",
    "request_count",
    "latency_ms",
    "cost_reported",
)
"""Values that explain a broken rule. Texts are kept only where they look like the name of a model: columns
may have slipped, and then a prompt or a person stands there."""

NAME_PATTERN = "[A-Za-z0-9][A-Za-z0-9._:/+-]{0,99}(@[0-9a-z-]{1,30})?"

RULES = {rule.name: rule for rule in (*ROW_RULES, *UNIT_RULES)}


def quarantine_frame(connection: duckdb.DuckDBPyConnection, landing: Landing, now: datetime) -> pl.DataFrame:
    """Return the rejected rows of a staged landing as rows of core_quarantine, one each.

    The source files are read once more to say where each row stands. Where a file's part that was landed has
    changed or gone since, its places are unknown: the number of the row in the file stands for its line.

    Args:
        connection: holds `mapped`; see staging.
        landing: the landed file.
        now: when the rows were found (naive UTC).
    """
    by_file: defaultdict[str, list[Sequence[Any]]] = defaultdict(list)
    for row in _rejected(connection):
        by_file[str(row[0])].append(row)
    files = {file.name: file for file in landing.files}
    records = [record for path, rows in by_file.items() for record in _records(landing, files[path], rows, now)]
    return pl.DataFrame(records, schema=polars_schema(core.QUARANTINE))


def _rejected(connection: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    """Return file_name, row_ordinal, rule, kept_values, values_sha256 of the rejected rows, in order.

    The hash of the values is the same wherever the row stands in a batch, and whenever it comes.
    """
    names = (f"{name} := CASE WHEN regexp_full_match({name}, '{NAME_PATTERN}') THEN {name} END" for name in KEPT_NAMES)
    numbers = (f"{name} := {name}" for name in KEPT_NUMBERS)
    return connection.execute(
        "SELECT file_name, row_ordinal, rule, "
        f"to_json(struct_pack({', '.join((*names, *numbers))})) AS kept_values, "
        """sha256(CAST(json_merge_patch(to_json(mapped), '{"row_ordinal": null, "has_expired": null}') AS VARCHAR)) """
        "FROM mapped WHERE rule IS NOT NULL AND NOT is_ignored ORDER BY row_ordinal"
    ).fetchall()


def _records(
    landing: Landing, file: LandedFile, rows: Sequence[Sequence[Any]], now: datetime
) -> Iterator[Mapping[str, Any]]:
    numbers = [int(row[1]) - file.first_ordinal for row in rows]
    places = _places(file, numbers)
    for number, (_, _, rule, kept_values, values_sha256) in zip(numbers, rows, strict=True):
        place = places.get(number, Location(file.line_start + number, None, None, None))
        content = place.sha256 or str(values_sha256)
        identity = "\x1f".join([landing.source, file.name, str(place.line_number), str(rule), content])
        yield {
            "quarantine_id": hashlib.sha256(identity.encode()).hexdigest()[:32],
            "found_on": now.date(),
            "source": landing.source,
            "attempt_id": landing.attempt_id,
            "rule": rule,
            "reason": RULES[rule].reason,
            "severity": RULES[rule].severity,
            "found_at": now,
            "file_name": file.name,
            "line_number": place.line_number,
            "byte_start": place.byte_start,
            "byte_end": place.byte_end,
            "content_sha256": content,
            "kept_values": kept_values,
        }


def _places(file: LandedFile, numbers: Sequence[int]) -> dict[int, Location]:
    """Return where the rows stand; nothing where what was landed of the file has changed or gone since."""
    try:
        if not _is_as_landed(file):
            return {}
        span = {"byte_start": file.byte_start, "byte_end": file.byte_end, "line_start": file.line_start}
        return locate(file.file, numbers, **span)
    except (SophiaError, OSError):
        return {}


def _is_as_landed(file: LandedFile) -> bool:
    """Whether what was landed of the file stands there still; a log may have grown, or been rotated."""
    seen = SourceFile.of(Path(file.path))
    if (seen.size_bytes, seen.modified_ns) == (file.size_bytes, file.modified_ns):
        return True
    return file.prefix_sha256 is not None and still_stands(Path(file.path), file.byte_end, file.prefix_sha256)
