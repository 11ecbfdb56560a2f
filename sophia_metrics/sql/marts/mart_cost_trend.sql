-- question: Where is the spend of each scope going, on equal numbers of settled days?
-- grain: scope_type, scope_value, usage_on
-- sources: core_calendar_days, mart_cost_daily, mart_settlement
-- owner: costs
WITH utc_days AS (
    SELECT day_on
    FROM core_calendar_days
    WHERE time_zone = 'UTC'
),

first_day AS (
    SELECT MIN(day_on) AS first_on
    FROM utc_days
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
        CAST(SUM(mart_cost_daily.unpriced_count) AS BIGINT) AS unpriced_count
    FROM mart_cost_daily
    INNER JOIN first_day ON mart_cost_daily.usage_on >= first_day.first_on
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
        -- What a subscription pays is no spend, and not unknown.
        CASE WHEN known_cost_usd IS NULL AND unpriced_count = 0 THEN 0 ELSE known_cost_usd END AS cost_usd,
        unpriced_count
    FROM slices
),

whole AS (
    SELECT settled_through_on
    FROM mart_settlement
    WHERE scope_type = 'all'
),

first_calls AS (
    SELECT
        scope_type,
        scope_value,
        MIN(usage_on) AS first_on
    FROM scope_days
    GROUP BY scope_type, scope_value
),

