"""SELECTs over blocks of JSON lines: the keys of a format, and what is wrong with the row.

A strict scan runs at the engine's full speed and raises at the first bad line. The others never raise for a line.
"""

from collections.abc import Sequence

import duckdb

from sophia_metrics.quoting import file_pattern, identifier, literal
from sophia_metrics.sources.conversion import (
    absences,
    has_twice,
    is_wrong_json,
    json_kinds,
    text_type,
)
from sophia_metrics.sources.format import Format
from sophia_metrics.sources.lines import TOO_LONG
from sophia_metrics.sources.scans import DEFECT

__all__ = ["NO_TEXT", "absent_jsonl", "careful_jsonl", "judged_jsonl", "strict_jsonl"]

NO_TEXT = "no_text"

_TEXTS_READ = 3
_LINE, _RECORD, _KINDS = "__line", "__record", "__kinds"


def strict_jsonl(path: str, file_format: Format, *, defect_key: str | None = None) -> str:
    """Return a scan of JSONL; it raises for a malformed line, for a wrong type and for a key that is there twice.

    The defect of a line is what it says under `defect_key`. None: no line has a defect.
    """
    types = file_format.file_types
    defect = "CAST(NULL AS VARCHAR)"
    if defect_key is not None:
        types = {**types, defect_key: "VARCHAR"}
        defect = identifier(defect_key)
    return f"SELECT {_names(file_format.file_types)}, {defect} AS {DEFECT} FROM {_read(path, types)}"


def absent_jsonl(connection: duckdb.DuckDBPyConnection, path: str, file_format: Format) -> str:
    """Return a scan of JSONL: what is not there in each line, or is of the wrong type.

    There is a column for each place at which a type can be wrong, and NO_TEXT for a few of the texts, which can
    not: none of them is there. It costs half of what reading costs.
    """
    types = file_format.file_types
    places = {key: absences(connection, identifier(key), kind) for key, kind in types.items()}
    texts = [key for key in dict.fromkeys((*file_format.signature, *types)) if key in types and not places[key]]
    texts = texts[:_TEXTS_READ]
    read = {key: kind for key, kind in types.items() if places[key] or key in texts}
    absent = (each for key in read for each in places[key])
    columns = "".join(f"{each} AS absent_{place}, " for place, each in enumerate(absent))
    no_text = " AND ".join(f"{identifier(key)} IS NULL" for key in texts) or "true"
    return f"SELECT {columns}({no_text}) AS {NO_TEXT} FROM {_read(path, read, ignores_errors=True)}"


def judged_jsonl(
    connection: duckdb.DuckDBPyConnection, path: str, file_format: Format, *, defect_key: str, finds_twice: bool
) -> str:
    """Return a scan of the bad lines of JSONL: the number of each from 0, blank ones left out, and what may replace it.

    That is a good line with the values of the right type, as text, and the defect under `defect_key`.
    """
    rows = careful_jsonl(connection, path, file_format, finds_twice=finds_twice)
    values = ", ".join(
        f"{identifier(key)} := CAST({identifier(key)} AS {text_type(connection, kind)})"
        for key, kind in file_format.file_types.items()
    )
    return (
        f"SELECT place, to_json(struct_pack({identifier(defect_key)} := {DEFECT}, {values})) AS replacement "
        f"FROM (SELECT row_number() OVER () - 1 AS place, * FROM ({rows})) WHERE {DEFECT} IS NOT NULL"
    )


def careful_jsonl(connection: duckdb.DuckDBPyConnection, path: str, file_format: Format, *, finds_twice: bool) -> str:
    """Return a scan of JSONL whose defect is line_too_long, malformed_json or wrong_type for a bad line.

    The values are those of read_json, as in a strict scan: no function of JSON gives the same for every number.
    Whether a line has a key twice is slow to find.
    """
    types = file_format.file_types
    row = f"STRUCT({', '.join(f'{identifier(key)} {kind}' for key, kind in types.items())})"
    twice = has_twice(connection, row, document=_LINE)
    wrong = is_wrong_json(connection, row, document=_LINE, value=_RECORD, kinds=_KINDS)
    packed = ", ".join(f"{identifier(key)} := {identifier(key)}" for key in types)
    lines = f"read_json_objects({file_pattern(path)}, format = 'newline_delimited', ignore_errors = true)"
    return (
        f"SELECT {_names(types)}, CASE WHEN {_LINE} = {literal(TOO_LONG)} THEN 'line_too_long' "
        f"WHEN {_LINE} IS NULL OR json_type({_LINE}) NOT IN ('OBJECT', 'NULL') THEN 'malformed_json' "
        f"WHEN {twice if finds_twice else 'false'} THEN 'malformed_json' "
        f"WHEN {wrong} THEN CASE WHEN {twice} THEN 'malformed_json' ELSE 'wrong_type' END END AS {DEFECT} "
        f"FROM (SELECT {_names(types)}, {_LINE}, struct_pack({packed}) AS {_RECORD}, "
        f"{json_kinds(connection, _LINE, row)} AS {_KINDS} "
        f"FROM (SELECT {_names(types)} FROM {_read(path, types, ignores_errors=True)}) "
        f"POSITIONAL JOIN (SELECT json AS {_LINE} FROM {lines}))"
    )


def _names(types: Sequence[str] | dict[str, str]) -> str:
    return ", ".join(map(identifier, types))


def _read(path: str, types: dict[str, str], *, ignores_errors: bool = False) -> str:
    columns = ", ".join(f"{literal(key)}: {literal(kind)}" for key, kind in types.items())
    return (
        f"read_json({file_pattern(path)}, format = 'newline_delimited', records = true, "
        f"ignore_errors = {str(ignores_errors).lower()}, columns = {{{columns}}})"
    )
