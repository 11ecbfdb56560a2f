"""The marts of findings: what was computed from settled days, as people and dashboards read it."""

from sophia_metrics.schema.column import Column, Kind, Storage, Table

__all__ = ["ANOMALIES_MART", "COST_FORECAST", "FORECAST_ACCURACY"]

TEXT, BOOLEAN, DATE, INSTANT = Kind.TEXT, Kind.BOOLEAN, Kind.DATE, Kind.INSTANT
COUNT, MONEY, REAL = Kind.COUNT, Kind.MONEY, Kind.REAL

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
