"""Quarantine: rejected rows, with the place where each stands and never with its content."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import duckdb
import polars as pl

from sophia_metrics.schema import core
from sophia_metrics.schema.ddl import polars_schema
from sophia_metrics.sources.records import Location, locate
from sophia_metrics.usage.landing import LandedFile, Landing
from sophia_metrics.usage.rules import ROW_RULES

__all__ = ["quarantine_frame"]

KEPT_COLUMNS = (
    "started_at",
    "provider",
    "model",
    "status",
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
"""Values that explain a broken rule; none of them can hold a prompt or a person."""

RULES = {rule.name: rule for rule in ROW_RULES}


def quarantine_frame(connection: duckdb.DuckDBPyConnection, landing: Landing, now: Any) -> pl.DataFrame:
    """Return the rejected rows of a staged landing as rows of core_quarantine.

    The source files are read once more to say where each row stands; a file that has changed or gone
    since it was landed leaves the place unknown, and the row number stands for it.

    Args:
        connection: holds `mapped`; see staging.
        landing: the landed file.
        now: when the rows were found (naive UTC).
    """
    kept = ", ".join(f"{name} := {name}" for name in KEPT_COLUMNS)
    rows = connection.execute(
        f"SELECT file_name, row_ordinal, rule, to_json(struct_pack({kept})) AS kept_values, "
        "sha256(CAST(to_json(mapped) AS VARCHAR)) AS values_sha256 "
        "FROM mapped WHERE rule IS NOT NULL AND NOT is_ignored ORDER BY row_ordinal"
    ).fetchall()
    by_file: defaultdict[str, list[Sequence[Any]]] = defaultdict(list)
    for row in rows:
        by_file[str(row[0])].append(row)
    files = {file.path: file for file in landing.files}
    records = [
        record for path, found in by_file.items() for record in _records(landing, files[path], found, now)
    ]
    return pl.DataFrame(records, schema=polars_schema(core.QUARANTINE)).unique("quarantine_id", maintain_order=True)


def _records(
    landing: Landing, file: LandedFile, rows: Sequence[Sequence[Any]], now: Any
) -> Iterator[Mapping[str, Any]]:
    numbers = [int(row[1]) - file.first_ordinal for row in rows]
    places = _places(file, numbers)
    for number, (_, _, rule, kept_values, values_sha256) in zip(numbers, rows, strict=True):
        place = places.get(number, Location(number + 1, None, None, None))
        content = place.sha256 or str(values_sha256)
        identity = "\x1f".join([landing.source, file.path, str(place.line_number), str(rule), content])
        yield {
            "quarantine_id": hashlib.sha256(identity.encode()).hexdigest()[:32],
            "found_on": now.date(),
            "source": landing.source,
            "attempt_id": landing.attempt_id,
            "rule": rule,
            "reason": RULES[rule].reason,
            "severity": RULES[rule].severity,
            "found_at": now,
            "file_name": file.path,
            "line_number": place.line_number,
            "byte_start": place.byte_start,
            "byte_end": place.byte_end,
            "content_sha256": content,
            "kept_values": kept_values,
        }


def _places(file: LandedFile, numbers: Sequence[int]) -> dict[int, Location]:
    try:
        return locate(file.path, numbers)
    except OSError:
        return {}
