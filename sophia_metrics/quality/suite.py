"""A suite: what must hold of one relation, compiled to SQL which counts the rows that break it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sophia_metrics.quality.check import Unique
from sophia_metrics.quality.expectation import Expectation

__all__ = ["Suite", "compile_count", "counted"]

NOW = "CAST($now AS TIMESTAMP)"
"""The present as a parameter of a statement."""


@dataclass(frozen=True, slots=True)
class Suite:
    """The expectations of one relation.

    Attributes:
        name: what mart_data_quality calls it: the table, or what is compared.
        doc: what the rows are, in a sentence.
        tables: the tables that `rows` reads. Those of a suite that is judged by day are kept by UTC day.
        rows: a SELECT of the rows that are judged.
        expectations: what must hold of them.
        is_daily: a day can be judged by itself, from the files of that day. False: the rows are few, and are judged
            as a whole.
    """

    name: str
    doc: str
    tables: tuple[str, ...]
    rows: str
    expectations: tuple[Expectation, ...]
    is_daily: bool = True

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the expectations look at, each once."""
        return tuple(dict.fromkeys(name for each in self.expectations for name in each.check.columns))


def compile_count(suites: Sequence[Suite], now: str = NOW) -> str:
    """Return one SELECT of one row: for each suite its rows, and for each expectation the rows that break it.

    `now` is SQL for the present (naive UTC), by default the parameter `$now`. One statement sees one state of all
    tables; it reads each relation once, and once more where rows must be unique.
    """
    steps: list[str] = []
    for place, suite in enumerate(suites):
        sums = [f"COUNT(*) AS checked_{place}"]
        for number, each in enumerate(suite.expectations):
            name = _column(place, number)
            if isinstance(each.check, Unique):
                steps.append(f"repeated_{name} AS ({_repeated(suite, each.check, name)})")
            else:
                broken = each.check.broken(now)
                sums.append(f"CAST(COALESCE(SUM(CASE WHEN {broken} THEN 1 ELSE 0 END), 0) AS BIGINT) AS {name}")
        steps.append(f"counts_{place} AS (SELECT {', '.join(sums)} FROM ({suite.rows}) AS judged)")
    names = [step.partition(" AS ")[0] for step in steps]
    columns = ", ".join(
        name
        for place, suite in enumerate(suites)
        for name in (f"checked_{place}", *(_column(place, number) for number in range(len(suite.expectations))))
    )
    return f"WITH {', '.join(steps)} SELECT {columns} FROM {' CROSS JOIN '.join(names)}"


def counted(suites: Iterable[Suite], row: Sequence[int]) -> dict[tuple[str, str], tuple[int, int]]:
    """Return (failed, checked) by suite and expectation from the row of `compile_count`."""
    numbers = iter(row)
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for suite in suites:
        checked = next(numbers)
        found |= {(suite.name, each.name): (next(numbers), checked) for each in suite.expectations}
    return found


def _column(place: int, number: int) -> str:
    return f"failed_{place}_{number}"


def _repeated(suite: Suite, check: Unique, name: str) -> str:
    """Return a SELECT of one row: how many rows share their key with another."""
    keys = ", ".join(check.columns)
    return (
        f"SELECT CAST(COALESCE(SUM(row_count), 0) AS BIGINT) AS {name} FROM "
        f"(SELECT COUNT(*) AS row_count FROM ({suite.rows}) AS judged GROUP BY {keys} HAVING COUNT(*) > 1) AS repeated"
    )
