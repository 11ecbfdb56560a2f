"""The API answers in the platform's shapes, with true values; what is unknown is 0 and named false."""

from decimal import Decimal

import httpx
import pytest

from sophia_metrics.costs.dashboard import get_cost_dashboard
from sophia_metrics.dashboard.shapes import LlmStats
from sophia_metrics.health.answer import Outcome
from sophia_metrics.health.http_probe import HttpProbe
from sophia_metrics.services import run_sync
from tests.dashboard_lab import ROWS, Site, publish_usage
from tests.dashboard_version import publish_by_hand
from tests.lab import NOW, Lab

STATS, ALERTS = "/api/v1/llm/stats", "/api/v1/llm/alerts"
APIS = [STATS, ALERTS, "/api/v1/llm/advice", "/api/v1/performance", "/api/cache/stats", "/api/v1/health"]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    site = Site.over(publish_usage(tmp_path_factory.mktemp("full"), rows=ROWS))
    yield site
    site.server.stop()


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """One idle source, collected once, and none of the tables of other parts."""
    site = Site.over(publish_usage(tmp_path_factory.mktemp("bare")))
    yield site
    site.server.stop()


@pytest.fixture(scope="module")
def stats(site):
    return httpx.get(f"{site.url}{STATS}").json()


def test_the_stats_have_exactly_the_fields_that_the_dashboard_reads_and_none_is_null(stats):
    assert list(stats) == list(LlmStats.model_fields)
    assert set(stats) >= {"daily_cost", "cost_change", "budget_status", "providers", "snowflake_percentage"}
    assert [name for name, value in stats.items() if value is None] == []


def test_spend_is_what_the_tables_say(site, stats):
    today = "SELECT sum(cost_usd) FROM mart_cost_daily WHERE usage_on = DATE '2026-11-20'"
    month = "SELECT sum(cost_usd) FROM mart_cost_daily WHERE usage_on >= DATE '2026-11-01'"
    assert stats["daily_cost"] == float(site.one(today)) == 10.5
    assert stats["monthly_cost"] == float(site.one(month)) == 24.5


def test_the_cost_dashboard_of_a_version_has_the_same_figures(bare):
    dashboard = get_cost_dashboard(bare.lab.serving, NOW)
    stats = httpx.get(f"{bare.url}{STATS}").json()

    assert (dashboard.daily_cost.cost_usd, dashboard.monthly_cost.cost_usd) == (Decimal("10.5"), Decimal("24.5"))
    assert float(dashboard.daily_cost.cost_usd) == stats["daily_cost"]
    assert float(dashboard.monthly_cost.cost_usd) == stats["monthly_cost"]
    assert dashboard.daily_cost.unpriced_count == 1
    assert [(each.provider, each.model, float(each.cost_usd or 0)) for each in dashboard.cost_by_model] == [
        (each["provider"], each["model"], each["cost"]) for each in stats["providers"]
    ]


def test_the_advice_is_that_of_the_tables(site):
    advice = httpx.get(f"{site.url}/api/v1/llm/advice").json()
    changes = site.lab.serving.query(
        "SELECT DISTINCT period_pair, change_usd FROM mart_cost_change WHERE scope_type = 'all'"
    )

    assert {(each["period_pair"], each["change"]) for each in advice["changes"]} == {
        (pair, float(change)) for pair, change in changes.iter_rows()
    }
    for each in advice["changes"]:
        assert sum(each["effects"].values()) == pytest.approx(each["change"])
    assert advice["suggestions"] == []


def test_today_is_compared_with_yesterday_up_to_the_same_time_of_day(stats):
    assert stats["cost_change"] == 50  # 10.50 after 7.00
    assert stats["daily_requests"] == 4
    assert stats["request_change"] == 100  # 4 after 2; the call of the evening is not compared
    assert stats["avg_response_time"] == 200
    assert stats["response_time_change"] == 100  # 200 ms after 100 ms


def test_the_hit_rate_is_a_percentage_here_and_a_share_in_the_cache_statistics(site, stats):
    cache = httpx.get(f"{site.url}/api/cache/stats").json()

    assert stats["cache_hit_rate"] == 75
    assert cache["hit_rate"] == 0.75
    assert (cache["hits"], cache["misses"], cache["total_queries"], cache["cache_size"]) == (6, 2, 8, 1024)
    assert {name for name, known in cache["availability"].items() if not known} == {
        "avg_similarity",
        "model",
        "threshold",
    }


