"""A statement of DuckDB's dialect with its parameters and frames, as Snowflake takes it: text with `?`, and values.

Every value is bound by the server, and none is ever written into the text. Decimals, days and instants travel as text
with a cast beside them.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import polars as pl

from sophia_metrics.warehouse.snowflake.inlined_frames import inlined_texts, relation_sql
from sophia_metrics.warehouse.snowflake.shape import Value, shape_of, travelling
from sophia_metrics.warehouse.snowflake.statement import Statement
from sophia_metrics.warehouse.snowflake.template import (
    FRAME,
    MARK,
    FrameRows,
    ListRows,
    Slot,
    UnnestedRows,
    template,
)

__all__ = ["Bound", "Parameters", "bind"]

Parameters = Sequence[object] | Mapping[str, object] | None

FRAMES = re.compile(rf"\b{FRAME}(\d+)\b")
MARKS = re.compile(rf":{MARK}(\d+)\b")
STAGES = re.compile(r"\bsophia_stage_(\d+)\b")


@dataclass(frozen=True, slots=True)
class Bound:
    """A statement as it is sent. `is_change`: its answer is a number of rows."""

    sql: str
    values: tuple[Value, ...]
    is_read: bool
    is_change: bool


def bind(
    query: str | Statement, parameters: Parameters = None, frames: Mapping[str, pl.DataFrame] | None = None
) -> Bound:
    """Return a statement with its parameters and frames bound.

    Args:
        query: one statement of DuckDB's dialect, with `$1` or `$name` parameters.
        parameters: their values, by place or by name. A list stands in list_contains or in unnest only.
        frames: what the statement reads by name as if it were a table.

    Raises:
        ValueError: a parameter has no value, or a value is of a type that no column has; or the statement does not
            carry over.
        ProcessingError: a frame is too large for a statement.
    """
    given, known, stages = _by_name(parameters), frames or {}, list[str]()
    statement = (Statement(query) if isinstance(query, str) else query).numbered(stages)
    made = template(statement, tuple((name, shape_of(value)) for name, value in given.items()), frozenset(known))
    values = [_value(given, slot) for slot in made.slots]

    def rows(mark: re.Match[str]) -> str:
        name, frame = _frame(made.rows[int(mark[1])], given, known)
        texts = inlined_texts(name, frame)
        marks = [f":{MARK}{len(values) + place}" for place in range(len(texts))]
        values.extend(texts)
        return f"({relation_sql(frame, marks)})"

    text = FRAMES.sub(rows, made.text)
    ordered: list[Value] = []

    def take(mark: re.Match[str]) -> str:
        ordered.append(values[int(mark[1])])
        return "?"

    sql = STAGES.sub(lambda mark: stages[int(mark[1])], MARKS.sub(take, text))
    return Bound(sql, tuple(ordered), made.is_read, made.is_change)


def _by_name(parameters: Parameters) -> dict[str, object]:
    if parameters is None:
        return {}
    if isinstance(parameters, Mapping):
        return dict(parameters)
    return {str(place): value for place, value in enumerate(parameters, start=1)}


def _value(given: Mapping[str, object], slot: Slot) -> Value:
    held = given[slot.parameter]
    one = held if slot.place is None else cast("Sequence[object]", held)[slot.place]
    return cast("Value", travelling(one)[0])


def _frame(
    rows: FrameRows | ListRows | UnnestedRows, given: Mapping[str, object], frames: Mapping[str, pl.DataFrame]
) -> tuple[str, pl.DataFrame]:
    """Return the rows that stand in a statement, and what they are called in an error."""
    if isinstance(rows, FrameRows):
        return rows.name, frames[rows.name]
    if isinstance(rows, ListRows):
        return "list", pl.DataFrame({"item": list(cast("Sequence[object]", given[rows.parameter]))})
    columns = {column: list(cast("Sequence[object]", given[name])) for column, name in rows.parameters}
    return "unnest", pl.DataFrame(columns, schema=rows.types)
