"""From our values to what machines read: JSON without loss."""

import dataclasses
import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, cast

__all__ = ["Fact", "exact_text", "fact", "print_facts"]

Fact = str | int | float | bool | None | list["Fact"] | dict[str, "Fact"]


def fact(value: object) -> Fact:
    """Return what JSON holds for a value.

    Decimals are exact text without trailing zeros, days are ISO, instants are ISO in UTC with a Z. A number
    that JSON does not know is its name: "Infinity", "-Infinity", "NaN". Null is unknown.
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else json.dumps(value)
    for kind, write in _TEXTS:
        if isinstance(value, kind):
            return write(value)
    return _several(value)


def _several(value: object) -> Fact:
    if dataclasses.is_dataclass(value):
        return {each.name: fact(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        items = cast("Mapping[object, object]", value).items()
        return {str(fact(name)): fact(each) for name, each in items}
    if isinstance(value, Sequence | frozenset):
        return [fact(each) for each in cast("Sequence[object]", value)]
    return str(value)


def exact_text(value: Decimal) -> str:
    """Return a decimal in full, without an exponent and without trailing zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _instant(value: datetime) -> str:
    """Return an instant with a Z; a naive one is UTC, as all of ours are."""
    utc = value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
    return f"{utc.isoformat()}Z"


_TEXTS: tuple[tuple[type, Callable[[Any], str]], ...] = (
    (Decimal, exact_text),
    (datetime, _instant),
    (date, date.isoformat),
    (bytes, bytes.hex),
)


def print_facts(facts: Mapping[str, Any], *, indent: int | None = 2) -> None:
    """Print one JSON object on standard output; without an indent on one line."""
    print(json.dumps(fact(facts), indent=indent, ensure_ascii=False), flush=True)  # noqa: T201 - a program's output
