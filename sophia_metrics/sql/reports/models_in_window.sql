-- question: What did each model do and cost between two instants that lie on quarters of an hour?
-- grain: provider, model
-- sources: mart_cost_15min
-- owner: dashboard
SELECT
    provider,
    model,
    CAST(SUM(request_count) AS BIGINT) AS request_count,
    CAST(SUM(unpriced_count) AS BIGINT) AS unpriced_count,
    SUM(cost_usd) AS cost_usd,
    SUM(latency_ms_sum) AS latency_ms_sum,
    CAST(SUM(latency_count) AS BIGINT) AS latency_count
FROM mart_cost_15min
WHERE
    usage_on >= $first_on
    AND usage_on <= $last_on
    AND period_at >= $start_at
    AND period_at < $end_at
GROUP BY provider, model
ORDER BY SUM(cost_usd) DESC NULLS LAST, SUM(request_count) DESC, provider, model
