"""Functions, types and units that mean the same on both engines; every other one is refused.

sqlglot passes a function that it does not know through as it stands, and renders many that it knows by another one
that treats nulls, ties, time zones or empty texts differently. So this is a list of what may stand in a statement.
"""

from sqlglot import exp

from sophia_metrics.schema import Kind
from sophia_metrics.schema.names import kind_of_name
from sophia_metrics.warehouse.snowflake.digits import DOUBLE, decimals_of
from sophia_metrics.warehouse.snowflake.rule import Rule

__all__ = ["FUNCTION_RULES"]

_SAME: tuple[type[exp.Expr], ...] = (
    # Of rows together. They leave out nulls on both engines; of nothing they are null, and COUNT is 0.
    exp.Avg,
    exp.Count,
    exp.GroupConcat,  # carry_over makes of an empty one a null
    exp.LogicalAnd,
    exp.LogicalOr,
    exp.Max,
    exp.Min,
    exp.PercentileCont,
    exp.Stddev,
    exp.StddevPop,
    exp.StddevSamp,
    exp.Sum,
    exp.Variance,
    exp.VariancePop,
    # In a window. FIRST_VALUE and LAST_VALUE are not among them: their frame is another one where none is written.
    exp.DenseRank,
    exp.Lag,
    exp.Lead,
    exp.Rank,
    exp.RowNumber,
    # Of conditions and nulls. GREATEST and LEAST leave out nulls in DuckDB: sqlglot renders the ones that do so there.
    exp.And,
    exp.Case,
    exp.Cast,
    exp.Coalesce,
    exp.Exists,
    exp.Greatest,
    exp.If,
    exp.Least,
    exp.Nullif,
    exp.Or,
    # Of numbers.
    exp.Abs,
    exp.Ceil,
    exp.Exp,
    exp.Floor,
    exp.Ln,
    exp.Round,
    exp.Sqrt,
    # Of texts.
    exp.Chr,
    exp.Contains,
    exp.EndsWith,
    exp.Left,
    exp.Length,
    exp.Lower,
    exp.MD5,
    exp.Replace,
    exp.Right,
    exp.SHA2,
    exp.SplitPart,
    exp.StartsWith,
    exp.Substring,
    exp.Upper,
    # Of days and instants; the units are looked at below. Sessions have UTC days on both engines.
    exp.CurrentDate,
    exp.DateDiff,
    exp.DateTrunc,
    exp.Extract,
    exp.TimestampTrunc,
)
_TYPES = (
    exp.DType.BIGINT,
    exp.DType.BOOLEAN,
    exp.DType.DATE,
    exp.DType.DECIMAL,
    exp.DType.DOUBLE,
    exp.DType.INT,
    exp.DType.SMALLINT,
    exp.DType.TEXT,
    exp.DType.TIMESTAMP,
    exp.DType.TIMESTAMPNTZ,
    exp.DType.VARCHAR,
)
_TEXTS = (exp.DType.TEXT, exp.DType.VARCHAR)
_PARTS = frozenset({"YEAR", "QUARTER", "MONTH", "DAY", "HOUR", "MINUTE"})
_UNITS = frozenset({*_PARTS, "SECOND", "MILLISECOND", "MICROSECOND"})


def _unit(node: exp.Expr) -> str:
    unit = node.args.get("unit")
    return "DAY" if unit is None else str(unit.name).upper()


def _is_type(node: exp.Expr, *kinds: exp.DType) -> bool:
    return isinstance(node, exp.Cast) and node.to.this in kinds


def _is_date(node: exp.Expr) -> bool:
    if isinstance(node, exp.Column):
        return kind_of_name(node.name.lower()) is Kind.DATE
    return isinstance(node, exp.CurrentDate) or _is_type(node, exp.DType.DATE)


def _is_instant(node: exp.Expr) -> bool:
    if isinstance(node, exp.Column):
        return kind_of_name(node.name.lower()) is Kind.INSTANT
    return _is_type(node, exp.DType.TIMESTAMP, exp.DType.TIMESTAMPNTZ)


FUNCTION_RULES: tuple[Rule, ...] = (
    Rule(
        "unknown function",
        (exp.Func,),
        "it is not on the list of those that mean the same in Snowflake (warehouse/snowflake/functions.py): write it "
        "with those, or look it up and add it there",
        lambda function: not isinstance(function, _SAME),
    ),
    Rule(
        "type",
        (exp.DataType,),
        "use VARCHAR, BOOLEAN, DATE, TIMESTAMP, BIGINT, DOUBLE or DECIMAL(precision, scale): others are not the same "
        "in Snowflake, where a FLOAT has 8 bytes, for one",
        lambda kind: kind.this not in _TYPES,
    ),
    Rule(
        "cast that may fail",
        (exp.TryCast,),
        "Snowflake tries to cast texts only: cast where the value is known to be right",
    ),
    Rule(
        "text of a number or an instant",
        (exp.Cast,),
        "a DOUBLE and a TIMESTAMP have another text in Snowflake: cast to DECIMAL first, or leave texts to the reader",
        lambda cast: cast.to.this in _TEXTS and (decimals_of(cast.this) == DOUBLE or _is_instant(cast.this)),
    ),
    Rule(
        "unit of time",
        (exp.DateDiff, exp.DateTrunc, exp.TimestampTrunc),
        "a week begins on the day that a session of Snowflake says: use YEAR to MICROSECOND",
        lambda node: _unit(node) not in _UNITS,
    ),
    Rule(
        "part of an instant",
        (exp.Extract,),
        "the engines number weekdays and weeks differently, and one counts seconds into milliseconds: use YEAR to "
        "MINUTE, or DATE_DIFF('microsecond', …)",
        lambda extract: extract.name.upper() not in _PARTS,
    ),
    Rule(
        "day and interval",
        (exp.Add, exp.Sub),
        "a DATE and an INTERVAL make a TIMESTAMP in DuckDB, and a DATE in Snowflake: add a number of days, or cast the "
        "day to TIMESTAMP first",
        lambda node: isinstance(node.expression, exp.Interval) and _is_date(node.this),
    ),
    Rule(
        "truncated day",
        (exp.DateTrunc, exp.TimestampTrunc),
        "a DATE that is truncated is a TIMESTAMP in DuckDB, and a DATE in Snowflake: cast it to TIMESTAMP first",
        lambda node: _is_date(node.this),
    ),
    Rule(
        "difference of instants",
        (exp.Sub,),
        "Snowflake does not subtract instants: use DATE_DIFF('microsecond', earlier, later)",
        lambda node: _is_instant(node.this) and _is_instant(node.expression),
    ),
    Rule(
        "computed interval",
        (exp.Interval,),
        "Snowflake's intervals are literals: write INTERVAL '15' MINUTE",
        lambda interval: not isinstance(interval.this, exp.Literal),
    ),
)
