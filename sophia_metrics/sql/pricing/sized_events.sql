-- question: which price does each event ask for, and what does its source say about money?
-- grain: one row an event
-- sources: events, source_terms, fx_rates
-- owner: pricing
SELECT
    events.event_id, events.usage_on, events.source, events.source_role, events.record_kind,
    events.started_at, events.ended_at, events.source_updated_at, events.version_rank, events.ingested_at,
    events.attempt_id, events.account_id, events.team, events.project, events.environment, events.user_hash,
    events.api_key_id, events.session_id, events.tags, events.request_id, events.trace_id, events.span_id,
    events.parent_id, events.retry_ordinal, events.provider, events.route, events.region, events.model,
    events.model_requested, events.operation, events.service_tier, events.is_stream, events.finish_reason,
    events.status, events.error_class, events.context_window, events.input_tokens, events.cache_read_tokens,
    events.cache_write_5m_tokens, events.cache_write_1h_tokens, events.output_tokens, events.reasoning_tokens,
    events.request_count, events.usage_quality, events.latency_ms, events.ttft_ms, events.is_cache_hit,
    events.cache_tier, events.prompt_hash, events.prefix_hash, events.cost_reported,
    events.cost_reported_currency,
    greatest(
        coalesce(events.input_tokens, 0),
        coalesce(events.cache_read_tokens, 0),
        coalesce(events.cache_write_5m_tokens, 0),
        coalesce(events.cache_write_1h_tokens, 0),
        coalesce(events.output_tokens, 0)
    ) AS most_tokens,
    least(
        coalesce(events.input_tokens, 0),
        coalesce(events.cache_read_tokens, 0),
        coalesce(events.cache_write_5m_tokens, 0),
        coalesce(events.cache_write_1h_tokens, 0),
        coalesce(events.output_tokens, 0),
        coalesce(events.cost_reported, 0)
    ) < 0
    OR most_tokens >= 1000000000000000
    OR coalesce(events.cost_reported, 0) >= 100000000000 AS is_invalid,
    CASE
        WHEN is_invalid THEN 0
        ELSE coalesce(events.input_tokens, 0)
            + coalesce(events.cache_read_tokens, 0)
            + coalesce(events.cache_write_5m_tokens, 0)
            + coalesce(events.cache_write_1h_tokens, 0)
    END AS total_input_tokens,
    events.record_kind = 'bucket' AND events.request_count <> 1 AS is_sum,
    -- 200k-1M; what has another form says nothing.
    CASE
        WHEN is_sum AND regexp_full_match(lower(trim(events.context_window)), '\d{1,9}[km]?-\d{1,9}[km]?')
            THEN lower(trim(events.context_window))
    END AS size_window,
    CAST(regexp_extract(size_window, '^(\d+)', 1) AS BIGINT)
    * CASE regexp_extract(size_window, '^\d+([km]?)', 1) WHEN 'k' THEN 1000 WHEN 'm' THEN 1000000 ELSE 1 END
        AS window_low,
    CAST(regexp_extract(size_window, '-(\d+)', 1) AS BIGINT)
    * CASE regexp_extract(size_window, '-\d+([km]?)', 1) WHEN 'k' THEN 1000 WHEN 'm' THEN 1000000 ELSE 1 END
        AS window_high,
    -- The size of a call decides its tier. The sum of many calls has the tier of the smallest that its window allows,
    -- the lowest where there is no window; one of its calls may be as large as the window, but not larger than the sum.
    CASE
        WHEN is_invalid OR NOT is_sum THEN total_input_tokens
        ELSE coalesce(window_low + 1, 0)
    END AS tier_tokens,
    CASE
        WHEN is_invalid OR NOT is_sum THEN total_input_tokens
        ELSE least(total_input_tokens, coalesce(window_high, total_input_tokens))
    END AS most_tier_tokens,
    CASE
        WHEN coalesce(lower(trim(events.service_tier)), '') IN ('', 'auto', 'default') THEN 'standard'
        ELSE lower(trim(events.service_tier))
    END AS price_tier,
    hour(events.started_at) * 3600 + minute(events.started_at) * 60 + second(events.started_at)
        AS second_of_day,
    coalesce(events.is_cache_hit, FALSE) AS is_hit,
    coalesce(source_terms.billing = 'api', FALSE) AS is_api,
    source_terms.reported_basis,
    CASE
        WHEN upper(events.cost_reported_currency) = 'USD' THEN CAST(1 AS DECIMAL(38, 18))
        ELSE fx_rates.rate
    END AS fx_rate
FROM events
LEFT JOIN source_terms ON events.source = source_terms.source
LEFT JOIN fx_rates ON upper(events.cost_reported_currency) = fx_rates.currency
