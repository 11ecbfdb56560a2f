-- question: How many calls do two sources both tell of, by request_id, and how do their costs differ?
-- grain: ledger_source, other_source
-- sources: core_usage_events
-- owner: invoices
WITH calls AS (
    SELECT
        source,
        source_role,
        request_id,
        SUM(cost_usd) AS cost_usd
    FROM core_usage_events
    WHERE
        request_id IS NOT NULL
        AND record_kind = 'call'
        AND usage_on >= $first_on
        AND usage_on <= $last_on
    GROUP BY source, source_role, request_id
)

SELECT
    ledgers.source AS ledger_source,
    others.source AS other_source,
    others.source_role AS other_role,
    COUNT(*) AS call_count,
    COUNT(CASE WHEN ledgers.cost_usd IS NOT NULL AND others.cost_usd IS NOT NULL THEN 1 END) AS compared_count,
    SUM(CASE WHEN others.cost_usd IS NOT NULL THEN ledgers.cost_usd END) AS ledger_usd,
    SUM(CASE WHEN ledgers.cost_usd IS NOT NULL THEN others.cost_usd END) AS other_usd,
    SUM(others.cost_usd - ledgers.cost_usd) AS difference_usd
FROM calls AS ledgers
INNER JOIN calls AS others
    ON
        ledgers.request_id = others.request_id
        AND ledgers.source <> others.source
        -- Each pair of ledgers is told once.
        AND (others.source_role <> 'ledger' OR ledgers.source < others.source)
WHERE ledgers.source_role = 'ledger'
GROUP BY ledgers.source, others.source, others.source_role
ORDER BY call_count DESC, ledger_source, other_source
