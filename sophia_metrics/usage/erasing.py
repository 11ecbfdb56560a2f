"""Erasing people from landed rows: before they are written, and from landed files that are there already.

A row keeps its place, its counts and its money. It loses the identifiers, and keeps the hashes by which it is known: a
rebuild, or the same source file read once more, gives the same events.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl

from sophia_metrics.durable import place_file, sync_folder
from sophia_metrics.quoting import identifier, literal
from sophia_metrics.sources.format import Format
from sophia_metrics.usage.landing import FOOTER_KEY, Landing
from sophia_metrics.usage.quarantine import ROW_SHA256
from sophia_metrics.usage.staging import KEPT_COLUMNS, WITH_KEPT, create_landed, create_mapped, values_sha256
from sophia_metrics.usage.tombstones import FORGOTTEN, Tombstones

__all__ = ["count_landed", "erase_landed", "tag_texts", "without_forgotten", "write_landed"]

PEOPLE = "getvariable('forgotten_people')"
EVERYONE = "getvariable('forgotten_values')"


def erase_landed(
    connection: duckdb.DuckDBPyConnection, landing: Landing, file_format: Format, tombstones: Tombstones
) -> bool:
    """Write a landed file anew, under its name and with its footer, without who was forgotten; say whether it was.

    A file in which nobody is who was forgotten stays as it is.
    """
    there = f"SELECT * FROM read_parquet({literal(str(landing.path))})"
    rows = without_forgotten(connection, there, file_format, landing.source, landing.landed_at, tombstones)
    if rows is None:
        return False
    footer = pl.read_parquet_metadata(landing.path)[FOOTER_KEY]
    place_file(landing.path, lambda temporary: write_landed(connection, rows, footer, temporary))
    sync_folder(landing.path.parent)
    return True


def count_landed(
    connection: duckdb.DuckDBPyConnection, landing: Landing, file_format: Format, tombstones: Tombstones
) -> int:
    """Return in how many rows of a landed file somebody is who was forgotten, or is to be."""
    there = f"SELECT * FROM read_parquet({literal(str(landing.path))})"
    if without_forgotten(connection, there, file_format, landing.source, landing.landed_at, tombstones) is None:
        return 0
    row = connection.execute("SELECT count(*) FROM met_rows").fetchall()
    return int(row[0][0])


def write_landed(connection: duckdb.DuckDBPyConnection, rows: str, footer: str, path: Path) -> None:
    """Write rows as a landed file with its footer."""
    connection.execute(
        f"COPY ({rows}) TO {literal(str(path))} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, "
        f"KV_METADATA {{{FOOTER_KEY}: {literal(footer)}}})"
    )


def without_forgotten(
    connection: duckdb.DuckDBPyConnection,
    rows: str,
    file_format: Format,
    source: str,
    now: datetime,
    tombstones: Tombstones,
) -> str | None:
    """Return a SELECT of landed rows without who was forgotten. None: nobody is in them.

    Args:
        connection: a working connection; it holds the rows until it is asked again.
        rows: a SELECT of landed rows: row_ordinal, file_name, defect and the format's columns.
        file_format: their format.
        source: the name of their source.
        now: the present (naive UTC).
        tombstones: who was forgotten.
    """
    if not len(tombstones):
        return None
    columns = {str(row[0]): str(row[1]) for row in connection.execute(f"DESCRIBE {rows}").fetchall()}
    identifiers = [name for name in file_format.identity_columns if name in columns]
    naming = [path for path in file_format.naming if path.partition(".")[0] in columns]
    tagging = [name for name in file_format.tagging if name in columns]
    if not tombstones.mark(connection, _texts(rows, columns, identifiers, naming, tagging)):
        return None
    connection.execute(f"CREATE OR REPLACE TABLE unclean AS {rows}")
    create_landed(connection, "SELECT * FROM unclean", file_format)
    _create_met_rows(connection, file_format, source, now, _meets(columns, identifiers, naming, tagging))
    cleaned = {
        **{name: _identifier(name) for name in identifiers},
        **dict(_named(path) for path in naming),
        **{name: _tags(name, columns[name]) for name in tagging},
        **{name: f"met_rows.{name}" for name in KEPT_COLUMNS},
    }
    selected = ", ".join(
        f"{cleaned.get(name, f'unclean.{identifier(name)}')} AS {identifier(name)}"
        for name in dict.fromkeys([*columns, *KEPT_COLUMNS])
    )
    return (
        f"SELECT {selected} FROM unclean LEFT JOIN met_rows ON met_rows.met_ordinal = unclean.row_ordinal "
        "ORDER BY unclean.row_ordinal"
    )


def _create_met_rows(
    connection: duckdb.DuckDBPyConnection, file_format: Format, source: str, now: datetime, meets: str
) -> None:
    """Create `met_rows`: the rows in which somebody is who was forgotten, and what is kept of each.

    `is_forgotten`: the row is theirs; `is_free`: it names nobody else. A row that was met before keeps what it kept.
    """
    try:
        names = create_mapped(connection, file_format, source, now)
    except duckdb.BinderException:  # it was landed for a mapping of then, which no rebuild can read any more
        connection.execute(
            "CREATE OR REPLACE TABLE met_rows AS SELECT row_ordinal AS met_ordinal, true AS is_forgotten, "
            "true AS is_free, CAST(NULL AS VARCHAR) AS met_key, CAST(NULL AS VARCHAR) AS kept_values_sha256, "
            f"CAST(NULL AS VARCHAR) AS kept_row_sha256 FROM unclean WHERE {meets}"
        )
        return
    theirs = (
        f"coalesce(kept.is_forgotten OR list_contains({PEOPLE}, user_hash) OR user_hash IS NULL AND "
        f"(coalesce(list_contains({EVERYONE}, session_id), false) "
        f"OR coalesce(list_contains({EVERYONE}, api_key_id), false)), false)"
    )
    connection.execute(
        "CREATE OR REPLACE TABLE met_rows AS "
        f"SELECT mapped.row_ordinal AS met_ordinal, {theirs} AS is_forgotten, "
        f"{theirs} OR user_hash IS NULL AS is_free, api_key_id AS met_key, "
        f"{values_sha256(names)} AS kept_values_sha256, "
        f"coalesce(kept.kept_row_sha256, {ROW_SHA256}) AS kept_row_sha256 FROM mapped {WITH_KEPT} "
        f"WHERE kept.row_ordinal IS NOT NULL OR {theirs} "
        f"OR mapped.row_ordinal IN (SELECT row_ordinal FROM unclean WHERE {meets})"
    )


def _texts(
    rows: str,
    columns: dict[str, str],
    identifiers: Sequence[str],
    naming: Sequence[str],
    tagging: Sequence[str],
) -> str:
    """Return a SELECT of every text of the rows by which a person may be known."""
    values = [*(identifier(name) for name in identifiers), *(_path(path) for path in naming)]
    values += [f"unnest({_tag_texts(name, columns[name])})" for name in tagging]
    return " UNION ALL ".join(f"SELECT {value} FROM ({rows})" for value in values) or "SELECT '' WHERE false"


def _meets(columns: dict[str, str], identifiers: Sequence[str], naming: Sequence[str], tagging: Sequence[str]) -> str:
    found = [
        *(f"list_contains({EVERYONE}, unclean.{identifier(name)})" for name in identifiers),
        *(f"list_contains({PEOPLE}, unclean.{_path(path)})" for path in naming),
        *(f"list_has_any({PEOPLE}, {_tag_texts(name, columns[name], 'unclean.')})" for name in tagging),
    ]
    return " OR ".join(f"coalesce({each}, false)" for each in found)


def _identifier(name: str) -> str:
    """An identifier goes where its row is theirs; there a key stays that others have too."""
    value = f"unclean.{identifier(name)}"
    return (
        f"CASE WHEN list_contains({PEOPLE}, {value}) "
        f"OR met_rows.is_free AND list_contains({EVERYONE}, {value}) "
        f"OR met_rows.is_forgotten AND {value} IS DISTINCT FROM met_rows.met_key THEN NULL ELSE {value} END"
    )


def _named(path: str) -> tuple[str, str]:
    """A text that names them is replaced, unless the row is somebody else's."""
    column, _, field = path.partition(".")
    value = f"unclean.{_path(path)}"
    condition = f"CASE WHEN met_rows.is_free AND list_contains({PEOPLE}, {value})"
    whole = f"unclean.{identifier(column)}"
    if not field:
        return column, f"{condition} THEN '{FORGOTTEN}' ELSE {value} END"
    return column, f"{condition} THEN struct_update({whole}, {identifier(field)} := '{FORGOTTEN}') ELSE {whole} END"


