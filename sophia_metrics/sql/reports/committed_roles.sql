-- question: As what do the calls of each part of a source count, by day of use, as they were committed?
-- grain: source, source_role, provider, account_id, route
-- sources: core_usage_events
-- owner: usage
SELECT
    source,
    source_role,
    provider,
    account_id,
    route,
    COUNT(*) AS event_count,
    MIN(usage_on) AS first_on,
    MAX(usage_on) AS last_on
FROM core_usage_events
WHERE usage_on >= $first_on AND usage_on <= $last_on
GROUP BY source, source_role, provider, account_id, route
ORDER BY source, source_role, provider, account_id, route
