-- question: What would the calls that a subscription pays have cost at the list prices of the API?
-- grain: provider, model, and one row for all of them
-- sources: mart_usage_15min
-- owner: costs
SELECT
    provider,
    model,
    CAST(SUM(request_count) AS BIGINT) AS request_count,
    CAST(SUM(unknown_list_cost_count) AS BIGINT) AS unknown_count,
    SUM(list_cost_usd) AS list_cost_usd
FROM mart_usage_15min
WHERE
    usage_on >= $first_on
    AND usage_on <= $last_on
    AND period_at >= $start_at
    AND period_at < $end_at
    AND price_status = 'subscription'
GROUP BY GROUPING SETS ((provider, model), ())
HAVING COUNT(*) > 0
ORDER BY provider NULLS LAST, model
