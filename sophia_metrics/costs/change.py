"""Why spend changed between two periods: price, volume, mix, what is new and what is gone, by model and team.

The effects add up to the change exactly. mart_cost_change has them for fixed pairs of periods; this module computes
them for any two, by the same SQL.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal
from importlib import resources
from typing import Any

import duckdb

from sophia_metrics.errors import ConfigurationError
from sophia_metrics.marts import mart
from sophia_metrics.scopes import ALL, DIMENSIONS, Scope
from sophia_metrics.serving import Serving, has_table

__all__ = ["CostChange", "Days", "Effect", "compare", "explain_change", "refuse_overlap"]

SHARED_FROM = "\n-- What follows is the same for any two periods.\n"
TOTALS = """
SELECT
    CAST(COALESCE(SUM(before_usd), 0) AS DECIMAL(38, 12)) AS before_usd,
    CAST(COALESCE(SUM(after_usd), 0) AS DECIMAL(38, 12)) AS after_usd,
    CAST(COALESCE(SUM(CASE WHEN part = 'unpriced' THEN before_quantity END), 0) AS BIGINT) AS unpriced_before_count,
    CAST(COALESCE(SUM(CASE WHEN part = 'unpriced' THEN after_quantity END), 0) AS BIGINT) AS unpriced_after_count
