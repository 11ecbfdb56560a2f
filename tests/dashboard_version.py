"""Serving versions as the dashboard finds them: real usage, and the tables that other parts fill, filled by hand."""

import shutil
from pathlib import Path

import duckdb

__all__ = ["HAND_FILLED", "publish_by_hand"]

HAND_FILLED = {
    "mart_budget_status": (
        "budget VARCHAR, period_start_on DATE, scope VARCHAR, period VARCHAR, limit_usd DECIMAL(38,12), "
        "spent_usd DECIMAL(38,12), spent_ratio DOUBLE, projected_p10_usd DECIMAL(38,12), "
        "projected_p50_usd DECIMAL(38,12), projected_p90_usd DECIMAL(38,12), breach_probability DOUBLE, "
        "projection_state VARCHAR, budget_state VARCHAR, data_through_at TIMESTAMP"
    ),
    "mart_cost_forecast": (
        "scope_type VARCHAR, scope_value VARCHAR, target_on DATE, p10_usd DECIMAL(38,12), p50_usd DECIMAL(38,12), "
        "p90_usd DECIMAL(38,12), method VARCHAR, data_through_on DATE"
    ),
    "mart_service_health": (
        "service VARCHAR, status VARCHAR, since_at TIMESTAMP, last_probed_at TIMESTAMP, latency_ms DOUBLE, "
        "message VARCHAR, is_stale BOOLEAN, required_by VARCHAR"
    ),
    "mart_cache_performance": (
        "cache VARCHAR, hour_at TIMESTAMP, lookup_count BIGINT, hit_count BIGINT, hit_ratio DOUBLE, entry_count BIGINT"
    ),
    "mart_data_quality": (
        "run_id VARCHAR, suite VARCHAR, expectation VARCHAR, judged_at TIMESTAMP, is_passed BOOLEAN, "
        "severity VARCHAR, dimension VARCHAR, observed DOUBLE, failed_count BIGINT, checked_count BIGINT"
    ),
    "core_alert_episodes": (
        "episode_id VARCHAR, fingerprint VARCHAR, rule VARCHAR, severity VARCHAR, scope_type VARCHAR, "
        "scope_value VARCHAR, subject VARCHAR, state VARCHAR, opened_at TIMESTAMP, threshold VARCHAR, "
        "observed VARCHAR, message VARCHAR, evidence VARCHAR, fired_at TIMESTAMP, resolved_at TIMESTAMP"
    ),
    "mart_freshness": "subject VARCHAR, newest_at TIMESTAMP, expected_within_seconds BIGINT, is_stale BOOLEAN",
    "mart_performance_now": (
        "metric VARCHAR, metric_value DOUBLE, text_value VARCHAR, window_minutes BIGINT, data_through_at TIMESTAMP"
    ),
}
"""The columns that the dashboard reads, of the tables that a test may fill."""


def publish_by_hand(home: Path, number: int, rows: dict[str, list[str]]) -> None:
    """Publish the current version again under another number, with the given rows instead of its own.

    Args:
        home: the state folder, in which something is published.
        number: the number of the new version.
        rows: by table, its rows as SQL: "('all-day', DATE '2026-11-20', …)".
    """
    serving = home / "serving"
    pointer = serving / "current.duckdb"
    target = serving / f"v{number:06d}.duckdb"
    shutil.copyfile(pointer.resolve(), target)
    with duckdb.connect(target) as version:
        for name, columns in HAND_FILLED.items():
            kinds = version.execute("SELECT table_type FROM information_schema.tables WHERE table_name = $1", [name])
            for (kind,) in kinds.fetchall():
                version.execute(f"DROP {'VIEW' if kind == 'VIEW' else 'TABLE'} {name}")
            version.execute(f"CREATE TABLE {name} ({columns})")
            if rows.get(name):
                version.execute(f"INSERT INTO {name} VALUES {', '.join(rows[name])}")
        version.execute(
            "INSERT INTO core_versions (version, published_at, content_sha256, is_sample) "
            "SELECT $1, published_at, content_sha256, is_sample "
            "FROM core_versions ORDER BY version DESC LIMIT 1",
            [number],
        )
    temporary = serving / "next.duckdb"
    temporary.symlink_to(target.name)
    temporary.replace(pointer)
