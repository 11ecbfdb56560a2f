"""The gate: judges a staged slice as a whole. A slice that fails is held: nothing of it is committed."""

from dataclasses import dataclass, replace

import duckdb

from sophia_metrics.frames import fetch_row
from sophia_metrics.quality import verdict as quality
from sophia_metrics.quality.staged_usage import BEFORE_RETENTION
from sophia_metrics.quality.suite import compile_count, counted
from sophia_metrics.quality.suites import QUARANTINED_SHARE, STAGED

__all__ = ["GateLimits", "Verdict", "judge", "judge_rules"]


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
    """The verdict on a slice.

    Attributes:
        reason: why the slice is held, in a sentence. None: it may be committed.
        row_count: its rows that are usage, but for those that come too late.
        broken_count: those of them that break a row rule.
        late_count: rows that come after retention has dropped their day: they say nothing against the slice.
    """

    reason: str | None
    row_count: int = 0
    broken_count: int = 0
    late_count: int = 0

    @property
    def is_held(self) -> bool:
        """The slice must not be committed."""
        return self.reason is not None


def judge(connection: duckdb.DuckDBPyConnection, limits: GateLimits) -> Verdict:
    """Judge the slice whose `keys` the connection holds; rows that are not usage do not count."""
    counts = connection.execute(
        "SELECT rule, count(*) FROM keys WHERE NOT is_ignored GROUP BY rule ORDER BY count(*) DESC, rule"
    ).fetchall()
    late_count = sum(int(count) for rule, count in counts if rule == BEFORE_RETENTION)
    rows = sum(int(count) for _, count in counts) - late_count
    broken = [(str(rule), int(count)) for rule, count in counts if rule not in {None, BEFORE_RETENTION}]
    broken_count = sum(count for _, count in broken)
    if rows < limits.min_rows or not broken or broken_count / rows <= limits.max_quarantined_ratio:
        return Verdict(None, rows, broken_count, late_count)
    rule, count = broken[0]
    return Verdict(
        f"{broken_count:,} of {rows:,} rows break a row rule, most of them {rule} ({count:,}): "
        "correct the format, the mapping or the file, then run again; "
        "[gate] max_quarantined_ratio in sophia.toml says from which share on a slice is held",
        rows,
        broken_count,
        late_count,
    )


def judge_rules(connection: duckdb.DuckDBPyConnection, gate: Verdict) -> tuple[quality.Verdict, ...]:
    """Return the verdict on every row rule, each for itself, and on the slice; `mapped` holds the rows.

    Where no row was rejected nothing is counted again.
    """
    row_count = gate.row_count + gate.late_count
    counts = {(STAGED.name, each.name): (0, row_count) for each in STAGED.expectations}
    if gate.broken_count or gate.late_count:
        rejected = replace(STAGED, rows=f"{STAGED.rows} AND rule IS NOT NULL")
        row = fetch_row(connection, compile_count([rejected], "getvariable('now')")) or ()
        counts = {key: (failed, row_count) for key, (failed, _) in counted([STAGED], row).items()}
    slice_verdict = quality.Verdict(
        suite=STAGED.name,
        expectation=QUARANTINED_SHARE.name,
        severity=QUARANTINED_SHARE.severity,
        dimension=QUARANTINED_SHARE.dimension,
        why=QUARANTINED_SHARE.why,
        failed_count=gate.broken_count,
        checked_count=gate.row_count,
        checked_by=quality.SQL,
        is_passed=not gate.is_held,
    )
    return (*quality.verdicts_of([STAGED], counts, quality.SQL), slice_verdict)
