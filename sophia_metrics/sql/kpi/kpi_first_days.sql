-- question: Since when are there data of each KPI?
-- grain: kpi
-- sources: mart_cache_performance, mart_cost_daily
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
