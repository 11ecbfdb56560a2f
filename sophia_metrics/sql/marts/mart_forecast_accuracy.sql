-- question: How good were earlier forecasts of the days that are settled by now?
-- grain: scope_type, scope_value, horizon_days
-- sources: core_calendar_days, core_forecast_snapshots, mart_cost_daily, mart_settlement
-- owner: costs
WITH first_day AS (
    SELECT MIN(day_on) AS calendar_from_on
    FROM core_calendar_days
    WHERE time_zone = 'UTC'
),

slices AS (
    SELECT
        mart_cost_daily.usage_on,
        mart_cost_daily.provider,
        mart_cost_daily.model,
        mart_cost_daily.team,
        mart_cost_daily.project,
        mart_cost_daily.environment,
        SUM(CAST(mart_cost_daily.cost_usd AS DECIMAL(38, 12))) AS known_cost_usd,
        SUM(mart_cost_daily.unpriced_count) AS unpriced_count,
        SUM(mart_cost_daily.request_count) AS request_count
    FROM mart_cost_daily
    INNER JOIN first_day ON mart_cost_daily.usage_on >= first_day.calendar_from_on
    GROUP BY GROUPING SETS (
        (mart_cost_daily.usage_on),
        (mart_cost_daily.usage_on, mart_cost_daily.provider),
        (mart_cost_daily.usage_on, mart_cost_daily.model),
        (mart_cost_daily.usage_on, mart_cost_daily.team),
        (mart_cost_daily.usage_on, mart_cost_daily.project),
        (mart_cost_daily.usage_on, mart_cost_daily.environment)
    )
),

-- A dimension of a mart is never null: where it is, another one makes the slice.
scope_days AS (
    SELECT
        usage_on,
        CASE
            WHEN provider IS NOT NULL THEN 'provider'
            WHEN model IS NOT NULL THEN 'model'
            WHEN team IS NOT NULL THEN 'team'
            WHEN project IS NOT NULL THEN 'project'
            WHEN environment IS NOT NULL THEN 'environment'
            ELSE 'all'
        END AS scope_type,
        COALESCE(provider, model, team, project, environment, 'all') AS scope_value,
        -- Where a tenth of the calls or more has no price, what the day cost is unknown.
        CASE
            WHEN
                unpriced_count > 0
                AND CAST(unpriced_count AS DOUBLE) * CAST(10 AS DOUBLE) >= CAST(request_count AS DOUBLE)
                THEN NULL
            WHEN unpriced_count = 0 THEN COALESCE(known_cost_usd, 0)
            ELSE known_cost_usd
        END AS cost_usd
    FROM slices
),

first_calls AS (
    SELECT
        scope_type,
        scope_value,
        MIN(usage_on) AS first_on
    FROM scope_days
    GROUP BY scope_type, scope_value
),

whole AS (
    SELECT settled_through_on
    FROM mart_settlement
    WHERE scope_type = 'all'
),

-- A scope without calls of late is settled when everything is.
settled AS (
    SELECT
        first_calls.scope_type,
        first_calls.scope_value,
        first_calls.first_on,
        CASE
            WHEN mart_settlement.scope_type IS NULL THEN whole.settled_through_on
            ELSE mart_settlement.settled_through_on
        END AS last_on
    FROM first_calls
    CROSS JOIN whole
    LEFT JOIN mart_settlement
        ON
            first_calls.scope_type = mart_settlement.scope_type
            AND first_calls.scope_value = mart_settlement.scope_value
),

said AS (
    SELECT
        core_forecast_snapshots.scope_type,
        core_forecast_snapshots.scope_value,
        core_forecast_snapshots.target_on,
        CASE
            WHEN core_forecast_snapshots.horizon_days = 1 THEN 1
            WHEN core_forecast_snapshots.horizon_days <= 7 THEN 7
            WHEN core_forecast_snapshots.horizon_days <= 14 THEN 14
            ELSE 28
        END AS horizon_days,
        -- The last day of the same weekday that was known.
        CASE
            WHEN core_forecast_snapshots.horizon_days <= 7 THEN core_forecast_snapshots.target_on - 7
            WHEN core_forecast_snapshots.horizon_days <= 14 THEN core_forecast_snapshots.target_on - 14
            WHEN core_forecast_snapshots.horizon_days <= 21 THEN core_forecast_snapshots.target_on - 21
            ELSE core_forecast_snapshots.target_on - 28
        END AS naive_on,
        settled.first_on,
        core_forecast_snapshots.p10_usd,
        core_forecast_snapshots.p50_usd,
        core_forecast_snapshots.p90_usd
    FROM core_forecast_snapshots
    INNER JOIN settled
        ON
            core_forecast_snapshots.scope_type = settled.scope_type
            AND core_forecast_snapshots.scope_value = settled.scope_value
            AND core_forecast_snapshots.target_on BETWEEN settled.first_on AND settled.last_on
    WHERE core_forecast_snapshots.time_zone = 'UTC' AND core_forecast_snapshots.horizon_days <= 28
),

