"""The marts of findings: forecasts, anomalies, why spend changed, what to do about it, and whether it was worth it."""

from sophia_metrics.schema.column import Column, Kind, Storage, Table
from sophia_metrics.schema.marts import DIMENSION_NAMES, DIMENSIONS

__all__ = [
    "ANOMALIES_MART",
    "COST_CHANGE",
    "COST_FORECAST",
    "COST_PARTS",
    "FORECAST_ACCURACY",
    "KPI",
    "SAVINGS",
    "SUGGESTIONS_MART",
]

TEXT, BOOLEAN, DATE, INSTANT = Kind.TEXT, Kind.BOOLEAN, Kind.DATE, Kind.INSTANT
COUNT, MONEY, QUANTITY, REAL = Kind.COUNT, Kind.MONEY, Kind.QUANTITY, Kind.REAL

SCOPE = (
    Column("scope_type", TEXT, "all, provider, model, team, project, environment, or tag: and its name.", True),
    Column("scope_value", TEXT, "The value of that dimension or tag; all for everything.", True),
)

COST_FORECAST = Table(
    name="mart_cost_forecast",
    doc="What each scope is expected to spend on the UTC days to come: the newest forecast, of settled days. A scope of which nothing can be said is not here. docs/forecasts.md tells how it is made.",
    key=("scope_type", "scope_value", "target_on"),
    columns=(
        *SCOPE,
        Column("target_on", DATE, "The UTC day.", True),
        Column("horizon_days", COUNT, "How many days after data_through_on that is, from 1.", True),
        Column("p10_usd", MONEY, "Spend of that day: less than this in one of ten cases.", True),
        Column("p50_usd", MONEY, "The same: the middle.", True),
        Column("p90_usd", MONEY, "The same: more than this in one of ten cases.", True),
        Column(
            "through_p10_usd",
            MONEY,
            "Spend of all days after data_through_on up to that day: one of ten is below.",
            True,
        ),
        Column("through_p50_usd", MONEY, "The same: the middle.", True),
        Column("through_p90_usd", MONEY, "The same: one of ten is above.", True),
        Column("method", TEXT, "How it was made; docs/forecasts.md describes each.", True),
        Column("data_through_on", DATE, "The last settled day that the forecast knew.", True),
        Column("day_count", COUNT, "Settled days that it was made from.", True),
        Column(
            "backtest_mase",
            REAL,
            "Mean absolute error of the method on this history, as a share of seasonal naive's. Null: too little history.",
        ),
        Column(
            "coverage_ratio",
            REAL,
            "Share of this scope's earlier forecasts whose range held what was spent. Null: none is scored yet.",
        ),
    ),
    storage=Storage.SERVING,
)

FORECAST_ACCURACY = Table(
    name="mart_forecast_accuracy",
    doc="How good earlier forecasts were, by scope and by how far ahead they looked: those of the UTC days that are settled by now, as far back as a version shows.",
    key=("scope_type", "scope_value", "horizon_days"),
    columns=(
        *SCOPE,
        Column("horizon_days", COUNT, "1: the next day; 7: 2 to 7 days ahead; 14: 8 to 14; 28: 15 to 28.", True),
        Column("scored_count", COUNT, "Forecasts of days whose spend is known by now.", True),
        Column("first_on", DATE, "The first of these days.", True),
        Column("last_on", DATE, "The last of these days.", True),
        Column("error_usd", MONEY, "Mean absolute difference between the middle and what was spent.", True),
        Column(
            "mase",
            REAL,
            "The same, as a share of that of seasonal naive, which says what the same weekday cost last. Null: that is unknown, or was right.",
        ),
        Column("coverage_ratio", REAL, "Share of these days whose spend was within p10 and p90; 0.8 is meant.", True),
        Column("bias_usd", MONEY, "Mean of the middle less what was spent: above 0 it was too much.", True),
        Column("bias_ratio", REAL, "The same, as a share of what was spent. Null: nothing was."),
    ),
    storage=Storage.SERVING,
)

