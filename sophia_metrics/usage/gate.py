"""The gate: judges a staged slice as a whole. A slice that fails is held: nothing of it is committed."""

from dataclasses import dataclass

import duckdb

__all__ = ["GateLimits", "Verdict", "judge"]


@dataclass(frozen=True, slots=True)
class GateLimits:
    """From which point a slice is not believed.

    Attributes:
        max_quarantined_ratio: the greatest share of its rows that may break a row rule (0 to 1).
        min_rows: slices with fewer rows are not judged by that share.
    """

    max_quarantined_ratio: float = 0.5
    min_rows: int = 20


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason` says why the slice is held, in a sentence. None: it may be committed."""

    reason: str | None

    @property
    def is_held(self) -> bool:
        """The slice must not be committed."""
        return self.reason is not None


def judge(connection: duckdb.DuckDBPyConnection, limits: GateLimits) -> Verdict:
    """Judge the slice whose `keys` the connection holds."""
    row = connection.execute(
        "SELECT count(*) FILTER (WHERE NOT is_ignored), count(*) FILTER (WHERE rule IS NOT NULL AND NOT is_ignored) FROM keys"
    ).fetchone()
    rows, broken = row or (0, 0)
    if rows < limits.min_rows or broken <= limits.max_quarantined_ratio * rows:
        return Verdict(None)
    worst = connection.execute(
        "SELECT rule, count(*) FROM keys WHERE rule IS NOT NULL AND NOT is_ignored "
        "GROUP BY rule ORDER BY count(*) DESC, rule LIMIT 1"
    ).fetchone()
    name, count = worst or ("?", 0)
    return Verdict(
        f"{broken} of {rows} rows break a row rule, most of them ({count}) {name}: "
        "correct the format, the mapping or the file, then run again"
    )