def test_the_budgets_are_those_of_all_spend_and_the_projection_is_the_published_one(stats):
    assert stats["budget_status"] == {
        "daily_budget": 100,
        "monthly_budget": 30,
        "daily_cost": 10.5,
        "monthly_cost": 24.5,
        "projected_monthly": 36.75,
        "is_over_budget": False,
        "budget_utilization_daily": 10.5,
        "budget_utilization_monthly": pytest.approx(81.6667, abs=1e-4),
    }


def test_a_model_is_there_once_with_the_task_that_it_does_most(stats):
    assert stats["providers"] == [
        {
            "provider": "openai",
            "model": "gpt-4o",
            "requests": 7,
            "cost": 24.5,
            "avg_latency": 967,  # (100 + 100 + 5000 + 100 + 200 + 300) / 6
            "primary_task_type": "chat",
        },
        {
            "provider": "self-hosted",
            "model": "mystery",
            "requests": 1,
            "cost": 0,
            "avg_latency": 0,
            "primary_task_type": "unknown",
        },
    ]
    assert stats["availability"]["providers.self-hosted/mystery.cost"] is False


def test_the_costs_by_task_add_up_to_the_month(stats):
    assert stats["task_costs"] == {"chat": 17.5, "code": 7}
    assert sum(stats["task_costs"].values()) == stats["monthly_cost"]


def test_the_trend_has_seven_days_and_an_idle_one_is_a_zero(stats):
    assert stats["request_trend"] == {
        "labels": ["Nov 14", "Nov 15", "Nov 16", "Nov 17", "Nov 18", "Nov 19", "Nov 20"],
        "values": [0, 0, 0, 0, 0, 3, 4],
    }
    assert stats["availability"]["request_trend"] is True


def test_what_nobody_knows_is_zero_and_named(stats):
    unknown = {name for name, known in stats["availability"].items() if not known and "." not in name}
    assert unknown == {"snowflake_savings", "data_movement_avoided", "task_costs"}
    assert stats["snowflake_savings"] == stats["data_movement_avoided"] == 0
    assert stats["availability"]["daily_cost.complete"] is False


def test_the_cards_are_those_of_the_last_minutes(site):
    answer = httpx.get(f"{site.url}/api/v1/performance").json()

    assert answer == {
        "cache_hit_rate": pytest.approx(37.2),
        "avg_response_time": 1534,
        "active_sessions": 2,
        "system_health": "down",
        "availability": dict.fromkeys(
            ("cache_hit_rate", "avg_response_time", "active_sessions", "system_health"), True
        ),
    }


def test_health_names_every_service_and_a_stale_one_is_unknown(site):
    answer = httpx.get(f"{site.url}/api/v1/health").json()

    assert (answer["server"], answer["status"], answer["timestamp"]) == (
        "sophia-metrics",
        "down",
        "2026-11-20T12:00:00Z",
    )
    assert answer["components"] == {
        "gateway": {"status": "healthy", "response_time_ms": 41.2, "error_message": None},
        "queue": {"status": "unknown", "response_time_ms": 3, "error_message": None},
        "store": {"status": "down", "response_time_ms": None, "error_message": "connection refused"},
    }


def test_the_page_can_be_probed_for_how_long_it_takes(site):
    answer = run_sync(HttpProbe(site.url + "/").ask())

    assert (answer.outcome, answer.latency_ms is not None) == (Outcome.OK, True)


def test_alerts_are_those_about_cost_the_open_ones_first(site):
    alerts = httpx.get(f"{site.url}{ALERTS}").json()

    assert [(each["message"], each["severity"], each["alert_type"]) for each in alerts] == [
        ("budget search is over", "critical", "monthly_budget"),
        ("budget month is close", "warning", "monthly_budget"),
        ("budget day was over", "critical", "daily_budget"),
    ]
    assert alerts[0]["timestamp"] == "2026-11-20T10:00:00Z"
    assert alerts[0].keys() == {"title", "message", "severity", "timestamp", "alert_type"}


def test_alerts_can_be_limited_and_chosen_by_severity(site):
    assert len(httpx.get(f"{site.url}{ALERTS}?limit=1").json()) == 1
    warnings = httpx.get(f"{site.url}{ALERTS}?severity=warning").json()
    assert [each["message"] for each in warnings] == ["budget month is close"]


