-- question: Which ledger sources tell of the same provider and account on the same days?
-- grain: provider, account_id, ledger_sources
-- sources: mart_reconciliation_days
-- owner: invoices
WITH days AS (
    SELECT DISTINCT
        provider,
        account_id,
        ledger_sources,
        usage_on
    FROM mart_reconciliation_days
    WHERE ledger_source_count > 1 AND usage_on >= $first_on AND usage_on <= $last_on
)

SELECT
    provider,
    account_id,
    ledger_sources,
    COUNT(*) AS day_count,
    MIN(usage_on) AS first_on,
    MAX(usage_on) AS last_on
FROM days
GROUP BY provider, account_id, ledger_sources
ORDER BY day_count DESC, provider, account_id, ledger_sources