-- A scope without calls of late is settled when everything is.
scopes AS (
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

-- Every settled day since the first call, numbered: a day without calls is a zero.
settled_days AS (
    SELECT
        scopes.scope_type,
        scopes.scope_value,
        utc_days.day_on AS usage_on,
        scopes.last_on,
        CASE
            WHEN scope_days.usage_on IS NULL THEN CAST(0 AS DECIMAL(38, 12))
            ELSE CAST(scope_days.cost_usd AS DECIMAL(38, 12))
        END AS cost_usd,
        COALESCE(scope_days.unpriced_count, 0) AS unpriced_count,
        DATE_DIFF('day', scopes.first_on, utc_days.day_on) AS day_number
    FROM scopes
    INNER JOIN utc_days ON utc_days.day_on BETWEEN scopes.first_on AND scopes.last_on
    LEFT JOIN scope_days
        ON
            scopes.scope_type = scope_days.scope_type
            AND scopes.scope_value = scope_days.scope_value
            AND utc_days.day_on = scope_days.usage_on
),

products AS (
    SELECT
        scope_type,
        scope_value,
        usage_on,
        last_on,
        cost_usd,
        unpriced_count,
        day_number,
        CAST(CAST(day_number AS DECIMAL(6, 0)) * cost_usd AS DECIMAL(38, 12)) AS numbered_cost,
        CAST(cost_usd AS DOUBLE) * CAST(cost_usd AS DOUBLE) AS squared_cost
    FROM settled_days
),

running AS (
    SELECT
        scope_type,
        scope_value,
        usage_on,
        last_on,
        cost_usd,
        unpriced_count,
        day_number,
        LAG(cost_usd) OVER (PARTITION BY scope_type, scope_value ORDER BY usage_on) AS cost_before,
        COUNT(cost_usd) OVER (
            PARTITION BY scope_type, scope_value ORDER BY usage_on ROWS BETWEEN 6 PRECEDING AND CURRENT ROW
        ) AS count_7,
        COUNT(cost_usd) OVER (
            PARTITION BY scope_type, scope_value ORDER BY usage_on ROWS BETWEEN 13 PRECEDING AND CURRENT ROW
        ) AS count_14,
        COUNT(cost_usd) OVER (
            PARTITION BY scope_type, scope_value ORDER BY usage_on ROWS BETWEEN 27 PRECEDING AND CURRENT ROW
        ) AS count_28,
        SUM(cost_usd) OVER (
            PARTITION BY scope_type, scope_value ORDER BY usage_on ROWS BETWEEN 6 PRECEDING AND CURRENT ROW
        ) AS cost_7,
        SUM(cost_usd) OVER (
            PARTITION BY scope_type, scope_value ORDER BY usage_on ROWS BETWEEN 13 PRECEDING AND CURRENT ROW
        ) AS cost_14,
        SUM(cost_usd) OVER (
            PARTITION BY scope_type, scope_value ORDER BY usage_on ROWS BETWEEN 27 PRECEDING AND CURRENT ROW
        ) AS cost_28,
        SUM(numbered_cost) OVER (
            PARTITION BY scope_type, scope_value ORDER BY usage_on ROWS BETWEEN 13 PRECEDING AND CURRENT ROW
        ) AS numbered_14,
        SUM(numbered_cost) OVER (
            PARTITION BY scope_type, scope_value ORDER BY usage_on ROWS BETWEEN 27 PRECEDING AND CURRENT ROW
        ) AS numbered_28,
        SUM(squared_cost) OVER (
            PARTITION BY scope_type, scope_value ORDER BY usage_on ROWS BETWEEN 13 PRECEDING AND CURRENT ROW
        ) AS squared_14,
        SUM(squared_cost) OVER (
            PARTITION BY scope_type, scope_value ORDER BY usage_on ROWS BETWEEN 27 PRECEDING AND CURRENT ROW
        ) AS squared_28
    FROM products
),

-- The days of the slope: 28, or else 14. Their variance of the day number is (n * n - 1) / 12.
known_windows AS (
    SELECT
        scope_type,
        scope_value,
        usage_on,
        last_on,
        cost_usd,
        unpriced_count,
        CASE WHEN count_7 = 7 THEN cost_7 END AS cost_7,
        CASE WHEN count_28 = 28 THEN cost_28 END AS cost_28,
        cost_before,
        CASE WHEN count_28 = 28 THEN 28 WHEN count_14 = 14 THEN 14 END AS slope_days,
        CASE WHEN count_28 = 28 THEN 1827.0 ELSE 227.5 END AS number_squares,
        CASE WHEN count_28 = 28 THEN 0.1398 ELSE 0.2835 END AS significant_share,
        CAST(CASE WHEN count_28 = 28 THEN cost_28 ELSE cost_14 END AS DOUBLE) AS slope_cost,
        CAST(CASE WHEN count_28 = 28 THEN numbered_28 ELSE numbered_14 END AS DOUBLE)
        - CAST(CASE WHEN count_28 = 28 THEN cost_28 ELSE cost_14 END AS DOUBLE)
        * CAST(day_number - CASE WHEN count_28 = 28 THEN 13.5 ELSE 6.5 END AS DOUBLE) AS cross_products,
        CASE WHEN count_28 = 28 THEN squared_28 ELSE squared_14 END AS cost_squares
    FROM running
),

compared AS (
    SELECT
        scope_type,
        scope_value,
        usage_on,
        last_on,
        cost_usd,
        unpriced_count,
        cost_7,
        cost_28,
        cost_before,
        LAG(cost_7, 7) OVER (PARTITION BY scope_type, scope_value ORDER BY usage_on) AS cost_7_before,
        LAG(cost_28, 28) OVER (PARTITION BY scope_type, scope_value ORDER BY usage_on) AS cost_28_before,
        slope_days,
        slope_cost,
        cross_products,
        CAST(cross_products AS DOUBLE) / CAST(NULLIF(number_squares, 0) AS DOUBLE) AS slope,
        -- The share of the variance that the slope explains, times the variance: no division by a constant series.
        CAST(significant_share AS DOUBLE) * CAST(number_squares AS DOUBLE) * (
            CAST(cost_squares AS DOUBLE)
            - CAST(slope_cost AS DOUBLE) * CAST(slope_cost AS DOUBLE) / CAST(NULLIF(slope_days, 0) AS DOUBLE)
        ) AS least_cross_products
    FROM known_windows
)

SELECT
    scope_type,
    scope_value,
    usage_on,
    cost_usd,
    CAST(unpriced_count AS BIGINT) AS unpriced_count,
    CAST(CAST(cost_7 AS DOUBLE) / 7 AS DECIMAL(38, 12)) AS mean_7d_usd,
    CAST(CAST(cost_28 AS DOUBLE) / 28 AS DECIMAL(38, 12)) AS mean_28d_usd,
    CAST(cost_usd - cost_before AS DOUBLE) / CAST(NULLIF(cost_before, 0) AS DOUBLE) AS change_1d_ratio,
    CAST(cost_7 - cost_7_before AS DOUBLE) / CAST(NULLIF(cost_7_before, 0) AS DOUBLE) AS change_7d_ratio,
    CAST(cost_28 - cost_28_before AS DOUBLE) / CAST(NULLIF(cost_28_before, 0) AS DOUBLE) AS change_28d_ratio,
    CASE WHEN slope_days IS NOT NULL THEN slope END AS slope_usd_per_day,
    CASE
        WHEN slope_days IS NULL THEN 'insufficient_history'
        WHEN CAST(cross_products AS DOUBLE) * CAST(cross_products AS DOUBLE) <= least_cross_products THEN 'flat'
        -- Less than a twentieth of the mean over these days is no direction, however steady it is.
        WHEN CAST(ABS(slope) AS DOUBLE) * CAST(slope_days - 1 AS DOUBLE) * CAST(slope_days AS DOUBLE) * 20 < slope_cost THEN 'flat'
        WHEN slope > 0 THEN 'rising'
        WHEN slope < 0 THEN 'falling'
        ELSE 'flat'
    END AS direction
FROM compared
WHERE usage_on > last_on - 90
