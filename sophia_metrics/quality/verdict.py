"""Verdicts: what judging found, one expectation at a time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from sophia_metrics.quality.expectation import Dimension, Severity
from sophia_metrics.quality.suite import Suite

__all__ = ["GREAT_EXPECTATIONS", "SQL", "Verdict", "held_because", "merged", "verdicts_of"]

SQL = "sql"
GREAT_EXPECTATIONS = "great_expectations"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one expectation.

    Attributes:
        suite: name of the suite.
        expectation: name of the expectation.
        severity: what follows where it fails.
        dimension: which side of quality it guards.
        why: what is wrong where it fails.
        failed_count: rows that break it.
        checked_count: rows that were looked at.
        checked_by: sql, great_expectations, or both, with a plus between them.
        is_passed: it holds.
    """

    suite: str
    expectation: str
    severity: Severity
    dimension: Dimension
    why: str
    failed_count: int
    checked_count: int
    checked_by: str
    is_passed: bool

    @property
    def observed(self) -> float | None:
        """The share of the rows that break it, 0 to 1. None: there were no rows."""
        return self.failed_count / self.checked_count if self.checked_count else None

    @property
    def is_holding(self) -> bool:
        """It failed, and must not be published."""
        return not self.is_passed and self.severity is Severity.ERROR

    @property
    def sentence(self) -> str:
        """What is wrong, in a sentence."""
        return f"{self.suite}, {self.expectation}: {self.why} ({self.failed_count:,} of {self.checked_count:,} rows)"


def verdicts_of(
    suites: Iterable[Suite], counts: Mapping[tuple[str, str], tuple[int, int]], checked_by: str
) -> tuple[Verdict, ...]:
    """Return the verdict on every expectation from its (failed, checked) rows."""
    found: list[Verdict] = []
    for suite in suites:
        for each in suite.expectations:
            failed, checked = counts[suite.name, each.name]
            found.append(
                Verdict(
                    suite=suite.name,
                    expectation=each.name,
                    severity=each.severity,
                    dimension=each.dimension,
                    why=each.why,
                    failed_count=failed,
                    checked_count=checked,
                    checked_by=checked_by,
                    is_passed=failed == 0,
                )
            )
    return tuple(found)


def held_because(verdicts: Iterable[Verdict]) -> str | None:
    """Return why nothing may be published, in a sentence. None: nothing stands against it."""
    holding = [each for each in verdicts if each.is_holding]
    if not holding:
        return None
    more = f", and {len(holding) - 1} more" if len(holding) > 1 else ""
    return f"{holding[0].sentence}{more}"


def merged(verdicts: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """Return one verdict for each expectation: rows that the same engine judged in parts are added up.

    Two engines that judged the same rows do not add up: the greater count holds, and the expectation has passed where
    it passed with both.
    """
    found: dict[tuple[str, str], Verdict] = {}
    for each in verdicts:
        key = (each.suite, each.expectation)
        known = found.get(key)
        found[key] = each if known is None else _together(known, each)
    return tuple(found.values())


def _together(one: Verdict, other: Verdict) -> Verdict:
    is_passed = one.is_passed and other.is_passed
    if one.checked_by == other.checked_by:
        failed = one.failed_count + other.failed_count
        return replace(
            one, failed_count=failed, checked_count=one.checked_count + other.checked_count, is_passed=is_passed
        )
    return replace(
        one,
        failed_count=max(one.failed_count, other.failed_count),
        checked_count=max(one.checked_count, other.checked_count),
        checked_by=f"{one.checked_by}+{other.checked_by}",
        is_passed=is_passed,
    )
