"""Checks: the few things that can be asked of a row, or of rows together.

Each says in SQL which rows break it. What is unknown (null) breaks no check but NotNull and NotEmpty.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

__all__ = [
    "AtLeast",
    "AtMost",
    "Check",
    "Holds",
    "NotAbove",
    "NotAfterNow",
    "NotEmpty",
    "NotNull",
    "OneOf",
    "Same",
    "Unique",
]


class Check(Protocol):
    """What a row has to be like."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it looks at."""
        ...

    def broken(self, now: str) -> str:
        """Return an SQL predicate, true for a bad row; null counts as kept. `now` is SQL for the present."""
        ...


@dataclass(frozen=True, slots=True)
class _OneColumn:
    column: str

    @property
    def columns(self) -> tuple[str, ...]:
        """The column that it looks at."""
        return (self.column,)


@dataclass(frozen=True, slots=True)
class _TwoColumns:
    column: str
    other: str

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it compares."""
        return (self.column, self.other)


@dataclass(frozen=True, slots=True)
class NotNull(_OneColumn):
    """The column has a value."""

    def broken(self, now: str) -> str:  # noqa: ARG002 - see Check
        """Return the predicate of a bad row."""
        return f"{self.column} IS NULL"


@dataclass(frozen=True, slots=True)
class NotEmpty(_OneColumn):
    """The column has a text with at least one character."""

    def broken(self, now: str) -> str:  # noqa: ARG002 - see Check
        """Return the predicate of a bad row."""
        return f"coalesce({self.column}, '') = ''"


@dataclass(frozen=True, slots=True)
class AtLeast(_OneColumn):
    """The column is not below a number or an instant (naive UTC)."""

    minimum: int | datetime

    def broken(self, now: str) -> str:  # noqa: ARG002 - see Check
        """Return the predicate of a bad row."""
        return f"{self.column} < {_literal(self.minimum)}"


@dataclass(frozen=True, slots=True)
class AtMost(_OneColumn):
    """The column is not above a number."""

    maximum: int

    def broken(self, now: str) -> str:  # noqa: ARG002 - see Check
        """Return the predicate of a bad row."""
        return f"{self.column} > {_literal(self.maximum)}"


@dataclass(frozen=True, slots=True)
class NotAfterNow(_OneColumn):
    """The column, an instant or a day, is at most an hour ahead of the present: clocks differ."""

    def broken(self, now: str) -> str:
        """Return the predicate of a bad row."""
        return f"{self.column} > {now} + INTERVAL '1' HOUR"


@dataclass(frozen=True, slots=True)
class OneOf(_OneColumn):
    """The column is one of some texts, or one of some truths."""

    known: tuple[str | bool, ...]

    def broken(self, now: str) -> str:  # noqa: ARG002 - see Check
        """Return the predicate of a bad row."""
        return f"{self.column} NOT IN ({', '.join(map(_literal, self.known))})"


@dataclass(frozen=True, slots=True)
class NotAbove(_TwoColumns):
    """The column is not above the other one."""

    def broken(self, now: str) -> str:  # noqa: ARG002 - see Check
        """Return the predicate of a bad row."""
        return f"{self.column} > {self.other}"


@dataclass(frozen=True, slots=True)
class Same(_TwoColumns):
    """Two columns are equal, to the last digit; where one is unknown, the other is too."""

    def broken(self, now: str) -> str:  # noqa: ARG002 - see Check
        """Return the predicate of a bad row."""
        return f"{self.column} IS DISTINCT FROM {self.other}"


@dataclass(frozen=True, slots=True)
class Holds:
    """Whatever none of the others says: an SQL predicate, true for a bad row."""

    columns: tuple[str, ...]
    predicate: str

    def broken(self, now: str) -> str:  # noqa: ARG002 - see Check
        """Return the predicate of a bad row."""
        return self.predicate


@dataclass(frozen=True, slots=True)
class Unique:
    """No two rows have the same values in these columns: a check of rows together, not of one by itself."""

    columns: tuple[str, ...]


def _literal(value: str | bool | int | datetime) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime):
        return f"TIMESTAMP '{value.isoformat(sep=' ')}'"
    return f"'{value}'" if isinstance(value, str) else str(value)
