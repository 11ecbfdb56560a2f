"""The row rules: which rows may enter core. The first rule that a row breaks sends it to quarantine.

They are compiled from the expectations of `quality/staged_usage.py`. A rule reads the mapped row (see staging), and
the present as the variable `now` (naive UTC).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sophia_metrics.quality.check import Unique
from sophia_metrics.quality.expectation import Expectation
from sophia_metrics.quality.staged_usage import BILLED_UNITS, STAGED_USAGE

__all__ = ["ROW_RULES", "RULES_VERSION", "UNIT_RULES", "RowRule", "first_broken_rule"]

RULES_VERSION = 3
"""Raised with every change of a rule; landed files say under which version they were judged."""

NOW = "getvariable('now')"


@dataclass(frozen=True, slots=True)
class RowRule:
    """One thing that must hold of every row.

    Attributes:
        name: what core_quarantine calls it.
        broken: an SQL predicate over the mapped row, true for a bad row; null counts as kept.
        reason: what is wrong with such a row, in words without a value.
        dimension: which side of quality it guards: completeness, validity, consistency or timeliness.
        severity: error: the row is kept out.
    """

    name: str
    broken: str
    reason: str
    dimension: str
    severity: str = "error"


def _compiled(expectations: Iterable[Expectation]) -> tuple[RowRule, ...]:
    return tuple(
        RowRule(each.name, each.check.broken(NOW), each.why, each.dimension.value, each.severity.value)
        for each in expectations
        if not isinstance(each.check, Unique)
    )


ROW_RULES = _compiled(STAGED_USAGE)

UNIT_RULES = _compiled(BILLED_UNITS)
"""Rules over the billing units of a row (row_ordinal, unit, quantity): a bad unit keeps its whole row out."""


def first_broken_rule(rules: Iterable[RowRule] = ROW_RULES) -> str:
    """Return the SQL expression that names the first broken rule of a row, or is null for a good row."""
    cases = " ".join(f"WHEN {rule.broken} THEN '{rule.name}'" for rule in rules)
    return f"CASE {cases} END"