ANOMALIES_MART = Table(
    name="mart_anomalies",
    doc="Settled UTC days that were not as expected, and still are not, of the last 160 days; docs/anomalies.md has the kinds.",
    key=("scope_type", "scope_value", "usage_on", "kind"),
    columns=(
        Column("scope_type", TEXT, "all, provider, model, team, project, environment, user or key.", True),
        Column("scope_value", TEXT, "The value; all for everything. Of users and keys the keyed hash.", True),
        Column("usage_on", DATE, "The UTC day.", True),
        Column("kind", TEXT, "What is unusual; docs/anomalies.md lists the kinds.", True),
        Column("observed_usd", MONEY, "What was spent. Null: it is not about money."),
        Column("expected_usd", MONEY, "What was expected, without knowing the day itself. Null: nothing was."),
        Column("score", REAL, "How far from usual, in robust standard deviations. Null: the kind has no scale."),
        Column("impact_usd", MONEY, "Spend above what was expected. Null: unknown."),
        Column("explanation", TEXT, "One sentence for a person.", True),
        Column("evidence", TEXT, "The figures behind it, as JSON.", True),
        Column("found_at", INSTANT, "When it was first found (UTC).", True),
    ),
    storage=Storage.SERVING,
)

COST_PARTS = Table(
    name="mart_cost_parts",
    doc="Of which parts the cost of each UTC day is made: so much of a thing, at so many dollars. The parts add up to"
    " cost_usd of mart_cost_daily. docs/change.md lists them.",
    key=("usage_on", *DIMENSION_NAMES, "route", "price_tier", "part"),
    columns=(
        Column("usage_on", DATE, "UTC day.", True),
        *DIMENSIONS,
        Column("route", TEXT, "Through whom it was called and billed; '(none)' where the source does not tell.", True),
        Column(
            "price_tier",
            TEXT,
            "The service tier; with ' above ' and a number of tokens where a price for long prompts was used.",
            True,
        ),
        Column(
            "part",
            TEXT,
            "input, cache_read, cache_write_5m, cache_write_1h, cache_write_both, output, unit: and its name, billing,"
            " other; call counts the calls of known cost, unpriced those of unknown cost.",
            True,
        ),
        Column("quantity", QUANTITY, "How much: tokens, units or calls; of billing, millionths of dollars.", True),
        Column("cost_usd", MONEY, "What it cost. Null: unpriced."),
    ),
    storage=Storage.DAY_FILES,
    day="usage_on",
    order=("usage_on", *DIMENSION_NAMES, "route", "price_tier", "part"),
)

COST_CHANGE = Table(
    name="mart_cost_change",
    doc="Why the spend of a scope changed between two periods of settled UTC days: effects that add up to the change"
    " exactly, by model and team. docs/change.md has the formulas.",
    key=("scope_type", "scope_value", "period_pair", "effect", "provider", "model", "team"),
    columns=(
        Column("scope_type", TEXT, "all, provider or team.", True),
        Column("scope_value", TEXT, "The value of that dimension; all for everything.", True),
        Column(
            "period_pair",
            TEXT,
            "day: the last settled day and the same weekday before; week: 7 days and the 7 before; four_weeks: 28 and"
            " the 28 before; month_to_date: the month and the same days of the month before.",
            True,
        ),
        Column(
            "effect",
            TEXT,
            "price, volume, mix, new, gone; or unknown: calls without a known cost, beside the sums.",
            True,
        ),
        *(column for column in DIMENSIONS if column.name in {"provider", "model", "team"}),
        Column("subject", TEXT, "The three in a phrase.", True),
        Column("amount_usd", MONEY, "By how much that changed the spend. Null: the effect is unknown."),
        Column("before_usd", MONEY, "Known spend of the subject in the period before.", True),
        Column("after_usd", MONEY, "Known spend of the subject in the later period.", True),
        Column("change_usd", MONEY, "By how much the known spend of the scope changed: the sum of all amounts.", True),
        Column("unpriced_before_count", COUNT, "Calls of the subject without a cost in the period before.", True),
        Column("unpriced_after_count", COUNT, "The same in the later period.", True),
        Column("before_start_on", DATE, "First UTC day of the period before.", True),
        Column("before_end_on", DATE, "Last UTC day of it.", True),
        Column("start_on", DATE, "First UTC day of the later period.", True),
        Column("end_on", DATE, "Last UTC day of it.", True),
    ),
    storage=Storage.SERVING,
)

