-- question: Where did a bill and our sums part without a reason, on settled days of the last weeks before the publish?
-- grain: provider, account_id, model, usage_on
-- sources: mart_reconciliation, core_versions
-- owner: alerts
SELECT
    provider,
    account_id,
    model,
    usage_on,
    computed_usd,
    invoiced_usd,
    gap_usd
FROM mart_reconciliation
WHERE
    is_settled
    AND gap_reason = 'unexplained'
    AND usage_on >= (SELECT CAST(MAX(published_at) AS DATE) - 35 FROM core_versions)
ORDER BY provider, account_id, model, usage_on
