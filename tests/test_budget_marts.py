"""What is spent of a budget, against exact sums over the events: any zone, any scope, clock changes included."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import duckdb
import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sophia_metrics import schema
from sophia_metrics.calendars import calendar_frame
from sophia_metrics.marts import mart
from sophia_metrics.periods import Terms, period_frame
from sophia_metrics.schema.ddl import create_table
from sophia_metrics.schema.polars_types import polars_schema

at = datetime.fromisoformat
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "America/Santiago", "Pacific/Chatham")
SCOPES = (("all", "all"), ("team", "search"), ("provider", "openai"), ("tag:feature", "chat"))
KINDS = (("day", None), ("week", 3), ("month", None), ("month", 31), ("quarter", 15))
BUDGETS = [
    {
        "budget": f"{zone} {period} {start_day} {scope_type}",
        "origin": "configured",
        "scope_type": scope_type,
        "scope_value": scope_value,
        "period": period,
        "start_day": start_day,
        "limit_usd": Decimal(100),
        "time_zone": zone,
        "thresholds": "[0.8, 1]",
        "warning_ratio": 0.8,
        "valid_from_at": at("2020-01-01"),
    }
    for zone in ZONES
    for period, start_day in KINDS
    for scope_type, scope_value in SCOPES
]
TERMS = [Terms(zone, period, start_day or 1) for zone in ZONES for period, start_day in KINDS]
NOWS = st.sampled_from(
    [
        at("2026-10-25 12:00"),  # clocks went back in Berlin that morning
        at("2026-11-01 05:30"),  # they go back in New York within the hour; a month has just begun there
        at("2026-03-08 12:00"),  # they went forward in New York
        at("2026-09-06 03:59:59.999999"),  # in Santiago the day after begins at 01:00, one microsecond later
        at("2028-02-29 23:59"),
        at("2026-12-31 18:20"),  # in Kathmandu the new year is five minutes old
    ]
)
EVENTS = st.lists(
    st.fixed_dictionaries(
        {
            "hours_ago": st.one_of(
                st.integers(0, 184 * 24).map(Decimal),
                st.decimals(0, 184 * 24, places=6),
                st.sampled_from([Decimal(0), Decimal("0.25"), Decimal(24), Decimal("23.75")]),
            ),
            "team": st.sampled_from([None, "search", "support"]),
            "tags": st.sampled_from(
                [None, '{"feature":"chat"}', '{"feature":"chatter"}', '{"a":"b","feature":"chat"}']
            ),
            "cost_usd": st.one_of(st.none(), st.decimals(0, 50, places=12)),
            "source_role": st.sampled_from(["ledger", "ledger", "reconcile"]),
        }
    ),
    max_size=12,
)


def created(event, ordinal, now):
    started_at = now - timedelta(hours=float(event["hours_ago"]))
    return {
        **{name: value for name, value in event.items() if name != "hours_ago"},
        "event_id": str(ordinal),
        "started_at": started_at,
        "usage_on": started_at.date(),
        "provider": "openai",
        "model": "gpt-5",
        "source": "gateway",
        "record_kind": "call",
        "status": "ok",
        "request_count": 1,
        "version_rank": 0,
        "ingested_at": now,
        "attempt_id": "attempt",
        "usage_quality": "exact",
        "price_status": "unpriced" if event["cost_usd"] is None else "priced",
    }


def marts_of(events, now):
    """Return the rows of mart_budget_days and mart_budget_status over events that were all collected at `now`."""
    given_rows = {
        "core_usage_events": events,
        "core_budgets": BUDGETS,
        "core_watermarks": [
            {
                "source": "gateway",
                "format": "events",
                "source_role": "ledger",
                "collected_at": now,
                "settled_through_at": now - timedelta(hours=1),
                "expected_within_seconds": 1,
            }
        ],
    }
    with duckdb.connect() as connection:
        for name, rows in given_rows.items():
            frame = pl.DataFrame(rows, schema=polars_schema(schema.table(name))).to_arrow()
            connection.register(name, frame)
        connection.register("core_calendar_days", calendar_frame(ZONES, now).to_arrow())
        connection.register("core_budget_periods", period_frame(TERMS, now).to_arrow())
        connection.execute(create_table(schema.table("core_forecast_snapshots")))
        connection.execute(create_table(schema.table("core_price_cards")))
        found = {}
        for name in (
            "mart_cost_15min",
            "mart_source_daily",
            "mart_settlement",
            "mart_budget_days",
            "mart_budget_status",
        ):
            each = mart(name)
            connection.execute(create_table(each.table))
            connection.execute(f"INSERT INTO {name} BY NAME {each.sql}", dict.fromkeys(each.parameters, now))
            found[name] = connection.sql(f"SELECT * FROM {name}").pl().rows(named=True)
    return found["mart_budget_days"], found["mart_budget_status"]


def is_in(event, budget):
    return {
        "all": True,
        "provider": True,
        "team": event["team"] == "search",
        "tag:feature": event["tags"] is not None and '"feature":"chat"' in event["tags"],
    }[budget["scope_type"]]


def local_day_by_python(zone, moment):
    return moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).date()


def spent(events, budget, start_on):
    """Add up by the calendar of the zone alone: None where calls were made and the cost of none is known."""
    days = [(event, local_day_by_python(budget["time_zone"], event["started_at"])) for event in events]
    within = [
        event["cost_usd"]
        for event, day in days
        if event["source_role"] == "ledger"
        and is_in(event, budget)
        and Terms(budget["time_zone"], budget["period"], budget["start_day"] or 1).start_of(day) == start_on
    ]
    known = [cost for cost in within if cost is not None]
    return (None if within and not known else sum(known, Decimal(0))), len(within) - len(known)


HOLDS_MARTS = settings(deadline=None, max_examples=15)
"""An example takes a quarter of a second: DuckDB plans and runs five marts for 48 budgets."""


@HOLDS_MARTS
@given(EVENTS, NOWS)
def test_what_is_spent_is_the_exact_sum_of_the_events_of_the_period(usage, now):
    events = [created(event, ordinal, now) for ordinal, event in enumerate(usage)]
    _, status = marts_of(events, now)
    budgets = {budget["budget"]: budget for budget in BUDGETS}

    assert len(status) == 2 * len(BUDGETS)
    for row in status:
        budget = budgets[row["budget"]]
        found = (row["spent_usd"], row["unpriced_count"])
        assert found == spent(events, budget, row["period_start_on"]), row


@HOLDS_MARTS
@given(EVENTS, NOWS)
def test_the_days_of_a_period_add_up_to_it(usage, now):
    days, status = marts_of([created(event, ordinal, now) for ordinal, event in enumerate(usage)], now)

    for row in (row for row in status if row["period"] != "day" and row["spent_usd"] is not None):
        start_day = next(budget["start_day"] for budget in BUDGETS if budget["budget"] == row["budget"])
        terms = Terms(row["time_zone"], row["period"], start_day or 1)
        own = [
            day["cost_usd"]
            for day in days
            if day["time_zone"] == row["time_zone"]
            and row["scope"] in (day["scope_type"], f"{day['scope_type']}/{day['scope_value']}")
            and terms.start_of(day["day_on"]) == row["period_start_on"]
        ]
        assert sum((cost for cost in own if cost is not None), Decimal(0)) == row["spent_usd"]


@HOLDS_MARTS
@given(EVENTS, NOWS, st.decimals(0, 500, places=12))
@example([], at("2026-10-25 12:00"), Decimal(100))
def test_more_spend_is_never_less_anywhere(usage, now, more):
    events = [created(event, ordinal, now) for ordinal, event in enumerate(usage)]
    one = {"hours_ago": Decimal(0), "team": "search", "tags": '{"feature":"chat"}', "cost_usd": more}
    extra = created({**one, "source_role": "ledger"}, len(events), now)
    before = {(row["budget"], row["period_start_on"]): row for row in marts_of(events, now)[1]}
    _, after = marts_of([*events, extra], now)

    for row in after:
        was = before[row["budget"], row["period_start_on"]]
        gained = more if row["is_current"] else Decimal(0)
        assert (row["spent_usd"] or 0) == (was["spent_usd"] or 0) + gained
        assert row["projected_p50_usd"] is None or row["projected_p50_usd"] >= row["spent_usd"]
        assert row["budget_state"] != "ok" or row["spent_usd"] < 80
        assert (row["budget_state"] == "over") == (row["spent_usd"] is not None and row["spent_usd"] >= 100)
