"""State of budgets: what may be spent, and the days and periods by which it is counted."""

from sophia_metrics.schema.column import Column, Kind, Storage, Table

__all__ = ["BUDGETS", "BUDGET_PERIODS", "CALENDAR_DAYS"]

TEXT, BOOLEAN, DATE, INSTANT = Kind.TEXT, Kind.BOOLEAN, Kind.DATE, Kind.INSTANT
COUNT, MONEY, REAL = Kind.COUNT, Kind.MONEY, Kind.REAL

BUDGETS = Table(
    name="core_budgets",
    doc="The budgets, effective-dated. What was set through the API or the command line wins over sophia.toml until it is unset.",
    key=("budget", "origin", "valid_from_at"),
    columns=(
        Column("budget", TEXT, "Name of the budget.", True),
        Column(
            "origin", TEXT, "set: through the API or the command line; configured: in sophia.toml, or a default.", True
        ),
        Column("scope_type", TEXT, "all, provider, model, team, project, environment, or tag: and its name.", True),
        Column("scope_value", TEXT, "The value of that dimension or tag; all for everything.", True),
        Column("period", TEXT, "day, week, month or quarter.", True),
        Column("limit_usd", MONEY, "What may be spent in a period.", True),
        Column("time_zone", TEXT, "IANA name of the zone whose days are meant.", True),
        Column("thresholds", TEXT, "Shares of the limit at which a person is told, ascending, as a JSON list.", True),
        Column("warning_ratio", REAL, "The lowest of them.", True),
        Column("valid_from_at", INSTANT, "First instant at which the budget holds (UTC).", True),
        Column("valid_to_at", INSTANT, "First instant at which it no longer holds (UTC). Null: until further notice."),
        Column(
            "start_day",
            COUNT,
            "On which day a period begins: of a week 1 is Monday; else the day of the month. Null: on the first.",
        ),
        Column(
            "forecast_thresholds",
            TEXT,
            "Shares of the limit, ascending, as a JSON list: a person is told when the forecast reaches one. Null: [1].",
        ),
    ),
    storage=Storage.STATE,
)

BUDGET_PERIODS = Table(
    name="core_budget_periods",
    doc="The periods that budgets have at the publish: of each kind the one that holds then, and the one before it.",
    key=("time_zone", "period", "start_day", "period_start_on"),
    columns=(
        Column("time_zone", TEXT, "IANA name.", True),
        Column("period", TEXT, "day, week, month or quarter.", True),
        Column("start_day", COUNT, "On which day it begins, as in core_budgets; 1 where that is null.", True),
        Column("period_start_on", DATE, "Its first day in that zone.", True),
        Column("period_end_on", DATE, "Its last day in that zone.", True),
        Column("start_at", INSTANT, "When it begins (UTC).", True),
        Column("end_at", INSTANT, "When it ends, exclusive (UTC).", True),
    ),
    storage=Storage.SERVING,
)

CALENDAR_DAYS = Table(
    name="core_calendar_days",
    doc="The days around the publish as the time zones of budgets, and UTC, count them; made anew at each publish.",
    key=("time_zone", "day_on"),
    columns=(
        Column("time_zone", TEXT, "IANA name.", True),
        Column("day_on", DATE, "The day in that zone.", True),
        Column("month_on", DATE, "The first day of its month.", True),
        Column("start_at", INSTANT, "When it begins (UTC).", True),
        Column("end_at", INSTANT, "When it ends, exclusive (UTC): 23, 24 or 25 hours later, or another time.", True),
        Column("is_weekend", BOOLEAN, "A Saturday or a Sunday.", True),
    ),
    storage=Storage.SERVING,
)
