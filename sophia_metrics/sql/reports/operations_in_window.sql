-- question: What were the models used for between two instants, and what did that cost?
-- grain: provider, model, operation; and the sums over models
-- sources: mart_usage_15min
-- owner: dashboard
SELECT
    provider,
    model,
    operation,
    CAST(SUM(request_count) AS BIGINT) AS request_count,
    SUM(cost_usd) AS cost_usd
FROM mart_usage_15min
WHERE
    usage_on >= $first_on
    AND usage_on <= $last_on
    AND period_at >= $start_at
    AND period_at < $end_at
GROUP BY GROUPING SETS ((provider, model, operation), (operation))
ORDER BY provider, model, request_count DESC, operation
