"""Marts of budgets."""

from sophia_metrics.schema.column import Column, Kind, Storage, Table

__all__ = ["BUDGET_DAYS", "BUDGET_STATUS"]

TEXT, BOOLEAN, DATE, INSTANT = Kind.TEXT, Kind.BOOLEAN, Kind.DATE, Kind.INSTANT
COUNT, MONEY, REAL = Kind.COUNT, Kind.MONEY, Kind.REAL

BUDGET_DAYS = Table(
    name="mart_budget_days",
    doc="What the scope of each budget cost on the days of the budget's time zone: up to 64 before now, and today.",
    key=("time_zone", "scope_type", "scope_value", "day_on"),
    columns=(
        Column("time_zone", TEXT, "IANA name.", True),
        Column("scope_type", TEXT, "all, provider, model, team, project, environment, or tag: and its name.", True),
        Column("scope_value", TEXT, "The value of that dimension or tag; all for everything.", True),
        Column("day_on", DATE, "The day in that zone.", True),
        Column("is_weekend", BOOLEAN, "A Saturday or a Sunday.", True),
        Column("cost_usd", MONEY, "Spend. Null: not collected yet, or the cost of no call of the day is known."),
        Column("unpriced_count", COUNT, "Calls that should have a cost and have none.", True),
        Column("has_calls", BOOLEAN, "Calls were made.", True),
        Column("is_settled", BOOLEAN, "No source can tell of the day any more.", True),
        Column("data_through_at", INSTANT, "The earliest of the last collections of its sources (UTC)."),
    ),
    storage=Storage.SERVING,
)

BUDGET_STATUS = Table(
    name="mart_budget_status",
    doc="How each budget stands, in the period that holds now and in the one before it. docs/costs.md has the formulas.",
    key=("budget", "period_start_on"),
    columns=(
        Column("budget", TEXT, "Name of the budget.", True),
        Column("period_start_on", DATE, "First day of the period, in the budget's time zone.", True),
        Column("scope", TEXT, "all, or as team/search and tag:feature/chat.", True),
        Column("period", TEXT, "day, week, month or quarter.", True),
        Column("time_zone", TEXT, "IANA name of the zone of the period.", True),
        Column("start_at", INSTANT, "Start of the period (UTC).", True),
        Column("end_at", INSTANT, "End of the period, exclusive (UTC).", True),
        Column("is_current", BOOLEAN, "The period holds at the publish.", True),
        Column("limit_usd", MONEY, "What may be spent.", True),
        Column("thresholds", TEXT, "Shares of the limit at which a person is told, ascending, as a JSON list.", True),
        Column(
            "forecast_thresholds",
            TEXT,
            "The same for projected_p50_usd: a person is told when the forecast reaches one.",
            True,
        ),
        Column(
            "spent_usd",
            MONEY,
            "What is spent so far. Null: nothing was collected since the start of the period, or no cost is known.",
        ),
        Column("spent_ratio", REAL, "The same as a share of the limit; 1.0 and more is over."),
        Column("unpriced_count", COUNT, "Calls of the period that should have a cost and have none.", True),
        Column("projected_p10_usd", MONEY, "Spend at the end of the period: less than this in one of ten cases."),
        Column("projected_p50_usd", MONEY, "The same: the middle. Null: fewer than 3 settled days."),
        Column("projected_p90_usd", MONEY, "The same: more than this in one of ten cases."),
        Column("breach_probability", REAL, "How likely the spend reaches the limit. Null: unknown."),
        Column(
            "projection_state",
            TEXT,
            "forecast: by core_forecast_snapshots; projected: by the mean of settled days; rough: without a range, for want of 14 settled days; final: all days are settled;"
            " insufficient_history: fewer than 3 settled days; no_data: the spend is unknown.",
            True,
        ),
        Column(
            "budget_state",
            TEXT,
            "over: the limit is reached; warning: the lowest threshold is; ok: neither; no_data: the spend is unknown.",
            True,
        ),
        Column("data_through_at", INSTANT, "The spend is known up to here (UTC): the earliest collection."),
    ),
    storage=Storage.SERVING,
)
