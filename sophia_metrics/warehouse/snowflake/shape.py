"""What a value is like for a statement, whatever it is: how it travels, and to which type it is cast there."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import cast

__all__ = ["LONG", "NULL", "PLAIN", "Shape", "Value", "shape_of", "travelling"]

Value = str | int | bool
"""What is bound: all else is brought to text."""
Shape = str | tuple[str, ...]
"""NULL, PLAIN, LONG or the type to which a text is cast; of a list those of its items."""
NULL = "NULL"
PLAIN = ""
"""It is bound as it is."""
LONG = "LIST"
"""A list that is a frame."""
MAX_DIGITS = 38
MAX_BOUND_ITEMS = 500
"""A longer list is a frame: Snowflake takes no more than 16,384 items in one."""


def shape_of(value: object) -> Shape:
    """Return the shape of the value of a parameter.

    Raises:
        ValueError: it is of a type that no column has, an instant with a time zone, or a decimal of too many digits.
    """
    if isinstance(value, Sequence) and not isinstance(value, str):
        items = cast("Sequence[object]", value)
        return LONG if len(items) > MAX_BOUND_ITEMS else tuple(travelling(each)[1] for each in items)
    return travelling(value)[1]


def travelling(value: object) -> tuple[Value | None, str]:
    """Return one value as it is bound, and its shape.

    Raises:
        ValueError: as of shape_of.
    """
    if value is None:
        return None, NULL
    if isinstance(value, bool):
        return value, PLAIN
    if isinstance(value, int):
        return int(value), PLAIN
    if isinstance(value, str):
        return str(value), PLAIN
    return _text_and_type(value)


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
