"""A small frame inside a statement: one bound JSON text, taken apart by Snowflake with a cast a column.

Everything travels as text, so that no digit of a decimal and no microsecond is lost; what is missing is null.
"""

import json
from collections.abc import Iterator

import polars as pl

from sophia_metrics.errors import ProcessingError

__all__ = ["inlined_texts", "relation_sql"]

TEXT_CHARACTERS = 1_000_000
"""About so much of a frame goes into one bound text."""
MAX_TEXTS = 16
"""Of one statement; what is larger is loaded from files."""
WHOLE_NUMBERS = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32)
INSTANT_FORMAT = "%Y-%m-%d %H:%M:%S%.6f"


def inlined_texts(name: str, frame: pl.DataFrame) -> list[str]:
    """Return the rows of a frame as JSON arrays, several where one would be long; none for no rows.

    Raises:
        ProcessingError: the frame is too large for a statement.
        ValueError: a column has a type that no table of ours has.
    """
    for kind in frame.dtypes:
        _type(kind)
    texts: list[str] = []
    parts: list[str] = []
    size = 0
    for row in _text_rows(frame):
        text = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
        if parts and size + len(text) > TEXT_CHARACTERS:
            texts.append(f"[{','.join(parts)}]")
            parts, size = [], 0
        parts.append(text)
        size += len(text)
        if len(texts) == MAX_TEXTS:
            raise ProcessingError(
                f"the frame {name} with {frame.height:,} rows is too large for one statement: load it from a file"
            )
    return [*texts, f"[{','.join(parts)}]"] if parts else texts


def relation_sql(frame: pl.DataFrame, placeholders: list[str]) -> str:
    """Return a SELECT of Snowflake that yields the rows of a frame, with a placeholder for each of its texts."""
    if not placeholders:
        columns = ", ".join(f"CAST(NULL AS {_type(kind)}) AS {name}" for name, kind in frame.schema.items())
        return f"SELECT {columns} WHERE FALSE"
    columns = ", ".join(
        f"CAST(CAST(inlined.value:{name} AS VARCHAR) AS {_type(kind)}) AS {name}" for name, kind in frame.schema.items()
    )
    return " UNION ALL ".join(
        f"SELECT {columns} FROM TABLE(FLATTEN(INPUT => PARSE_JSON({each}))) AS inlined" for each in placeholders
    )


def _text_rows(frame: pl.DataFrame) -> Iterator[dict[str, str]]:
    texts = frame.select(_as_text(name, kind) for name, kind in frame.schema.items())
    for row in texts.iter_rows(named=True):
        yield {name: value for name, value in row.items() if value is not None}


def _as_text(name: str, kind: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if isinstance(kind, pl.Datetime):
        return column.dt.strftime(INSTANT_FORMAT)
    return column.cast(pl.String)


def _type(kind: pl.DataType) -> str:
    """Return Snowflake's word for the type of a column of a frame."""
    if isinstance(kind, pl.Decimal):
        return f"DECIMAL(38, {kind.scale})"
    if isinstance(kind, pl.Datetime) and kind.time_zone is None:
        return "TIMESTAMP_NTZ"
    if isinstance(kind, (pl.String, pl.Null, pl.Enum, pl.Categorical)):
        return "VARCHAR"
    if isinstance(kind, WHOLE_NUMBERS):
        return "BIGINT"
    words: dict[type[pl.DataType], str] = {pl.Boolean: "BOOLEAN", pl.Date: "DATE", pl.Float64: "DOUBLE"}
    if type(kind) not in words:
        raise ValueError(f"a frame for Snowflake cannot have a column of type {kind}")
    return words[type(kind)]
