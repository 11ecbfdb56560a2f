"""From our suites to those of Great Expectations, imported only when a suite is compiled: it takes ten seconds."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sophia_metrics.quality.check import (
    AtLeast,
    AtMost,
    Check,
    NotAbove,
    NotAfterNow,
    NotEmpty,
    NotNull,
    OneOf,
    Same,
    Unique,
)
from sophia_metrics.quality.expectation import Expectation, Severity
from sophia_metrics.quality.suite import Suite

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite
    from great_expectations.expectations.expectation import Expectation as GxExpectation

__all__ = ["NAME", "gx_suite"]

NAME = "name"
"""The key under which an expectation of theirs carries the name of ours."""
AHEAD = timedelta(hours=1)
"""As in NotAfterNow."""


def gx_suite(suite: Suite, now: datetime) -> "ExpectationSuite":
    """Return the suite as Great Expectations has it, for the present `now` (naive UTC)."""
    from great_expectations import ExpectationSuite  # noqa: PLC0415 - see the head of this module

    return ExpectationSuite(name=suite.name, expectations=[_compile(each, now) for each in suite.expectations])


def _compile(expectation: Expectation, now: datetime) -> "GxExpectation":
    from great_expectations import expectations as gxe  # noqa: PLC0415 - see the head of this module

    kind, arguments = _native(expectation.name, expectation.check, now)
    severity = "critical" if expectation.severity is Severity.ERROR else "warning"
    described = f"{expectation.name} ({expectation.dimension}): fails where {expectation.why}"
    compiled: GxExpectation = getattr(gxe, kind)(
        **arguments, severity=severity, meta={NAME: expectation.name}, notes=described
    )
    return compiled


def _native(  # noqa: PLR0911 - one return a kind of check
    name: str, check: Check | Unique, now: datetime
) -> tuple[str, dict[str, object]]:
    """Return the kind of their expectation and its arguments; unknown values pass, as they do in SQL."""
    match check:
        case Unique(columns):
            return "ExpectCompoundColumnsToBeUnique", {"column_list": list(columns), "ignore_row_if": "never"}
        case NotNull(column):
            return "ExpectColumnValuesToNotBeNull", {"column": column}
        case NotEmpty():
            return "ExpectColumnValuesToNotBeNull", {"column": name}
        case AtLeast(column, minimum):
            return "ExpectColumnValuesToBeBetween", {"column": column, "min_value": minimum}
        case AtMost(column, maximum):
            return "ExpectColumnValuesToBeBetween", {"column": column, "max_value": maximum}
        case NotAfterNow(column):
            return "ExpectColumnValuesToBeBetween", {"column": column, "max_value": now + AHEAD}
        case OneOf(column, known):
            return "ExpectColumnValuesToBeInSet", {"column": column, "value_set": list(known)}
        case NotAbove(column, other):
            return "ExpectColumnPairValuesAToBeGreaterThanB", {
                "column_A": other,
                "column_B": column,
                "or_equal": True,
                "ignore_row_if": "either_value_is_missing",
            }
        case Same(column, other):
            pair = {"column_A": column, "column_B": other}
            return "ExpectColumnPairValuesToBeEqual", {**pair, "ignore_row_if": "both_values_are_missing"}
        case _:
            return "ExpectColumnValuesToBeInSet", {"column": name, "value_set": [False]}
