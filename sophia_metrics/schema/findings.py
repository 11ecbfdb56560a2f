"""Findings: what was computed from settled days and is kept, so that it can be shown, compared and scored later."""

from sophia_metrics.schema.column import Column, Kind, Storage, Table

__all__ = [
    "ANOMALIES",
    "FINDINGS",
    "FORECAST_SNAPSHOTS",
    "KPI_BASELINES",
    "PRICE_DRIFTS",
    "REPRICES",
    "SUGGESTIONS",
]

TEXT, BOOLEAN, DATE, INSTANT = Kind.TEXT, Kind.BOOLEAN, Kind.DATE, Kind.INSTANT
COUNT, RATE, MONEY, REAL = Kind.COUNT, Kind.RATE, Kind.MONEY, Kind.REAL

FORECAST_SNAPSHOTS = Table(
    name="core_forecast_snapshots",
    doc="Forecasts as they were made, one row for each day ahead. They are never changed, so that they can be scored.",
    key=("time_zone", "scope_type", "scope_value", "data_through_on", "target_on"),
    columns=(
        Column("time_zone", TEXT, "IANA name of the zone whose days are meant; UTC, or that of a budget.", True),
        Column("scope_type", TEXT, "all, provider, model, team, project, environment, or tag: and its name.", True),
        Column("scope_value", TEXT, "The value of that dimension or tag; all for everything.", True),
        Column("data_through_on", DATE, "The last settled day that the forecast knew.", True),
        Column("target_on", DATE, "The day that it speaks of.", True),
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
        Column("inflation_ratio", REAL, "By how much ranges were widened, as learnt from earlier forecasts.", True),
        Column("made_at", INSTANT, "When it was made (UTC).", True),
        Column(
            "through_inflation_ratio",
            REAL,
            "inflation_ratio of the ranges of sums. Null: made when they were widened as those of days.",
        ),
    ),
    storage=Storage.STATE,
)

ANOMALIES = Table(
    name="core_anomalies",
    doc="Days of a scope that were not as expected, since when we say so, and until when we did.",
    key=("scope_type", "scope_value", "usage_on", "kind"),
    columns=(
        Column(
            "scope_type", TEXT, "all, provider, model, team, project, environment, or a finer one: user, key.", True
        ),
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
        Column("ended_at", INSTANT, "When the day no longer looked so, for the data had changed (UTC). Null: it does."),
    ),
    storage=Storage.STATE,
)

SUGGESTIONS = Table(
    name="core_suggestions",
    doc="What could be done to spend less, with the evidence, and what it would save.",
    key=("suggestion_id",),
    columns=(
        Column("suggestion_id", TEXT, "Hash over kind and subject.", True),
        Column("kind", TEXT, "What could be changed; docs/suggestions.md lists the kinds.", True),
        Column("subject", TEXT, "What it is about: a scope, a model, a model of a team.", True),
        Column("message", TEXT, "What was seen, in a sentence.", True),
        Column("action", TEXT, "What to do, in a sentence.", True),
        Column("saving_usd", MONEY, "What it would save in 30 days, as likely as not. Null: unknown."),
        Column("saving_low_usd", MONEY, "The same: more than this in nine of ten cases."),
        Column("saving_high_usd", MONEY, "The same: less than this in nine of ten cases."),
        Column("evidence", TEXT, "The figures behind it, as JSON.", True),
        Column("window_start_on", DATE, "First UTC day of the usage that was looked at.", True),
        Column("window_end_on", DATE, "Last UTC day of it.", True),
        Column("first_at", INSTANT, "When it was first suggested (UTC).", True),
        Column("computed_at", INSTANT, "When its figures were last computed (UTC).", True),
        Column("ended_at", INSTANT, "When there was no longer a reason for it (UTC). Null: there is."),
    ),
    storage=Storage.STATE,
)

KPI_BASELINES = Table(
    name="core_kpi_baselines",
    doc="What each KPI was when the plan began: a full window of settled days. A baseline is set once, or anew by a person.",
    key=("kpi",),
    columns=(
        Column("kpi", TEXT, "Name of the KPI.", True),
        Column("baseline_value", REAL, "Its value in the window of the baseline.", True),
        Column("window_start_on", DATE, "First UTC day of that window.", True),
        Column("window_end_on", DATE, "Last UTC day of it.", True),
        Column("origin", TEXT, "measured: the first full window of data; set: by a person.", True),
        Column("set_at", INSTANT, "When it was noted (UTC).", True),
    ),
    storage=Storage.STATE,
)

REPRICES = Table(
    name="core_reprices",
    doc="What was priced again on request, and what that changed, by model.",
    key=("reprice_id", "provider", "model"),
    columns=(
        Column("reprice_id", TEXT, "Which request.", True),
        Column("provider", TEXT, "The provider.", True),
        Column("model", TEXT, "The model.", True),
        Column("window_start_at", INSTANT, "First instant of the usage that was priced again (UTC).", True),
        Column("window_end_at", INSTANT, "First instant after it (UTC).", True),
        Column("reason", TEXT, "Why, as the person wrote who asked for it.", True),
        Column("event_count", COUNT, "Events whose cost changed.", True),
        Column("before_usd", MONEY, "Their known cost before. Null: none had one."),
        Column("after_usd", MONEY, "Their known cost after. Null: none has one."),
        Column("unpriced_before_count", COUNT, "Of them without a price before.", True),
        Column("unpriced_after_count", COUNT, "Of them without a price after.", True),
        Column("repriced_at", INSTANT, "When (UTC).", True),
    ),
    storage=Storage.STATE,
)

PRICE_DRIFTS = Table(
    name="core_price_drifts",
    doc="Prices of models in use that differ from one look at the price source to the next.",
    key=("provider", "model", "price_kind", "service_tier", "found_at"),
    columns=(
        Column("provider", TEXT, "The provider.", True),
        Column("model", TEXT, "The model.", True),
        Column("service_tier", TEXT, "The service tier.", True),
        Column(
            "price_kind",
            TEXT,
            "Which price: input, cache_read, cache_write_5m, cache_write_1h, output, or a unit.",
            True,
        ),
        Column("rate_before_usd", RATE, "For one token or unit, as it was known before. Null: none was known."),
        Column("rate_after_usd", RATE, "The same, as it is known now. Null: it has none any more."),
        Column("change_ratio", REAL, "By which share it rose. Null: there is nothing to compare."),
        Column("origin", TEXT, "The price source.", True),
        Column("effective_from_at", INSTANT, "From when on the new price holds (UTC). Null: the source does not say."),
        Column(
            "spend_28d_usd", MONEY, "What the model cost in that service tier in the 28 days before. Null: unknown."
        ),
        Column("found_at", INSTANT, "When it was noticed (UTC).", True),
    ),
    storage=Storage.STATE,
)

FINDINGS = (FORECAST_SNAPSHOTS, ANOMALIES, SUGGESTIONS, KPI_BASELINES, REPRICES, PRICE_DRIFTS)
"""All of them: state of usage, which lives where core lives."""
