"""Digits: where the two engines would compute another number from the same expression.

DuckDB and Snowflake agree on sums, and on whatever is a DOUBLE. They differ in how many decimals a product of decimals
keeps, in what the division and the mean of decimals are, in what a division by zero is, and in how a DOUBLE becomes a
whole number. What an operand is can be told from a cast, or from the vocabulary of names: an `_usd` is a decimal, a
`_tokens` a whole number, an `_ms` a DOUBLE.
"""

from collections.abc import Iterator
from typing import Any

from sqlglot import exp

from sophia_metrics.schema import Kind
from sophia_metrics.schema.names import kind_of_name
from sophia_metrics.warehouse.snowflake.rule import Rule

__all__ = ["DIGIT_RULES", "DOUBLE", "decimals_of"]

DOUBLE = -1
"""In the place of a number of decimals: it is a DOUBLE."""

_PRODUCT_DECIMALS = 12
_DECIMALS_OF_KIND = {Kind.COUNT: 0, Kind.QUANTITY: 6, Kind.MONEY: 18, Kind.RATE: 18, Kind.REAL: DOUBLE}
"""Of money on its way there may be 18 decimals: it is rounded to 12 once, at the end."""
_WHOLE = (exp.Count, exp.DateDiff, exp.Extract, exp.Length, exp.RowNumber, exp.Rank, exp.DenseRank)
_ROUNDING = (exp.Round, exp.Floor, exp.Ceil)
_MEANS = (exp.Avg, exp.VariancePop, exp.Variance, exp.Stddev, exp.StddevPop, exp.StddevSamp, exp.Median)
_ALWAYS_DOUBLE = (exp.Sqrt, exp.Exp, exp.Ln, exp.PercentileCont, *_MEANS)
_SAME_AS_INSIDE = (
    exp.Paren,
    exp.Neg,
    exp.Add,
    exp.Sub,
    exp.Abs,
    exp.Sum,
    exp.Min,
    exp.Max,
    exp.Coalesce,
    exp.Nullif,
    exp.Greatest,
    exp.Least,
    exp.Round,
    exp.Lag,
    exp.Lead,
)
_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg, exp.Paren)
_WHOLE_TYPES = (exp.DType.BIGINT, exp.DType.INT, exp.DType.SMALLINT)
_DECIMAL_TYPES = (exp.DType.DECIMAL,)


def decimals_of(node: exp.Expr) -> int | None:
    """Return how many decimals an expression has at most, or DOUBLE. None: that cannot be told from the text."""
    if isinstance(node, (exp.Literal, exp.Cast, exp.Column)):
        return _decimals_written(node)
    if isinstance(node, (exp.Mul, exp.Div)):
        return _decimals_of_result(node)
    if isinstance(node, _WHOLE):
        return 0
    return DOUBLE if isinstance(node, _ALWAYS_DOUBLE) else _widest(_parts(node))


def _decimals_written(node: exp.Literal | exp.Cast | exp.Column) -> int | None:
    if isinstance(node, exp.Cast):
        return _decimals_of_type(node.to)
    if isinstance(node, exp.Column):
        kind = kind_of_name(node.name.lower())
        return None if kind is None else _DECIMALS_OF_KIND.get(kind)
    return _decimals_of_literal(node)


def _decimals_of_result(node: exp.Mul | exp.Div) -> int | None:
    left, right = _both(node)
    if DOUBLE in {left, right}:
        return DOUBLE
    if isinstance(node, exp.Div) or left is None or right is None:
        return None
    return left + right


def _parts(node: exp.Expr) -> list[exp.Expr] | None:
    """Return the expressions that an expression takes its value from, and its type. None: it is another kind."""
    if isinstance(node, exp.Case):
        values = [each.args["true"] for each in node.args["ifs"]]
        default = node.args.get("default")
        return [*values, default] if default is not None else values
    if isinstance(node, (exp.Window, exp.WithinGroup)):
        return [node.this]
    if isinstance(node, (exp.Round, exp.Lag, exp.Lead)):
        return [node.this]
    return list(_operands(node)) if isinstance(node, _SAME_AS_INSIDE) else None


def _operands(node: exp.Expr) -> Iterator[exp.Expr]:
    for name in ("this", "expression"):
        if isinstance(node.args.get(name), exp.Expr):
            yield node.args[name]
    yield from node.args.get("expressions") or ()


def _widest(parts: list[exp.Expr] | None) -> int | None:
    known = [decimals_of(part) for part in parts or () if not isinstance(part, exp.Null)]
    if DOUBLE in known:
        return DOUBLE
    exact = [each for each in known if each is not None]
    return max(exact) if exact and len(exact) == len(known) else None


