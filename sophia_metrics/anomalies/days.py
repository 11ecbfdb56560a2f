"""The days that are tested: what was measured of many scopes, aligned by the last settled day of each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from sophia_metrics.forecasting.numbers import Flags, Numbers

__all__ = ["Found", "ScopeDays"]


@dataclass(frozen=True, slots=True)
class Found:
    """A tested day on which something was found: its scope, its day, and where it is in the arrays of tested days."""

    scope_type: str
    scope_value: str
    usage_on: date
    row: int
    column: int

    def of(self, values: Numbers) -> float:
        """Return the value of an array of tested days."""
        return float(values[self.row, self.column])


@dataclass(frozen=True, slots=True)
class ScopeDays:
    """What was measured on the settled days of scopes.

    Attributes:
        scopes: type and value of each.
        last_on: the last settled UTC day of each; the last column.
        measures: by name: cost_usd, request_count, …; NaN is unknown, or before the first day with calls.
        tested: so many days, the last columns, are tested.
    """

    scopes: tuple[tuple[str, str], ...]
    last_on: tuple[date, ...]
    measures: Mapping[str, Numbers]
    tested: int

    def known(self, name: str) -> Numbers:
        """Return a measure of all days."""
        return self.measures[name]

    def of(self, name: str) -> Numbers:
        """Return a measure of the tested days."""
        return self.measures[name][:, -self.tested :]

    def where(self, flags: Flags, *scope_types: str) -> Iterator[Found]:
        """Return the tested days on which something is so, of scopes of these types; none named: of all."""
        places: list[list[int]] = np.argwhere(flags).tolist()
        for row, column in places:
            scope_type, scope_value = self.scopes[row]
            if not scope_types or scope_type in scope_types:
                day = self.last_on[row] - timedelta(days=self.tested - 1 - column)
                yield Found(scope_type, scope_value, day, row, column)
