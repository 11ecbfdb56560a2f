"""A page that is served for real, over usage whose figures are worked out by hand."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sophia_metrics.dashboard.access import Access, access_from
from sophia_metrics.dashboard.app import create_app
from sophia_metrics.dashboard.limits import BudgetLimits
from sophia_metrics.dashboard.server import PageServer
from sophia_metrics.dashboard.service import Dashboard
from sophia_metrics.settings import DashboardSettings
from tests.dashboard_version import publish_by_hand
from tests.lab import NOW, Lab, event

__all__ = ["CALLS", "ROWS", "TOKEN", "Site", "publish_usage"]

TOKEN = "a token of the tests, not a secret"  # noqa: S105 - made up


def call(ident, at, **fields):
    """One call of gpt-4o with a million input and 100,000 output tokens: 3.50 USD at 2.50 and 10.00 a million."""
    tokens = {"input_tokens": 1_000_000, "output_tokens": 100_000}
    return event(ident, f"2026-{at}:00Z", **tokens, **fields)


CALLS = [
    call("before the month", "10-31T10:00"),
    call("month", "11-02T10:00", operation="chat"),
    call("yesterday 1", "11-19T08:00", latency_ms=100, is_cache_hit=False, operation="chat"),
    call("yesterday 2", "11-19T08:20", latency_ms=100, is_cache_hit=False, operation="chat"),
    call("yesterday evening", "11-19T20:00", latency_ms=5000, operation="code"),
    call("today 1", "11-20T09:00", latency_ms=100, is_cache_hit=False, operation="chat", session_id="a"),
    call("today 2", "11-20T09:05", latency_ms=200, is_cache_hit=False, operation="chat", session_id="b"),
    call("today 3", "11-20T09:10", latency_ms=300, is_cache_hit=False, operation="code", session_id="b"),
    call("no price", "11-20T09:10", provider="self-hosted", model="mystery"),
]
"""It is 12:00 on 20 November: today 4 calls, 10.50 USD, one of unknown cost; yesterday until 09:15 2 calls, 7.00."""

ROWS = {
    "mart_budget_status": [
        "('day', DATE '2026-11-20', 'all', 'day', 100, 10.5, 0.105, NULL, 21, NULL, 0.01, 'rough', 'ok', NULL)",
        (
            "('month', DATE '2026-11-01', 'all', 'month', 30, 24.5, 0.8166, 31.25, 36.75, 44.5, 0.97, 'projected', "
            "'warning', TIMESTAMP '2026-11-20 11:00:00')"
        ),
        (
            "('search', DATE '2026-11-01', 'team/search', 'month', 10, 12, 1.2, NULL, NULL, NULL, NULL, "
            "'insufficient_history', 'over', NULL)"
        ),
    ],
    "mart_service_health": [
        (
            "('gateway', 'healthy', TIMESTAMP '2026-11-18 10:00:00', TIMESTAMP '2026-11-20 11:59:00', 41.2, NULL, "
            "false, NULL)"
        ),
        (
            "('store', 'down', TIMESTAMP '2026-11-20 11:50:00', TIMESTAMP '2026-11-20 11:59:00', NULL, "
            "'connection refused', false, NULL)"
        ),
        "('queue', 'healthy', TIMESTAMP '2026-11-18 10:00:00', TIMESTAMP '2026-11-20 10:00:00', 3, NULL, true, NULL)",
    ],
    "mart_cache_performance": [
        "('answers', TIMESTAMP '2026-11-19 23:00:00', 500, 500, 1, 900)",
        "('answers', TIMESTAMP '2026-11-20 09:00:00', 6, 5, 0.83, 1000)",
        "('answers', TIMESTAMP '2026-11-20 10:00:00', 2, 1, 0.5, NULL)",
        "('vectors', TIMESTAMP '2026-11-20 10:00:00', 0, 0, NULL, 24)",
    ],
    "mart_data_quality": [
        (
            "('old', 'core_usage_events', 'all is well', TIMESTAMP '2026-11-19 12:00:00', false, 'error', 'validity', "
            "1, 9, 9)"
        ),
        (
            "('new', 'core_usage_events', 'all is well', TIMESTAMP '2026-11-20 11:00:00', true, 'error', 'validity', "
            "0, 0, 9)"
        ),
        (
            "('new', 'core_usage_events', 'ids are unique', TIMESTAMP '2026-11-20 11:00:00', false, 'warning', "
            "'consistency', 0.2, 2, 9)"
        ),
    ],
    "core_alert_episodes": [
        (
            "('e1', 'budget/search/2026-11-01/1', 'budget-100', 'critical', 'team', 'search', 'search', 'firing', "
            "TIMESTAMP '2026-11-20 10:00:00', '1', '1.2', 'budget search is over', '{}', "
            "TIMESTAMP '2026-11-20 10:00:00', NULL)"
        ),
        (
            "('e2', 'budget/month/2026-11-01/0.8', 'budget-80', 'warning', 'all', NULL, 'month', 'firing', "
            "TIMESTAMP '2026-11-20 09:30:00', '0.8', '0.8166', 'budget month is close', '{}', "
            "TIMESTAMP '2026-11-20 09:30:00', NULL)"
        ),
        (
            "('e3', 'service/store', 'service-down', 'critical', 'service', 'store', 'store', 'firing', "
            "TIMESTAMP '2026-11-20 11:50:00', 'down', 'down', 'service store is down', '{}', "
            "TIMESTAMP '2026-11-20 11:51:00', NULL)"
        ),
        (
            "('e4', 'budget/day/2026-11-19/1', 'budget-100', 'critical', 'all', NULL, 'day', 'resolved', "
            "TIMESTAMP '2026-11-19 21:00:00', '1', '1.1', 'budget day was over', '{}', "
            "TIMESTAMP '2026-11-19 21:00:00', TIMESTAMP '2026-11-20 00:05:00')"
        ),
        (
            "('e5', 'service/queue', 'service-down', 'critical', 'service', 'queue', 'queue', 'pending', "
            "TIMESTAMP '2026-11-20 11:59:00', 'down', 'down', 'service queue is not down for long enough', '{}', "
            "NULL, NULL)"
        ),
    ],
    "mart_freshness": ["('app', TIMESTAMP '2026-11-20 12:00:00', 93600, false)"],
    "mart_performance_now": [
        "('cache_hit_ratio', 0.372, '37.2 %', 15, TIMESTAMP '2026-11-20 09:10:00')",
        "('avg_response_ms', 1534.2, '1534 ms', 15, TIMESTAMP '2026-11-20 09:10:00')",
        "('p95_response_ms', NULL, 'no data', 15, NULL)",
        "('active_sessions', 2, '2', 15, TIMESTAMP '2026-11-20 09:10:00')",
        "('system_health', 0.3, 'down', 15, TIMESTAMP '2026-11-20 11:59:00')",
    ],
}
"""What other parts would have put into the version, with its figures made up to be told apart."""


@dataclass
class Site:
    """A state folder and the page over it, served on a free port of loopback."""

    lab: Lab
    server: PageServer

    @classmethod
    def over(cls, lab: Lab, *, now: datetime = NOW, access: Access | None = None, zone: str = "UTC") -> "Site":
        rules = access or access_from(DashboardSettings(), {})
        limits = BudgetLimits(lambda _: lab.warehouse, (), zone, lambda: now)
        app = create_app(Dashboard(lab.serving, zone, lambda: now), rules, limits)
        site = cls(lab, PageServer(app, "127.0.0.1", 0))
        site.server.start()
        return site

    @property
    def url(self) -> str:
        return self.server.url.rstrip("/")

    def one(self, sql):
        """Return the single value of a query over the published version."""
        return self.lab.serving.query(sql).item()


def publish_usage(folder: Path, calls=CALLS, rows=None, number=50) -> Lab:
    """Publish calls, and then the same with the rows of other parts."""
    lab = Lab(folder / "state")
    lab.ingest(lab.write("calls.jsonl", calls))
    lab.publish()
    if rows is not None:
        publish_by_hand(lab.home, number, rows)
    return lab
