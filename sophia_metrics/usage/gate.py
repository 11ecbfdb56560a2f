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
    """Judge the slice whose `keys` the connection holds; rows that are not usage do not count."""
    counts = connection.execute(
        "SELECT rule, count(*) FROM keys WHERE NOT is_ignored GROUP BY rule ORDER BY count(*) DESC, rule"
    ).fetchall()
    rows = sum(int(count) for _, count in counts)
    broken = [(str(rule), int(count)) for rule, count in counts if rule is not None]
    broken_count = sum(count for _, count in broken)
    if rows < limits.min_rows or not broken or broken_count / rows <= limits.max_quarantined_ratio:
        return Verdict(None)
    rule, count = broken[0]
    return Verdict(
        f"{broken_count:,} of {rows:,} rows break a row rule, most of them {rule} ({count:,}): "
        "correct the format, the mapping or the file, then run again; "
        "[gate] max_quarantined_ratio in sophia.toml says from which share on a slice is held"
    )
