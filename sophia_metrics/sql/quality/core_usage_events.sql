-- question: What is in core, with the sum of the parts of each cost beside it?
-- grain: event_id
-- sources: core_usage_events
-- owner: quality
SELECT
    event_id,
    usage_on,
    CAST(started_at AS DATE) AS started_on,
    provider,
    model,
    record_kind,
    status,
    request_count,
    input_tokens,
    cache_read_tokens,
    cache_write_5m_tokens,
    cache_write_1h_tokens,
    output_tokens,
    reasoning_tokens,
    price_status,
    cost_usd,
    cost_computed_usd,
    -- Null where any part is unknown: then there is nothing that the cost could be compared with.
    CASE
        WHEN cost_computed_usd IS NOT NULL
            THEN CAST(
                cost_input_usd + cost_cache_read_usd + cost_cache_write_usd + cost_output_usd + cost_units_usd
                AS DECIMAL(38, 12)
            )
    END AS parts_usd,
    cost_usd IS NOT NULL AS has_cost,
    cost_basis IS NOT NULL AS has_basis
FROM core_usage_events