def _both(node: exp.Expr) -> tuple[int | None, int | None]:
    return decimals_of(node.args["this"]), decimals_of(node.args["expression"])


def _decimals_of_literal(node: exp.Literal) -> int | None:
    if node.is_string:
        return None
    if "e" in node.name.lower():
        return DOUBLE
    return len(node.name.partition(".")[2])


def _decimals_of_type(kind: Any) -> int | None:  # noqa: ANN401 - sqlglot does not say that it is a DataType
    if kind.this is exp.DType.DOUBLE:
        return DOUBLE
    if kind.this in _WHOLE_TYPES:
        return 0
    if kind.this in _DECIMAL_TYPES and len(kind.expressions) == 2:  # noqa: PLR2004 - precision and scale
        return int(kind.expressions[1].name)
    return None


def _is_typed(node: exp.Expr) -> bool:
    """Say whether a cast or a literal fixes the type of every operand."""
    if isinstance(node, (exp.Cast, exp.Literal)):
        return True
    return isinstance(node, _ARITHMETIC) and all(map(_is_typed, _operands(node)))


def _is_inside_cast(node: exp.Expr) -> bool:
    parent = node.parent
    while isinstance(parent, _ARITHMETIC):
        parent = parent.parent
    return isinstance(parent, exp.Cast)


def _is_shortened(product: exp.Expr) -> bool:
    left, right = _both(product)
    if DOUBLE in {left, right}:
        return False
    if left is None or right is None:
        return True
    return left + right > max(left, right, _PRODUCT_DECIMALS)


def _can_be_zero(node: exp.Expr) -> bool:
    """Say whether a divisor can be zero, as far as the text tells."""
    if isinstance(node, exp.Literal):
        return float(node.name) == 0
    if isinstance(node, exp.Nullif):
        return not (isinstance(node.expression, exp.Literal) and float(node.expression.name) == 0)
    if isinstance(node, (exp.Cast, exp.Paren)):
        return _can_be_zero(node.this)
    if isinstance(node, exp.Add):  # a sum of what is above zero
        return not all(isinstance(each, exp.Exp) or _is_positive(each) for each in _operands(node))
    return True


def _is_positive(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and float(node.name) > 0


def _is_rounded_to_even(cast: exp.Cast) -> bool:
    is_whole = cast.to.this in _WHOLE_TYPES
    return is_whole and decimals_of(cast.this) == DOUBLE and not isinstance(cast.this, _ROUNDING)


DIGIT_RULES: tuple[Rule, ...] = (
    Rule(
        "uncast product",
        (exp.Mul,),
        "the engines give a product other types: cast its factors, or all of it, to the type that is meant",
        lambda product: not (_is_typed(product) or _is_inside_cast(product)),
    ),
    Rule(
        "shortened product",
        (exp.Mul,),
        "Snowflake keeps max(12, decimals of either factor) decimals of a product, DuckDB all of them: cast one factor "
        "to as many decimals as the product has, or both to DOUBLE where digits do not matter",
        _is_shortened,
    ),
    Rule(
        "uncast division",
        (exp.Div,),
        "a division of decimals is a DOUBLE in DuckDB and a NUMBER in Snowflake: cast both sides to DOUBLE",
        lambda division: not _is_typed(division) or DOUBLE not in _both(division),
    ),
    Rule(
        "integer division",
        (exp.IntDiv,),
        "Snowflake has none: use FLOOR over a division of DOUBLEs",
    ),
    Rule(
        "division by zero",
        (exp.Div, exp.Mod),
        "it is null or infinite in DuckDB and an error in Snowflake: divide by NULLIF(…, 0)",
        lambda division: _can_be_zero(division.args["expression"]),
    ),
    Rule(
        "mean of decimals",
        _MEANS,
        "Snowflake computes means and variances of NUMBERs as NUMBERs: cast the argument to DOUBLE",
        lambda mean: decimals_of(mean.this) != DOUBLE,
    ),
    Rule(
        "percentile of decimals",
        (exp.WithinGroup,),
        "Snowflake interpolates between NUMBERs as NUMBERs: cast what it is ordered by to DOUBLE",
        lambda group: (
            isinstance(group.this, exp.PercentileCont)
            and any(decimals_of(each.this) != DOUBLE for each in group.expression.expressions)
        ),
    ),
    Rule(
        "rounding cast",
        (exp.Cast,),
        "a DOUBLE becomes a whole number by rounding half to even in DuckDB and half away from zero in Snowflake: "
        "cast ROUND(…), FLOOR(…) or CEIL(…) of it",
        _is_rounded_to_even,
    ),
)
