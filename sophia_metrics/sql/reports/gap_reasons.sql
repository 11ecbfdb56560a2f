-- question: Which reasons have the gaps of some days, and how much is each?
-- grain: gap_reason, provider
-- sources: mart_reconciliation
-- owner: invoices
SELECT
    gap_reason,
    provider,
    SUM(gap_usd) AS gap_usd,
    COUNT(*) AS gap_count,
    MIN(usage_on) AS first_on,
    MAX(usage_on) AS last_on
FROM mart_reconciliation
WHERE gap_reason IS NOT NULL AND usage_on >= $first_on AND usage_on <= $last_on
GROUP BY gap_reason, provider
ORDER BY ABS(COALESCE(SUM(gap_usd), 0)) DESC, gap_reason, provider
