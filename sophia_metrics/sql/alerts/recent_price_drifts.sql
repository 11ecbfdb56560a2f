-- question: Which prices of models in use moved in the last week before the publish?
-- grain: provider, model, price_kind, service_tier, found_at
-- sources: core_price_drifts, core_versions
-- owner: alerts
SELECT
    provider,
    model,
    service_tier,
    price_kind,
    found_at,
    rate_before_usd,
    rate_after_usd,
    change_ratio,
    spend_28d_usd
FROM core_price_drifts
WHERE found_at >= (SELECT CAST(MAX(published_at) AS DATE) - 7 FROM core_versions)
ORDER BY provider, model, price_kind, service_tier, found_at
