"""How often the schedules of prefect.yaml wake a warehouse of Snowflake, as docs/snowflake.md estimates it."""

import re
from pathlib import Path

import pytest

from sophia_metrics import cron
from tasks.schedule import deployment_entries

ROOT = Path(__file__).parents[1]
DAY_SECONDS = 86_400
STATEMENT_SECONDS, IDLE_SECONDS = 20, 60
"""As docs/snowflake.md assumes: of statements in a run, and until the warehouse sleeps again."""
FORWARDED_FOR = 13.5 * 60
"""So long after a publish, which forwards, sync-warehouse has nothing to do: nine tenths of commit_every_minutes."""
NEVER_PUBLISHING = {"collect-usage"}


def scheduled():
    """Return the crons of the flows that touch Snowflake, by deployment."""
    found = {}
    for entry in deployment_entries():
        source = (ROOT / entry["entrypoint"].partition(":")[0]).read_text(encoding="utf-8")
        is_local = "read_settings(config).local" in source
        if entry.get("schedules") and not is_local:
            found[entry["name"]] = [each["cron"] for each in entry["schedules"]]
    return found


def ticks(expression):
    """Return the seconds of a day at which a cron that is due every day comes due."""
    minutes, hours, *every = expression.split()
    assert every == ["*", "*", "*"]
    places = [cron._values(part, bounds) for part, bounds in zip((minutes, hours), cron.BOUNDS, strict=False)]
    return [60 * (60 * hour + minute) for minute in places[0] for hour in places[1]]


def awake(crons):
    """Return how often a warehouse wakes in a day, and how many seconds it is awake."""
    runs = sorted((at, name) for name, each in crons.items() for one in each for at in ticks(one))
    busy_until, forwarded_at, wakes, seconds = -DAY_SECONDS, -DAY_SECONDS, 0, 0
    for at, name in runs:
        if name == "sync-warehouse" and at - forwarded_at < FORWARDED_FOR:
            continue
        if at > busy_until + IDLE_SECONDS:
            wakes, seconds, busy_until = wakes + 1, seconds + IDLE_SECONDS, at
        ends_at = max(at, busy_until) + STATEMENT_SECONDS
        seconds += ends_at - busy_until
        busy_until = ends_at
        if name not in NEVER_PUBLISHING:
            forwarded_at = at
    return wakes, seconds


def together(crons, quarterly):
    """Return the same flows on the same minutes: those of every quarter of an hour when it is said, hourly ones at 0."""

    def moved(expression):
        minutes, hours, *_ = expression.split()
        return quarterly if "/" in minutes else "0 * * * *" if hours == "*" else expression

    return {name: [moved(one) for one in each] for name, each in crons.items()}


def row(wakes, seconds):
    """Return the figures of a line of the table."""
    credits_used = seconds / 3600
    return f"({wakes} times) | {seconds:,} | {credits_used:.2f} | {credits_used * 30:.0f} | {credits_used * 90:.0f} |"


def test_the_flows_that_run_every_minute_leave_snowflake_alone():
    assert set(scheduled()) == {
        "run-pipeline", "close-day", "collect-usage", "build-dashboard", "check-budgets", "check-quality",
        "maintain-warehouse", "sync-warehouse",
    }  # fmt: skip


def test_a_wake_lasts_as_long_as_its_statements_and_a_minute_and_serves_whoever_comes_meanwhile():
    assert awake({"a": ["0 1 * * *"]}) == (1, 80)
    assert awake({"a": ["0 1 * * *"], "b": ["0 1 * * *"]}) == (1, 100)
    assert awake({"a": ["0 1 * * *"], "b": ["1 1 * * *"]}) == (1, 140)
    assert awake({"a": ["0 1 * * *"], "b": ["2 1 * * *"]}) == (2, 160)


def test_one_wake_serves_a_collection_and_what_follows_it():
    wakes, _ = awake(scheduled())
    assert wakes == 96 + 4  # each quarter of an hour, and the four that are due once a day


@pytest.mark.parametrize("quarterly", [None, "*/15 * * * *", "0 * * * *"])
def test_the_estimate_in_the_docs_is_counted_from_the_schedules(quarterly):
    crons = scheduled() if quarterly is None else together(scheduled(), quarterly)
    docs = (ROOT / "docs" / "snowflake.md").read_text(encoding="utf-8")
    lines = [line for line in docs.splitlines() if re.search(r"\(\d+ times\) \|", line)]
    assert len(lines) == 3
    assert any(line.endswith(row(*awake(crons))) for line in lines), row(*awake(crons))
