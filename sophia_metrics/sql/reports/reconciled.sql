-- question: Where do the bill and our sums part over some days, by provider, account and model?
-- grain: provider, account_id, model
-- sources: mart_reconciliation
-- owner: invoices
SELECT
    provider,
    account_id,
    model,
    SUM(computed_usd) AS computed_usd,
    SUM(reported_usd) AS reported_usd,
    SUM(invoiced_usd) AS invoiced_usd,
    SUM(gap_usd) AS gap_usd,
    COUNT(invoiced_usd) AS billed_day_count,
    COUNT(*) AS day_count,
    COALESCE(SUM(CASE WHEN is_settled THEN 1 ELSE 0 END), 0) AS settled_day_count
FROM mart_reconciliation
WHERE usage_on >= $first_on AND usage_on <= $last_on
GROUP BY provider, account_id, model
ORDER BY ABS(COALESCE(SUM(gap_usd), 0)) DESC, provider, account_id, model
