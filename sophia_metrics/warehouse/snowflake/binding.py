"""A statement of DuckDB's dialect with its parameters and frames, as Snowflake takes it: text with `?`, and values.

Every value is bound by the server, and none is ever written into the text. Decimals, days and instants travel as text
with a cast beside them.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import cast

import polars as pl
from sqlglot import exp

from sophia_metrics import schema
from sophia_metrics.warehouse.snowflake.dialect import parse, render
from sophia_metrics.warehouse.snowflake.inlined_frames import inlined_texts, relation_sql

__all__ = ["Bound", "Parameters", "Value", "bind"]

Value = str | int | bool
"""What is bound: all else is brought to text."""
Parameters = Sequence[object] | Mapping[str, object] | None

MARK = "sophia_bound_"
MARKS = re.compile(rf":{MARK}(\d+)\b")
FRAME = "sophia_frame_"
FRAMES = re.compile(rf"\b{FRAME}(\d+)\b")
"""What stands for values and for frames in the tree: neither is seen by whoever renders it."""
MAX_DIGITS = 38
MAX_BOUND_ITEMS = 500
"""A longer list is a frame: Snowflake takes no more than 16,384 items in one."""
TABLE_NAMES = frozenset(table.name for table in schema.TABLES)


@dataclass(frozen=True, slots=True)
class Bound:
    """A statement as it is sent. `is_change`: its answer is a number of rows."""

    sql: str
    values: tuple[Value, ...]
    is_read: bool
    is_change: bool


def bind(query: str, parameters: Parameters = None, frames: Mapping[str, pl.DataFrame] | None = None) -> Bound:
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
    binder = _Binder(_by_name(parameters), frames or {})
    tree = parse(query).copy()
    tree = tree.transform(binder.replace, copy=False)
    if isinstance(tree, exp.Insert):
        _name_columns(tree)
    binder.refuse_unused()
    ordered: list[Value] = []

    def take(mark: re.Match[str]) -> str:
        ordered.append(binder.values[int(mark[1])])
        return "?"

    text = FRAMES.sub(lambda mark: f"({binder.relations[int(mark[1])]})", render(tree))
    sql = MARKS.sub(take, text)
    return Bound(
        sql,
        tuple(ordered),
        is_read=isinstance(tree, exp.Query),
        is_change=isinstance(tree, (exp.Insert, exp.Update, exp.Delete, exp.Merge)),
    )


def _by_name(parameters: Parameters) -> dict[str, object]:
    if parameters is None:
        return {}
    if isinstance(parameters, Mapping):
        return dict(parameters)
    return {str(place): value for place, value in enumerate(parameters, start=1)}


class _Binder:
    """Takes the values of one statement, in the order in which they are met."""

    def __init__(self, parameters: Mapping[str, object], frames: Mapping[str, pl.DataFrame]) -> None:
        self.values: list[Value] = []
        self.relations: list[str] = []
        self._parameters = parameters
        self._frames = frames
        self._used: set[str] = set()

    def replace(self, node: exp.Expr) -> exp.Expr:
        """Return what stands instead of a node of the tree; a node without parameters and frames stays."""
        if isinstance(node, exp.ArrayContains) and isinstance(node.this, exp.Placeholder):
            return self._membership(node)
        if isinstance(node, exp.Select) and (lists := _unnested(node)):
            return self._lists(lists)
        if (
            isinstance(node, exp.Is)
            and isinstance(node.this, exp.Placeholder)
            and isinstance(node.expression, exp.Null)
        ):
            return exp.true() if self._find(node.this) is None else exp.false()
        if isinstance(node, exp.Placeholder) and not node.name.startswith(MARK):
            return self._value(self._find(node))
        if isinstance(node, exp.Table) and not node.args.get("db") and node.name in self._frames:
            return self._frame(node)
        return node

    def refuse_unused(self) -> None:
        """Refuse parameters that the statement does not have, as DuckDB does."""
        unused = sorted(self._parameters.keys() - self._used)
        if unused:
            raise ValueError(f"the statement has no parameter {', '.join(f'${name}' for name in unused)}")

    def _find(self, placeholder: exp.Placeholder) -> object:
        name = placeholder.name
        if name not in self._parameters:
            raise ValueError(f"the parameter ${name} has no value")
        self._used.add(name)
        return self._parameters[name]

    def _value(self, value: object) -> exp.Expr:
        """Return the expression that stands for a value."""
        if value is None:
            return exp.null()
        if isinstance(value, bool):
            return self._mark(value)
        if isinstance(value, int):
            return self._mark(int(value))
        if isinstance(value, str):
            return self._mark(str(value))
        text, kind = _text_and_type(value)
        return exp.cast(self._mark(text), kind, dialect="duckdb")

    def _mark(self, value: Value) -> exp.Placeholder:
        self.values.append(value)
        return exp.Placeholder(this=f"{MARK}{len(self.values) - 1}")

    def _membership(self, node: exp.ArrayContains) -> exp.Expr:
        """Return `column IN (…)` for list_contains($p, column)."""
        held = self._find(node.this)
        if held is None:
            return exp.null()
        column = node.expression.transform(self.replace, copy=False)
        items = list(cast("Sequence[object]", held))
        if len(items) > MAX_BOUND_ITEMS:
            listed = exp.select("item").from_(self._relation("list", pl.DataFrame({"item": items}), "listed"))
            return exp.In(this=column, query=exp.Subquery(this=listed))
        values = [self._value(each) for each in items]
        return exp.In(this=column, expressions=values) if values else exp.false()

    def _lists(self, lists: Mapping[str, tuple[exp.Placeholder, exp.DataType]]) -> exp.Expr:
        """Return a SELECT of the rows that lists of the same length are, for SELECT unnest($1), unnest($2)."""
        columns = {name: list(cast("Sequence[object]", self._find(each))) for name, (each, _) in lists.items()}
        types = {name: kind for name, (_, kind) in lists.items()}
        frame = pl.DataFrame(columns, schema={name: _POLARS_TYPES[kind.this] for name, kind in types.items()})
        return exp.select(*columns).from_(self._relation("unnest", frame, "unnested"))

    def _frame(self, table: exp.Table) -> exp.Expr:
        return self._relation(table.name, self._frames[table.name], table.alias_or_name)

    def _relation(self, name: str, frame: pl.DataFrame, alias: str) -> exp.Table:
        """Return a table that stands for a frame."""
        marks = [f":{self._mark(text).name}" for text in inlined_texts(name, frame)]
        self.relations.append(relation_sql(frame, marks))
        return exp.to_table(f"{FRAME}{len(self.relations) - 1}", alias=alias)


_POLARS_TYPES: Mapping[exp.DType, pl.DataType] = {
    exp.DType.TEXT: pl.String(),
    exp.DType.VARCHAR: pl.String(),
    exp.DType.DATE: pl.Date(),
    exp.DType.BIGINT: pl.Int64(),
    exp.DType.TIMESTAMP: pl.Datetime("us"),
}


def _unnested(select: exp.Select) -> dict[str, tuple[exp.Placeholder, exp.DataType]]:
    """Return the lists of a SELECT unnest($1::VARCHAR[]) AS name, … that reads nothing else; else nothing."""
    found: dict[str, tuple[exp.Placeholder, exp.DataType]] = {}
    for each in select.expressions:
        inner = each.this if isinstance(each, exp.Alias) else None
        held = inner.this if isinstance(inner, (exp.Explode, exp.Unnest)) else None
        if not (isinstance(held, exp.Cast) and isinstance(held.this, exp.Placeholder)):
            return {}
        found[each.alias] = (held.this, held.to.expressions[0])
    return found


def _text_and_type(value: object) -> tuple[str, str]:
    """Return the text of a value and the type to which it is cast."""
    if isinstance(value, datetime):
        if value.tzinfo is not None:
            raise ValueError("an instant is bound as naive UTC, and this one has a time zone")
        return value.isoformat(sep=" ", timespec="microseconds"), "TIMESTAMP"
    if isinstance(value, date):
        return value.isoformat(), "DATE"
    if isinstance(value, Decimal):
        return _decimal(value)
    if isinstance(value, float):
        return repr(value), "DOUBLE"
    raise ValueError(f"a value of type {type(value).__name__} cannot be bound")


def _decimal(value: Decimal) -> tuple[str, str]:
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int):
        raise ValueError("a decimal that is no number cannot be bound")  # noqa: TRY004 - its value is wrong
    scale = max(0, -exponent)
    text = f"{value:f}"
    if len(text.lstrip("-0.").replace(".", "")) > MAX_DIGITS or scale >= MAX_DIGITS:
        raise ValueError(f"a decimal of more than {MAX_DIGITS} digits cannot be bound")
    return text, f"DECIMAL({MAX_DIGITS}, {scale})"


def _name_columns(insert: exp.Insert) -> None:
    """Write the columns of an INSERT out: Snowflake knows no BY NAME, and its VALUES take no casts."""
    source = insert.expression
    if isinstance(source, exp.Values):
        rows = [exp.select(*each.expressions) for each in source.expressions]
        insert.set("expression", exp.union(*rows, distinct=False) if len(rows) > 1 else rows[0])
    target = insert.this
    if isinstance(target, exp.Table):
        names = _column_names(insert, target)
        if names:
            columns = [exp.to_identifier(name) for name in names]
            insert.set("this", exp.Schema(this=target, expressions=columns))
    insert.set("by_name", False)  # noqa: FBT003 - sqlglot's signature


def _column_names(insert: exp.Insert, target: exp.Table) -> Sequence[str]:
    if insert.args.get("by_name"):
        names = [str(each) for each in insert.expression.named_selects]
        if "*" in names:
            raise ValueError("INSERT … BY NAME needs its columns by name")
        return names
    return schema.table(target.name).names if target.name in TABLE_NAMES else ()