-- A settled day without calls is a zero; a day of unknown cost is not scored.
came AS (
    SELECT
        said.scope_type,
        said.scope_value,
        said.target_on,
        said.horizon_days,
        said.p10_usd,
        said.p50_usd,
        said.p90_usd,
        CASE WHEN scope_days.usage_on IS NULL THEN CAST(0 AS DECIMAL(38, 12)) ELSE CAST(scope_days.cost_usd AS DECIMAL(38, 12)) END
            AS cost_usd,
        CASE
            WHEN said.naive_on < said.first_on THEN NULL
            WHEN naive_days.usage_on IS NULL THEN CAST(0 AS DECIMAL(38, 12))
            ELSE CAST(naive_days.cost_usd AS DECIMAL(38, 12))
        END AS naive_usd
    FROM said
    LEFT JOIN scope_days
        ON
            said.scope_type = scope_days.scope_type
            AND said.scope_value = scope_days.scope_value
            AND said.target_on = scope_days.usage_on
    LEFT JOIN scope_days AS naive_days
        ON
            said.scope_type = naive_days.scope_type
            AND said.scope_value = naive_days.scope_value
            AND said.naive_on = naive_days.usage_on
),

scored AS (
    SELECT
        scope_type,
        scope_value,
        horizon_days,
        target_on,
        cost_usd,
        p50_usd - cost_usd AS too_much,
        CASE WHEN p50_usd < cost_usd THEN cost_usd - p50_usd ELSE p50_usd - cost_usd END AS wrong,
        CASE WHEN naive_usd < cost_usd THEN cost_usd - naive_usd ELSE naive_usd - cost_usd END AS naive_wrong,
        CASE WHEN cost_usd BETWEEN p10_usd AND p90_usd THEN 1 ELSE 0 END AS is_held
    FROM came
    WHERE cost_usd IS NOT NULL
),

sums AS (
    SELECT
        scope_type,
        scope_value,
        horizon_days,
        COUNT(*) AS scored_count,
        MIN(target_on) AS first_on,
        MAX(target_on) AS last_on,
        SUM(CAST(wrong AS DECIMAL(38, 12))) AS wrong,
        SUM(CASE WHEN naive_wrong IS NOT NULL THEN CAST(wrong AS DECIMAL(38, 12)) END) AS compared_wrong,
        SUM(CAST(naive_wrong AS DECIMAL(38, 12))) AS naive_wrong,
        SUM(is_held) AS held_count,
        SUM(CAST(too_much AS DECIMAL(38, 12))) AS too_much,
        SUM(CAST(cost_usd AS DECIMAL(38, 12))) AS cost_usd
    FROM scored
    GROUP BY scope_type, scope_value, horizon_days
)

SELECT
    scope_type,
    scope_value,
    CAST(horizon_days AS BIGINT) AS horizon_days,
    scored_count,
    first_on,
    last_on,
    CAST(CAST(wrong AS DOUBLE) / CAST(NULLIF(scored_count, 0) AS DOUBLE) AS DECIMAL(38, 12)) AS error_usd,
    CAST(compared_wrong AS DOUBLE) / CAST(NULLIF(naive_wrong, 0) AS DOUBLE) AS mase,
    CAST(held_count AS DOUBLE) / CAST(NULLIF(scored_count, 0) AS DOUBLE) AS coverage_ratio,
    CAST(CAST(too_much AS DOUBLE) / CAST(NULLIF(scored_count, 0) AS DOUBLE) AS DECIMAL(38, 12)) AS bias_usd,
    CAST(too_much AS DOUBLE) / CAST(NULLIF(cost_usd, 0) AS DOUBLE) AS bias_ratio
FROM sums
