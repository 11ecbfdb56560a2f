-- question: How many calls of each model were retries, by UTC day?
-- grain: provider, model, day_on
-- sources: core_usage_events
-- owner: costs
SELECT
    provider,
    model,
    usage_on AS day_on,
    CAST(SUM(request_count) AS BIGINT) AS retry_count
FROM core_usage_events
WHERE source_role = 'ledger' AND retry_ordinal > 0
GROUP BY provider, model, usage_on
