-- question: What are the KPI over some settled days?
-- grain: kpi
-- sources: mart_cache_performance, mart_cost_daily, mart_service_15min
-- owner: costs
WITH spent_days AS (
    SELECT
        usage_on,
        SUM(CAST(cost_usd AS DECIMAL(38, 12))) AS cost_usd,
        SUM(unpriced_count) AS unpriced_count
    FROM mart_cost_daily
    WHERE usage_on BETWEEN $first_on AND $last_on
    GROUP BY usage_on
),

-- A day without calls is a zero; one with calls of unknown cost is left out.
costs AS (
    SELECT
        CAST($day_count AS BIGINT) - COUNT(CASE WHEN unpriced_count > 0 THEN 1 END) AS known_day_count,
        SUM(CASE WHEN unpriced_count = 0 THEN CAST(COALESCE(cost_usd, 0) AS DECIMAL(38, 12)) END) AS cost_usd
    FROM spent_days
),

lookups AS (
    SELECT
        SUM(hit_count) AS hit_count,
        SUM(lookup_count) AS lookup_count
    FROM mart_cache_performance
    WHERE usage_on BETWEEN $first_on AND $last_on
),

loads AS (
    SELECT
        SUM(latency_ms_sum) AS latency_ms,
        SUM(latency_count) AS load_count
    FROM mart_service_15min
    WHERE service = 'dashboard' AND usage_on BETWEEN $first_on AND $last_on
)

SELECT
    'cache_hit_rate' AS kpi,
    CAST(hit_count AS DOUBLE) / CAST(NULLIF(lookup_count, 0) AS DOUBLE) AS kpi_value
FROM lookups
UNION ALL
SELECT
    'daily_cost' AS kpi,
    CAST(cost_usd AS DOUBLE) / CAST(NULLIF(known_day_count, 0) AS DOUBLE) AS kpi_value
FROM costs
UNION ALL
SELECT
    'dashboard_load_ms' AS kpi,
    CAST(latency_ms AS DOUBLE) / CAST(NULLIF(load_count, 0) AS DOUBLE) AS kpi_value
FROM loads
