-- question: What would the calls that a subscription pays have cost at the list prices of the API?
-- grain: provider, model, and one row for all of them
-- sources: core_usage_events
-- owner: costs
SELECT
    provider,
    model,
    CAST(SUM(request_count) AS BIGINT) AS request_count,
    CAST(SUM(CASE WHEN list_cost_usd IS NULL THEN request_count ELSE 0 END) AS BIGINT) AS unknown_count,
    SUM(list_cost_usd) AS list_cost_usd
FROM core_usage_events
WHERE
    usage_on >= $first_on
    AND usage_on <= $last_on
    AND started_at >= $start_at
    AND started_at < $end_at
    AND source_role = 'ledger'
    AND price_status = 'subscription'
GROUP BY GROUPING SETS ((provider, model), ())
HAVING COUNT(*) > 0
ORDER BY provider NULLS LAST, model
