-- question: What were the models used for between two instants, and what did that cost?
-- grain: provider, model, operation; and the sums over models
-- sources: core_usage_events
-- owner: dashboard
SELECT
    provider,
    model,
    COALESCE(operation, '(none)') AS operation,
    CAST(SUM(request_count) AS BIGINT) AS request_count,
    SUM(cost_usd) AS cost_usd
FROM core_usage_events
WHERE
    usage_on >= $first_on
    AND usage_on <= $last_on
    AND started_at >= $start_at
    AND started_at < $end_at
    AND source_role = 'ledger'
GROUP BY GROUPING SETS ((provider, model, COALESCE(operation, '(none)')), (COALESCE(operation, '(none)')))
ORDER BY provider, model, request_count DESC, operation
