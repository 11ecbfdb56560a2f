-- question: Which prices of models in use changed, the newest first?
-- grain: provider, model, price_kind, service_tier, found_at
-- sources: core_price_drifts
-- owner: pricing
SELECT
    provider,
    model,
    service_tier,
    price_kind,
    rate_before_usd,
    rate_after_usd,
    change_ratio,
    origin,
    effective_from_at,
    spend_28d_usd,
    found_at
FROM core_price_drifts
ORDER BY found_at DESC, COALESCE(spend_28d_usd, 0) DESC, provider, model, service_tier, price_kind
