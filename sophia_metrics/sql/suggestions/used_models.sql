-- question: Which models were used, at which tiers, and what did a call of them cost?
-- grain: provider, route, model
-- sources: core_usage_events
-- owner: suggestions
SELECT
    provider,
    route,
    model,
    CAST(SUM(CASE WHEN cost_usd > 0 THEN request_count ELSE 0 END) AS BIGINT) AS call_count,
    SUM(CAST(COALESCE(cost_usd, 0) AS DECIMAL(38, 12))) AS cost_usd,
    MIN(usage_on) AS first_on
FROM core_usage_events
WHERE usage_on BETWEEN $first_on AND $last_on AND source_role = 'ledger'
GROUP BY provider, route, model
