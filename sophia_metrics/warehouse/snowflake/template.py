"""A statement as Snowflake takes it, but for its values: rendered once for all values of the same shapes.

What sqlglot does with a statement takes longer than its answer, and a run sends the same few hundred again and again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import polars as pl
from sqlglot import exp

from sophia_metrics import schema
from sophia_metrics.warehouse.snowflake.dialect import render
from sophia_metrics.warehouse.snowflake.shape import LONG, NULL, PLAIN, Shape
from sophia_metrics.warehouse.snowflake.statement import Statement

__all__ = ["FRAME", "MARK", "FrameRows", "ListRows", "Slot", "Template", "UnnestedRows", "template"]

MARK = "sophia_bound_"
FRAME = "sophia_frame_"
"""What stands for values and for frames, a number behind it: neither is seen by whoever renders the tree."""
TEMPLATES = 1024
TABLE_NAMES = frozenset(table.name for table in schema.TABLES)


@dataclass(frozen=True, slots=True)
class Slot:
    """Where a value comes from: a parameter, or a place in its list."""

    parameter: str
    place: int | None = None


@dataclass(frozen=True, slots=True)
class FrameRows:
    """The rows of a frame that the statement reads by its name."""

    name: str


@dataclass(frozen=True, slots=True)
class ListRows:
    """The items of a long list, as rows with one column, item."""

    parameter: str


@dataclass(frozen=True, slots=True)
class UnnestedRows:
    """Lists of the same length side by side, as rows: parameters and types by column."""

    parameters: tuple[tuple[str, str], ...]
    types: Mapping[str, pl.DataType]


@dataclass(frozen=True, slots=True)
class Template:
    """The text, with marks in the place of values and of frames, and where each of them comes from."""

    text: str
    slots: tuple[Slot, ...]
    rows: tuple[FrameRows | ListRows | UnnestedRows, ...]
    is_read: bool
    is_change: bool


@lru_cache(maxsize=TEMPLATES)
def template(statement: Statement, shapes: tuple[tuple[str, Shape], ...], frames: frozenset[str]) -> Template:
    """Render a statement for values of some shapes.

    Args:
        statement: what is said.
        shapes: the parameters by name, and what their values are like.
        frames: the names of what the statement may read as if it were a table.

    Raises:
        ValueError: a parameter has no value, or the statement does not have it; or the statement does not carry over.
    """
    marker = _Marker(dict(shapes), frames)
    tree = statement.tree().transform(marker.replace, copy=False)
    if isinstance(tree, exp.Insert):
        _name_columns(tree)
    marker.refuse_unused()
    return Template(
        render(tree),
        tuple(marker.slots),
        tuple(marker.rows),
        is_read=isinstance(tree, exp.Query),
        is_change=isinstance(tree, (exp.Insert, exp.Update, exp.Delete, exp.Merge)),
    )


class _Marker:
    """Puts marks in the place of parameters and frames, in the order in which they are met."""

    def __init__(self, shapes: Mapping[str, Shape], frames: frozenset[str]) -> None:
        self.slots: list[Slot] = []
        self.rows: list[FrameRows | ListRows | UnnestedRows] = []
        self._shapes = shapes
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
            return exp.true() if self._find(node.this) == NULL else exp.false()
        if isinstance(node, exp.Placeholder) and not node.name.startswith(MARK):
            return self._value(self._find(node), Slot(node.name))
        if isinstance(node, exp.Table) and not node.args.get("db") and node.name in self._frames:
            return self._relation(FrameRows(node.name), node.alias_or_name)
        return node

    def refuse_unused(self) -> None:
        """Refuse parameters that the statement does not have, as DuckDB does."""
        unused = sorted(self._shapes.keys() - self._used)
        if unused:
            raise ValueError(f"the statement has no parameter {', '.join(f'${name}' for name in unused)}")

    def _find(self, placeholder: exp.Placeholder) -> Shape:
        name = placeholder.name
        if name not in self._shapes:
            raise ValueError(f"the parameter ${name} has no value")
        self._used.add(name)
        return self._shapes[name]

    def _value(self, shape: Shape, slot: Slot) -> exp.Expr:
        """Return the expression that stands for a value."""
        if not isinstance(shape, str) or shape == LONG:
            raise ValueError(f"${slot.parameter} is a list: it stands in list_contains or in unnest only")
        if shape == NULL:
            return exp.null()
        self.slots.append(slot)
        mark = exp.Placeholder(this=f"{MARK}{len(self.slots) - 1}")
        return mark if shape == PLAIN else exp.cast(mark, shape, dialect="duckdb")

    def _membership(self, node: exp.ArrayContains) -> exp.Expr:
        """Return `column IN (…)` for list_contains($p, column)."""
        placeholder = cast("exp.Placeholder", node.this)
        shape, name = self._find(placeholder), placeholder.name
        if shape == NULL:
            return exp.null()
        column = node.expression.transform(self.replace, copy=False)
        if shape == LONG:
            listed = exp.select("item").from_(self._relation(ListRows(name), "listed"))
            return exp.In(this=column, query=exp.Subquery(this=listed))
        values = [self._value(each, Slot(name, place)) for place, each in enumerate(shape)]
        return exp.In(this=column, expressions=values) if values else exp.false()

    def _lists(self, lists: Mapping[str, tuple[exp.Placeholder, exp.DataType]]) -> exp.Expr:
        """Return a SELECT of the rows that lists of the same length are, for SELECT unnest($1), unnest($2)."""
        for each, _ in lists.values():
            self._find(each)
        rows = UnnestedRows(
            tuple((column, each.name) for column, (each, _) in lists.items()),
            {column: _POLARS_TYPES[kind.this] for column, (_, kind) in lists.items()},
        )
        return exp.select(*lists).from_(self._relation(rows, "unnested"))

    def _relation(self, rows: FrameRows | ListRows | UnnestedRows, alias: str) -> exp.Table:
        """Return a table that stands for rows."""
        self.rows.append(rows)
        return exp.to_table(f"{FRAME}{len(self.rows) - 1}", alias=alias)


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