SUGGESTIONS_MART = Table(
    name="mart_suggestions",
    doc="What could be done to spend less, as it holds now. docs/suggestions.md lists the kinds.",
    key=("suggestion_id",),
    columns=(
        Column("suggestion_id", TEXT, "Hash over kind and subject.", True),
        Column("kind", TEXT, "What could be changed.", True),
        Column("subject", TEXT, "What it is about: a model of a team, a budget.", True),
        Column("message", TEXT, "What was seen, in a sentence.", True),
        Column("action", TEXT, "What to do, in a sentence.", True),
        Column("saving_usd", MONEY, "What it would save in 30 days, as likely as not. Null: unknown."),
        Column("saving_low_usd", MONEY, "The same: more than this in nine of ten cases. Null: unknown."),
        Column("saving_high_usd", MONEY, "The same: less than this in nine of ten cases. Null: unknown."),
        Column("evidence", TEXT, "The figures behind it, as JSON.", True),
        Column("window_start_on", DATE, "First day of the usage that was looked at.", True),
        Column("window_end_on", DATE, "Last day of it. Null: it goes on."),
        Column("first_at", INSTANT, "When it was first suggested (UTC). Null: it is computed at each publish."),
    ),
    storage=Storage.SERVING,
)

SAVINGS = Table(
    name="mart_savings",
    doc="What caches saved, by UTC day, net of what they cost.",
    key=("usage_on",),
    columns=(
        Column("usage_on", DATE, "UTC day.", True),
        Column(
            "prompt_cache_saving_usd",
            MONEY,
            "What the providers' prompt caches saved, less the premium for writing to them: it may be negative. Null:"
            " no call of the day has a known cost.",
        ),
        Column(
            "response_cache_saving_usd",
            MONEY,
            "What response caches saved, less what they cost, as the application tells. Null: it does not tell.",
        ),
        Column(
            "unpriced_hit_count",
            COUNT,
            "Hits of response caches whose saving is unknown: they are in no sum. Null: no lookup was counted.",
        ),
        Column("unpriced_count", COUNT, "Calls that should have a cost and have none. Null: there were no calls."),
    ),
    storage=Storage.SERVING,
)

KPI = Table(
    name="mart_kpi",
    doc="How the KPI of the plan stand: the last 28 settled UTC days against the baseline. docs/kpi.md says which and why.",
    key=("kpi",),
    columns=(
        Column(
            "kpi",
            TEXT,
            "cache_hit_rate (0 to 1), daily_cost (dollars a day) or dashboard_load_ms (milliseconds).",
            True,
        ),
        Column("baseline_value", REAL, "Its value in the window of the baseline. Null: there is none yet."),
        Column("current_value", REAL, "Its value in the last 28 settled days. Null: they are not all known yet."),
        Column("target_ratio", REAL, "By which share it should change: 0.8 is 80 % more, -0.25 a quarter less.", True),
        Column("change_ratio", REAL, "By which share it did. Null: a value is unknown, or the baseline is 0."),
        Column(
            "kpi_state",
            TEXT,
            "ok: two full windows are compared; insufficient_history: there are none that do not overlap.",
            True,
        ),
        Column("is_met", BOOLEAN, "The target is reached. Null: kpi_state is not ok, or change_ratio is unknown."),
        Column("baseline_start_on", DATE, "First UTC day of the baseline's window."),
        Column("baseline_end_on", DATE, "Last UTC day of it."),
        Column("window_start_on", DATE, "First UTC day of the current window. Null: nothing is settled."),
        Column("window_end_on", DATE, "Last UTC day of it."),
    ),
    storage=Storage.SERVING,
)
