-- question: Where is all spend going, on its newest settled day?
-- grain: one row, or none
-- sources: mart_cost_trend
-- owner: costs
SELECT
    usage_on,
    cost_usd,
    mean_7d_usd,
    mean_28d_usd,
    change_1d_ratio,
    change_7d_ratio,
    change_28d_ratio,
    slope_usd_per_day,
    direction
FROM mart_cost_trend
WHERE scope_type = 'all'
ORDER BY usage_on DESC
LIMIT 1