FROM compared_parts
"""


@dataclass(frozen=True, slots=True)
class Days:
    """UTC days, both included.

    Raises:
        ConfigurationError: the last day is before the first one.
    """

    first_on: date
    last_on: date

    def __post_init__(self) -> None:
        if self.last_on < self.first_on:
            raise ConfigurationError(
                f"{self.first_on}..{self.last_on} ends before it begins: write the earlier day first"
            )

    @classmethod
    def parse(cls, text: str) -> "Days":
        """Read days as people write them: 2026-11-01..2026-11-07, or one day alone.

        Raises:
            ConfigurationError: these are no days.
        """
        first, dots, last = text.partition("..")
        try:
            return cls(date.fromisoformat(first), date.fromisoformat(last if dots else first))
        except ValueError:
            raise ConfigurationError(f"{text!r} are no days: write them as in 2026-11-01..2026-11-07") from None

    def __str__(self) -> str:
        return f"{self.first_on}..{self.last_on}"


@dataclass(frozen=True, slots=True)
class Effect:
    """One reason for the change.

    Attributes:
        effect: price, volume, mix, new, gone; unknown: calls without a known cost, which are in no amount.
        provider: who runs the model.
        model: the model.
        team: the team; (none) where nobody told.
        subject: the three in a phrase.
        amount_usd: by how much it changed the spend. None: unknown.
        before_usd: known spend of the subject in the period before.
        after_usd: known spend of the subject in the later period.
        unpriced_before_count: calls of the subject without a cost in the period before.
        unpriced_after_count: the same in the later period.
    """

    effect: str
    provider: str
    model: str
    team: str
    subject: str
    amount_usd: Decimal | None
    before_usd: Decimal
    after_usd: Decimal
    unpriced_before_count: int
    unpriced_after_count: int


@dataclass(frozen=True, slots=True)
class CostChange:
    """The change of the spend of a scope between two periods, and the effects that add up to it.

    Attributes:
        scope: what it is about.
        before: the period before.
        after: the later period.
        before_usd: known spend before.
        after_usd: known spend after.
        unpriced_before_count: calls before whose cost nobody knows; they are in no sum.
        unpriced_after_count: the same after.
        by_effect: the sum of each effect, in the order price, volume, mix, new, gone; what is nothing is missing.
        effects: every effect by model and team, the largest first.
    """

    scope: Scope
    before: Days
    after: Days
    before_usd: Decimal
    after_usd: Decimal
    unpriced_before_count: int
    unpriced_after_count: int
    by_effect: tuple[tuple[str, Decimal], ...]
    effects: tuple[Effect, ...]

    @property
    def change_usd(self) -> Decimal:
        """By how much the known spend changed: the sum of all effects."""
        return self.after_usd - self.before_usd


def explain_change(serving: Serving, before: Days, after: Days, scope: Scope | None = None) -> CostChange:
    """Say why the spend of a scope changed from one period to another, in the version that is published now.

    Raises:
        ConfigurationError: nothing is published yet, the periods overlap, or the scope is a tag, which no published
            table has: tagged_change.explain_tagged_change reads calls.
    """
    wanted = scope or Scope(ALL, ALL)
    if wanted.scope_type not in {ALL, *DIMENSIONS}:
        raise ConfigurationError(f"the change of {wanted} cannot be told apart: ask for one of {', '.join(DIMENSIONS)}")
    refuse_overlap(before, after)
    with serving.connection() as connection:
        _refuse_old_version(connection)
        return compare(connection, wanted, wanted, before, after)


def refuse_overlap(before: Days, after: Days) -> None:
    """Refuse periods that have a day in common.

    Raises:
        ConfigurationError: they have one.
    """
    if before.first_on <= after.last_on and after.first_on <= before.last_on:
        raise ConfigurationError(f"{before} and {after} overlap: compare two periods that have no day in common")


def compare(connection: duckdb.DuckDBPyConnection, told: Scope, within: Scope, before: Days, after: Days) -> CostChange:
    """Compare two periods by the rows of mart_cost_parts that a connection has.

    Args:
        connection: it has a table mart_cost_parts.
        told: the scope that the answer is about.
        within: which of the rows it is: all, or one value of a dimension.
        before: the period before.
        after: the later period.
    """
    parameters = {
        "scope_type": within.scope_type,
        "scope_value": within.scope_value,
        "before_start_on": before.first_on,
        "before_end_on": before.last_on,
        "start_on": after.first_on,
        "end_on": after.last_on,
    }
    head = f"WITH compared_parts AS (\n{_compared_parts()}\n)"
    names = ", ".join(each.name for each in fields(Effect))
    by_effect = "SELECT effect, SUM(amount_usd) FROM effects WHERE amount_usd IS NOT NULL GROUP BY effect"
    shared, _, last = _shared().rpartition("\nSELECT\n")
    rows = _rows(connection, f"{head},\n{shared}\nSELECT {names} FROM (SELECT\n{last})", parameters)
    sums = _rows(connection, f"{head},\n{shared}\n{by_effect}", parameters)
    ((before_usd, after_usd, *unpriced),) = _rows(connection, f"{head}\n{TOTALS}", parameters)
    return CostChange(
        told,
        before,
        after,
        before_usd,
        after_usd,
        *unpriced,
        by_effect=tuple(sorted(sums, key=lambda row: EFFECTS.index(row[0]))),
        effects=tuple(sorted((Effect(*row) for row in rows), key=_weight)),
    )


EFFECTS = ("price", "volume", "mix", "new", "gone", "unknown")


def _weight(effect: Effect) -> tuple[bool, Decimal, str, str]:
    amount = effect.amount_usd
    return amount is None, -abs(amount or Decimal(0)), effect.subject, effect.effect


def _compared_parts() -> str:
    path = resources.files("sophia_metrics").joinpath("sql", "change", "compared_parts.sql")
    return path.read_text(encoding="utf-8")


def _shared() -> str:
    """Return what mart_cost_change does with the parts of two periods, whichever these are."""
    return mart("mart_cost_change").sql.partition(SHARED_FROM)[2]


def _rows(connection: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, Any]) -> Sequence[tuple[Any, ...]]:
    return connection.execute(sql, parameters).fetchall()


def _refuse_old_version(connection: duckdb.DuckDBPyConnection) -> None:
    if not has_table(connection, "mart_cost_parts"):
        raise ConfigurationError("the published version is from before this table was: `sophia-metrics run` makes it")