def _tags(name: str, duckdb_type: str) -> str:
    value = f"unclean.{identifier(name)}"
    if duckdb_type.endswith("[]"):
        return f"list_filter({value}, lambda tag: NOT coalesce(list_has_any({PEOPLE}, {tag_texts('tag')}), false))"
    if duckdb_type.startswith("MAP"):
        return (
            f"map_from_entries(list_filter(map_entries({value}), lambda tag: NOT coalesce(list_has_any({PEOPLE}, "
            f"list_append({tag_texts('tag.key')}, tag.value)), false)))"
        )
    return f"CASE WHEN list_contains({PEOPLE}, {value}) THEN NULL ELSE {value} END"


def _tag_texts(name: str, duckdb_type: str, of: str = "") -> str:
    value = f"{of}{identifier(name)}"
    if duckdb_type.endswith("[]"):
        return f"flatten(list_transform({value}, lambda tag: {tag_texts('tag')}))"
    if duckdb_type.startswith("MAP"):
        texts = f"list_append({tag_texts('tag.key')}, tag.value)"
        return f"flatten(list_transform(map_entries({value}), lambda tag: {texts}))"
    return f"[{value}]"


def tag_texts(tag: str) -> str:
    """Return the texts of a tag as a list: all of it, and what stands before and after its colon."""
    return f"[{tag}, trim(split_part({tag}, ':', 1)), trim(substr({tag}, strpos({tag}, ':') + 1))]"


def _path(path: str) -> str:
    return ".".join(identifier(part) for part in path.split("."))
