-- question: How many calls were there between two instants that lie on quarters of an hour, and what did they cost and take?
-- grain: one row
-- sources: mart_cost_15min
-- owner: dashboard
SELECT
    CAST(COALESCE(SUM(request_count), 0) AS BIGINT) AS request_count,
    CAST(COALESCE(SUM(error_count), 0) AS BIGINT) AS error_count,
    CAST(COALESCE(SUM(unpriced_count), 0) AS BIGINT) AS unpriced_count,
    SUM(cost_usd) AS cost_usd,
    SUM(latency_ms_sum) AS latency_ms_sum,
    CAST(COALESCE(SUM(latency_count), 0) AS BIGINT) AS latency_count,
    MAX(period_at) AS newest_period_at
FROM mart_cost_15min
WHERE
    usage_on >= $first_on
    AND usage_on <= $last_on
    AND period_at >= $start_at
    AND period_at < $end_at
