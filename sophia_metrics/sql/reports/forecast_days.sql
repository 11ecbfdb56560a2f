-- question: What was spent on the last settled days, and what is expected of the days after them?
-- grain: day_on
-- sources: mart_cost_trend, mart_cost_forecast
-- owner: costs
SELECT
    usage_on AS day_on,
    cost_usd AS spent_usd,
    CAST(NULL AS DECIMAL(38, 12)) AS p10_usd,
    CAST(NULL AS DECIMAL(38, 12)) AS p50_usd,
    CAST(NULL AS DECIMAL(38, 12)) AS p90_usd,
    CAST(NULL AS VARCHAR) AS method
FROM mart_cost_trend
WHERE
    scope_type = 'all'
    AND usage_on > (SELECT MAX(usage_on) FROM mart_cost_trend WHERE scope_type = 'all') - CAST($days AS INTEGER)
UNION ALL
SELECT
    target_on AS day_on,
    CAST(NULL AS DECIMAL(38, 12)) AS spent_usd,
    p10_usd,
    p50_usd,
    p90_usd,
    method
FROM mart_cost_forecast
WHERE
    scope_type = 'all'
    AND target_on <= data_through_on + CAST($days AS INTEGER)
ORDER BY day_on
