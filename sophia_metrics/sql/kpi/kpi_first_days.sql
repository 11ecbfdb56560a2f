-- question: Since when are there data of each KPI?
-- grain: kpi
-- sources: mart_cache_performance, mart_cost_daily, mart_service_15min
-- owner: costs
SELECT
    'cache_hit_rate' AS kpi,
    MIN(usage_on) AS first_on
FROM mart_cache_performance
WHERE lookup_count > 0
UNION ALL
SELECT
    'daily_cost' AS kpi,
    MIN(usage_on) AS first_on
FROM mart_cost_daily
UNION ALL
SELECT
    'dashboard_load_ms' AS kpi,
    MIN(usage_on) AS first_on
FROM mart_service_15min
WHERE service = 'dashboard' AND latency_count > 0
