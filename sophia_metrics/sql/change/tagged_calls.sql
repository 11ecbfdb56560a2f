-- question: Which calls of the ledger have one value of a tag, and what are their costs made of?
-- grain: event_id
-- sources: core_usage_events
-- owner: costs
SELECT
    event_id,
    usage_on,
    provider,
    model,
    team,
    project,
    environment,
    route,
    service_tier,
    price_id,
    price_status,
    cost_basis,
    source_role,
    request_count,
    is_cache_hit,
    input_tokens,
    cache_read_tokens,
    cache_write_5m_tokens,
    cache_write_1h_tokens,
    output_tokens,
    cost_input_usd,
    cost_cache_read_usd,
    cost_cache_write_usd,
    cost_output_usd,
    cost_computed_usd,
    cost_usd
FROM core_usage_events
WHERE
    source_role = 'ledger'
    AND tags IS NOT NULL
    AND (CONTAINS(tags, $as_first) OR CONTAINS(tags, $as_other))
