-- question: What was spent between two instants that lie on quarters of an hour?
-- grain: one row
-- sources: mart_cost_15min
-- owner: costs
SELECT
    CAST(COALESCE(SUM(request_count), 0) AS BIGINT) AS request_count,
    CAST(COALESCE(SUM(unpriced_count), 0) AS BIGINT) AS unpriced_count,
    SUM(cost_usd) AS cost_usd
FROM mart_cost_15min
WHERE
    usage_on >= $first_on
    AND usage_on <= $last_on
    AND period_at >= $start_at
    AND period_at < $end_at
