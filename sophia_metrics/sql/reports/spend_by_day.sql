-- question: What was spent on each day?
-- grain: usage_on
-- sources: mart_cost_daily
-- owner: costs
SELECT
    usage_on,
    CAST(SUM(request_count) AS BIGINT) AS request_count,
    CAST(SUM(unpriced_count) AS BIGINT) AS unpriced_count,
    SUM(cost_usd) AS cost_usd
FROM mart_cost_daily
WHERE usage_on >= $first_on AND usage_on <= $last_on
GROUP BY usage_on
ORDER BY usage_on