@pytest.mark.parametrize("query", ["limit=0", "limit=many", "severity=loud"])
def test_a_wrong_question_is_told_what_is_wrong(site, query):
    answer = httpx.get(f"{site.url}{ALERTS}?{query}")

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(f"query.{query.partition('=')[0]}: ")


def test_without_the_tables_of_other_parts_there_is_no_data_and_no_null(bare):
    stats = httpx.get(f"{bare.url}{STATS}").json()
    cache = httpx.get(f"{bare.url}/api/cache/stats").json()

    assert stats["daily_cost"] == 10.5
    assert stats["budget_status"]["monthly_budget"] == 0
    assert stats["availability"]["budget_status.monthly_budget"] is False
    assert stats["availability"]["budget_status.is_over_budget"] is False
    assert stats["alerts"] == []
    assert (cache["total_queries"], cache["hits"]) == (3, 0)  # of today's calls, three say it
    assert httpx.get(f"{bare.url}/api/v1/health").json()["status"] == "unknown"


@pytest.mark.parametrize("path", ["/", *APIS])
def test_who_has_the_version_is_told_so_and_gets_it_no_second_time(site, path):
    first = httpx.get(f"{site.url}{path}")
    again = httpx.get(f"{site.url}{path}", headers={"If-None-Match": first.headers["etag"]})

    assert first.headers["etag"].startswith('W/"v50-')
    assert (again.status_code, again.content) == (304, b"")


@pytest.fixture
def empty(tmp_path):
    site = Site.over(Lab(tmp_path / "state"))
    yield site
    site.server.stop()


def test_where_nothing_is_published_the_api_says_what_to_do_and_the_page_waits(empty):
    answer = httpx.get(f"{empty.url}{STATS}")
    page = httpx.get(empty.url)

    assert answer.status_code == 503
    assert "`sophia-metrics run` does it" in answer.json()["detail"]
    assert page.status_code == 200
    assert "Nothing to show yet" in page.text
    assert httpx.get(f"{empty.url}/health").json() == {"status": "ok"}


def test_what_is_not_there_says_where_to_look(site):
    answer = httpx.get(f"{site.url}/docs")

    assert (answer.status_code, answer.json()["detail"]) == (
        404,
        "/docs is not here: the page is at /, and /openapi.json describes its API",
    )


@pytest.fixture
def changing(tmp_path):
    site = Site.over(publish_usage(tmp_path))
    yield site
    site.server.stop()


def test_a_new_version_is_picked_up_without_a_restart(changing):
    before = httpx.get(f"{changing.url}{STATS}")
    publish_by_hand(changing.lab.home, 60, ROWS)
    after = httpx.get(f"{changing.url}{STATS}", headers={"If-None-Match": before.headers["etag"]})

    assert after.status_code == 200
    assert after.headers["etag"].startswith('W/"v60-')
    assert after.json()["budget_status"]["monthly_budget"] == 30


def test_a_budget_of_a_past_month_is_a_limit_and_no_projection(changing):
    past = ["('month', DATE '2026-10-01', 'all', 'month', 30, 3.5, 0.12, 3, 3.5, 4, 0, 'final', 'ok', NULL)"]
    publish_by_hand(changing.lab.home, 61, {"mart_budget_status": past})
    status = httpx.get(f"{changing.url}{STATS}").json()["budget_status"]

    assert (status["monthly_budget"], status["projected_monthly"]) == (30, 0)
    assert status["budget_utilization_monthly"] == pytest.approx(81.6667, abs=1e-4)


@pytest.mark.parametrize(
    ("zone", "today", "month"),
    [("UTC", 10.5, 24.5), ("Pacific/Kiritimati", 0, 28), ("America/Los_Angeles", 10.5, 24.5)],
)
def test_today_is_a_day_of_the_configured_time_zone(bare, zone, today, month):
    # 12:00 UTC on the 20th is 02:00 on the 21st in Kiritimati (UTC+14): there every call of the 20th was yesterday,
    # and 10:00 UTC on 31 October began the month.
    site = Site.over(bare.lab, zone=zone)
    stats = httpx.get(f"{site.url}{STATS}").json()
    site.server.stop()

    assert (stats["daily_cost"], stats["monthly_cost"]) == (today, month)


SET = "/api/v1/llm/budget/set"
OURS = {"X-Sophia-Metrics": "1"}


