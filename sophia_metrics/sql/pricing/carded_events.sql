-- question: which list price, and which price of our own, holds for each event?
-- grain: one row an event; own_… is of the contract where there is one, else of the list
-- sources: sized_events, price_segments
-- owner: pricing
SELECT
    sized_events.event_id, sized_events.usage_on, sized_events.source, sized_events.source_role,
    sized_events.record_kind, sized_events.started_at, sized_events.ended_at, sized_events.source_updated_at,
    sized_events.version_rank, sized_events.ingested_at, sized_events.attempt_id, sized_events.account_id,
    sized_events.team, sized_events.project, sized_events.environment, sized_events.user_hash,
    sized_events.api_key_id, sized_events.session_id, sized_events.tags, sized_events.request_id,
    sized_events.trace_id, sized_events.span_id, sized_events.parent_id, sized_events.retry_ordinal,
    sized_events.provider, sized_events.route, sized_events.region, sized_events.model,
    sized_events.model_requested, sized_events.operation, sized_events.service_tier, sized_events.is_stream,
    sized_events.finish_reason, sized_events.status, sized_events.error_class, sized_events.context_window,
    sized_events.input_tokens, sized_events.cache_read_tokens, sized_events.cache_write_5m_tokens, sized_events.cache_write_1h_tokens,
    sized_events.output_tokens, sized_events.reasoning_tokens, sized_events.request_count,
    -- A call of the bucket may be larger than the tier: then nobody knows what of it costs more.
    CASE
        WHEN sized_events.usage_quality = 'exact'
            AND sized_events.most_tier_tokens > CASE
                WHEN contract.price_id IS NULL THEN list.up_to_tokens
                ELSE contract.up_to_tokens
            END THEN 'tier_unknown'
        ELSE sized_events.usage_quality
    END AS usage_quality,
    sized_events.latency_ms, sized_events.ttft_ms, sized_events.is_cache_hit,
    sized_events.cache_tier, sized_events.prompt_hash, sized_events.prefix_hash, sized_events.cost_reported,
    sized_events.cost_reported_currency,
    sized_events.most_tokens, sized_events.is_invalid, sized_events.is_hit, sized_events.is_api,
    sized_events.reported_basis, sized_events.fx_rate,
    list.price_id AS list_price_id,
    contract.price_id AS contract_price_id,
    coalesce(contract.price_id, list.price_id) AS own_price_id,
    list.has_token_price AS has_list_token_price,
    CASE
        WHEN contract.price_id IS NULL THEN list.has_token_price
        ELSE contract.has_token_price
    END AS has_own_token_price,
    coalesce(contract.is_free, list.is_free, FALSE) AS is_free,
    CASE
        WHEN contract.price_id IS NULL THEN list.rate_input_usd
        ELSE contract.rate_input_usd
    END AS own_input_rate,
    CASE
        WHEN contract.price_id IS NULL THEN list.rate_cache_read_usd
        ELSE contract.rate_cache_read_usd
    END AS own_cache_read_rate,
    CASE
        WHEN contract.price_id IS NULL THEN list.rate_cache_write_5m_usd
        ELSE contract.rate_cache_write_5m_usd
    END AS own_cache_write_5m_rate,
    CASE
        WHEN contract.price_id IS NULL THEN list.rate_cache_write_1h_usd
        ELSE contract.rate_cache_write_1h_usd
    END AS own_cache_write_1h_rate,
    CASE
        WHEN contract.price_id IS NULL THEN list.rate_output_usd
        ELSE contract.rate_output_usd
    END AS own_output_rate,
    CASE
        WHEN contract.price_id IS NULL THEN list.short_rate_input_usd
        ELSE contract.short_rate_input_usd
    END AS own_input_short,
    CASE
        WHEN contract.price_id IS NULL THEN list.short_rate_cache_read_usd
        ELSE contract.short_rate_cache_read_usd
    END AS own_cache_read_short,
    CASE
        WHEN contract.price_id IS NULL THEN list.short_rate_cache_write_5m_usd
        ELSE contract.short_rate_cache_write_5m_usd
    END AS own_cache_write_5m_short,
    CASE
        WHEN contract.price_id IS NULL THEN list.short_rate_cache_write_1h_usd
        ELSE contract.short_rate_cache_write_1h_usd
    END AS own_cache_write_1h_short,
    CASE
        WHEN contract.price_id IS NULL THEN list.short_rate_output_usd
        ELSE contract.short_rate_output_usd
    END AS own_output_short,
    list.rate_input_usd AS list_input_rate,
    list.rate_cache_read_usd AS list_cache_read_rate,
    list.rate_cache_write_5m_usd AS list_cache_write_5m_rate,
    list.rate_cache_write_1h_usd AS list_cache_write_1h_rate,
    list.rate_output_usd AS list_output_rate,
    list.short_rate_input_usd AS list_input_short,
    list.short_rate_cache_read_usd AS list_cache_read_short,
    list.short_rate_cache_write_5m_usd AS list_cache_write_5m_short,
    list.short_rate_cache_write_1h_usd AS list_cache_write_1h_short,
    list.short_rate_output_usd AS list_output_short
FROM sized_events
LEFT JOIN price_segments AS list
    ON list.price_book = 'list'
    AND sized_events.provider = list.provider
    AND sized_events.route IS NOT DISTINCT FROM list.route
    AND sized_events.model = list.model
    AND sized_events.price_tier = list.service_tier
    AND sized_events.started_at >= list.valid_from_at
    AND sized_events.started_at < list.valid_to_at
    AND sized_events.second_of_day >= list.from_second
    AND sized_events.second_of_day < list.to_second
    AND sized_events.tier_tokens > list.above_tokens
    AND sized_events.tier_tokens <= list.up_to_tokens
LEFT JOIN price_segments AS contract
    ON contract.price_book = 'contract'
    AND sized_events.provider = contract.provider
    AND sized_events.route IS NOT DISTINCT FROM contract.route
    AND sized_events.model = contract.model
    AND sized_events.price_tier = contract.service_tier
    AND sized_events.started_at >= contract.valid_from_at
    AND sized_events.started_at < contract.valid_to_at
    AND sized_events.second_of_day >= contract.from_second
    AND sized_events.second_of_day < contract.to_second
    AND sized_events.tier_tokens > contract.above_tokens
    AND sized_events.tier_tokens <= contract.up_to_tokens
