"""From the text of a mapped column to its value, as SQL that is null where the text does not convert."""

from sophia_metrics.quoting import literal
from sophia_metrics.schema.column import Kind
from sophia_metrics.sources.column_mapping import ColumnRule

__all__ = ["quantity_value", "rule_value"]

_EPOCH_MICROSECONDS = {"epoch_seconds": 1_000_000, "epoch_ms": 1_000, "epoch_us": 1}
_MILLISECONDS = {None: "1", "seconds": "1000", "microseconds": "0.001"}
_ZONED = r":\d\d.*(Z|z|[+-]\d\d(:?\d\d)?)\s*$"
"""A time that tells its zone; the colon keeps a date's own hyphens out."""


def rule_value(cell: str, rule: ColumnRule, kind: Kind) -> str:
    """Return the value of a rule that names a column, over `cell`, a text expression."""
    match kind:
        case Kind.INSTANT:
            return _instant(cell, rule)
        case Kind.BOOLEAN:
            return f"TRY_CAST({cell} AS BOOLEAN)"
        case Kind.COUNT:
            return _count(_number(cell, 1000 if rule.unit == "thousands" else 1))
        case Kind.MONEY:
            return _cents(cell) if rule.unit == "cents" else _decimal(cell, 12)
        case Kind.REAL:
            return f"(TRY_CAST({cell} AS DOUBLE) * {_MILLISECONDS[rule.unit]})"
        case _:
            return _text(cell, rule.values or {})


def quantity_value(cell: str) -> str:
    """Return a quantity of a billing unit."""
    return _decimal(cell, 6)


def _text(cell: str, values: dict[str, str]) -> str:
    if not values:
        return cell
    cases = " ".join(f"WHEN {literal(key)} THEN {literal(value)}" for key, value in values.items())
    return f"CASE {cell} {cases} ELSE {cell} END"


def _decimal(cell: str, scale: int) -> str:
    return f"TRY_CAST({cell} AS DECIMAL(38,{scale}))"


def _number(cell: str, factor: int) -> str:
    return f"TRY(CAST({_decimal(cell, 6)} * {factor} AS DECIMAL(38,6)))"


def _cents(cell: str) -> str:
    """Dividing would leave the decimals; a hundredth of a decimal is one."""
    cents = f"TRY_CAST({cell} AS DECIMAL(36,12))"
    return f"TRY(CAST({cents} * CAST(0.01 AS DECIMAL(2,2)) AS DECIMAL(38,12)))"


def _count(number: str) -> str:
    """Only a whole number counts things: a cast alone would round 12.7 silently."""
    return f"TRY(CASE WHEN {number} = trunc({number}) THEN CAST({number} AS BIGINT) END)"


def _instant(cell: str, rule: ColumnRule) -> str:
    time = rule.time or "iso"
    if time in _EPOCH_MICROSECONDS:
        return f"TRY(make_timestamp({_microseconds(cell, _EPOCH_MICROSECONDS[time])}))"
    if time == "relative_seconds":
        origin = f"epoch_us(TIMESTAMP {literal(str(rule.origin_utc))})"
        return f"TRY(make_timestamp({origin} + {_microseconds(cell, 1_000_000)}))"
    if time == "iso":
        naive = f"epoch_us(TRY_CAST({cell} AS TIMESTAMP)) - {_offset_microseconds(rule)}"
        zoned = f"epoch_us(TRY_CAST({cell} AS TIMESTAMPTZ))"
        is_zoned = f"regexp_matches({cell}, {literal(_ZONED)})"
        return f"TRY(make_timestamp(CASE WHEN {is_zoned} THEN {zoned} ELSE {naive} END))"
    # A pattern with a zone yields an instant, one without yields a local time.
    offset = "0" if "%z" in time or "%Z" in time else _offset_microseconds(rule)
    return f"TRY(make_timestamp(epoch_us(try_strptime({cell}, {literal(time)})) - {offset}))"


def _microseconds(cell: str, factor: int) -> str:
    return f"CAST(CAST({_decimal(cell, 6)} * {factor} AS DECIMAL(38,6)) AS BIGINT)"


def _offset_microseconds(rule: ColumnRule) -> str:
    if rule.utc_offset is None:
        return "0"
    sign, hours, minutes = rule.utc_offset[0], int(rule.utc_offset[1:3]), int(rule.utc_offset[4:])
    return f"({sign}{(hours * 60 + minutes) * 60_000_000})"