def test_a_budget_that_is_set_holds_and_is_published_at_once(changing):
    answer = httpx.post(f"{changing.url}{SET}?monthly_budget=49", headers=OURS)
    status = httpx.get(f"{changing.url}{STATS}").json()["budget_status"]

    assert answer.json() == {
        "status": "success",
        "daily_budget": 0,
        "monthly_budget": 49,
        "availability": {"daily_budget": False, "monthly_budget": True},
    }
    assert (status["monthly_budget"], status["budget_utilization_monthly"]) == (49, 50)


@pytest.mark.parametrize("query", ["", "?daily_budget=0", "?daily_budget=many", "?monthly_budget=-1"])
def test_a_budget_that_is_none_is_refused_and_changes_nothing(site, query):
    answer = httpx.post(f"{site.url}{SET}{query}", headers=OURS)

    assert answer.status_code == 422
    assert "budget" in answer.json()["detail"]


def test_a_budget_is_not_set_by_a_foreign_page(site):
    assert httpx.post(f"{site.url}{SET}?daily_budget=1").status_code == 403


BUDGETS = "/api/v1/budgets"
CHAT = {
    "limit_usd": 12.5,
    "scope": "tag:feature/chat",
    "period": "week",
    "start_day": 3,
    "time_zone": "Europe/Berlin",
    "thresholds": [0.5, 1],
    "forecast_thresholds": [1.1],
}


def test_any_budget_can_be_put_read_and_taken_back(changing):
    put = httpx.put(f"{changing.url}{BUDGETS}/chat", json=CHAT, headers=OURS)
    planned = httpx.put(
        f"{changing.url}{BUDGETS}/chat", json={**CHAT, "limit_usd": "20", "from_on": "2026-12-01"}, headers=OURS
    )
    listed = httpx.get(f"{changing.url}{BUDGETS}").json()
    published = changing.one("SELECT scope || ' ' || period || ' ' || limit_usd::DOUBLE FROM mart_budget_status")
    deleted = httpx.delete(f"{changing.url}{BUDGETS}/chat", headers=OURS)

    told = {**CHAT, "name": "chat", "origin": "set", "valid_from_at": "2026-11-20T12:00:00Z", "valid_to_at": None}
    later = {**told, "limit_usd": 20, "valid_from_at": "2026-11-30T23:00:00Z"}  # midnight in Berlin
    assert (put.json(), planned.json()) == (told, later)
    assert listed == [{**told, "valid_to_at": "2026-11-30T23:00:00Z"}, later]
    assert published == "tag:feature/chat week 12.5"
    assert deleted.status_code == 204
    assert httpx.get(f"{changing.url}{BUDGETS}").json() == []


@pytest.mark.parametrize(
    ("name", "changes", "problem"),
    [
        ("chat", {"limit_usd": -1}, "the limit must be a number of dollars above 0"),
        ("chat", {"scope": "user/ada"}, "the scope 'user/ada' has no known form"),
        ("chat", {"period": "year"}, "the period is day, week, month or quarter"),
        ("chat", {"start_day": 8}, "start_day of a week is 1 (Monday) to 7 (Sunday)"),
        ("chat", {"time_zone": "Mars"}, "'Mars' is no time zone"),
        ("chat", {"thresholds": [1, 0.5]}, "thresholds must ascend"),
        ("chat", {"from_on": "2026-11-19"}, "what held before today stays"),
        ("Chat", {}, "a name is a small letter"),
        ("chat", {"limits": 3}, "body.limits"),
    ],
)
def test_what_cannot_be_a_budget_is_refused_as_on_the_command_line(site, name, changes, problem):
    answer = httpx.put(f"{site.url}{BUDGETS}/{name}", json={**CHAT, **changes}, headers=OURS)

    assert answer.status_code == 422
    assert problem in answer.json()["detail"]


def test_a_budget_that_nobody_set_is_not_there_to_be_deleted(site):
    answer = httpx.delete(f"{site.url}{BUDGETS}/chat", headers=OURS)

    assert answer.status_code == 404
    assert "no budget 'chat' was set" in answer.json()["detail"]


def test_a_foreign_page_neither_puts_nor_deletes_a_budget(site):
    assert httpx.put(f"{site.url}{BUDGETS}/chat", json=CHAT).status_code == 403
    assert httpx.delete(f"{site.url}{BUDGETS}/chat").status_code == 403
