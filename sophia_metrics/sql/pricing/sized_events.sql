-- question: which price does each event ask for, and what does its source say about money?
-- grain: one row an event
-- sources: events, source_terms, fx_rates
-- owner: pricing
WITH measured AS (
    SELECT
        events.*,
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
            coalesce(events.output_tokens, 0)
        ) < 0 OR coalesce(events.cost_reported, 0) < 0 OR coalesce(events.cost_reported, 0) >= 100000000000
            AS is_negative
    FROM events
)

SELECT
    measured.*,
    CASE
        WHEN measured.service_tier IS NULL OR lower(trim(measured.service_tier)) IN ('', 'auto', 'default')
            THEN 'standard'
        ELSE lower(trim(measured.service_tier))
    END AS price_tier,
    hour(measured.started_at) * 3600 + minute(measured.started_at) * 60 + second(measured.started_at)
        AS second_of_day,
    -- No size can be told from the sum of many calls: a bucket takes the lowest tier.
    CASE
        WHEN measured.is_negative OR measured.most_tokens >= 1000000000000000 THEN 0
        WHEN measured.record_kind = 'bucket' AND measured.request_count <> 1 THEN 0
        ELSE coalesce(measured.input_tokens, 0)
            + coalesce(measured.cache_read_tokens, 0)
            + coalesce(measured.cache_write_5m_tokens, 0)
            + coalesce(measured.cache_write_1h_tokens, 0)
    END AS tier_tokens,
    measured.is_negative OR measured.most_tokens >= 1000000000000000 AS is_invalid,
    coalesce(measured.is_cache_hit, FALSE) AS is_hit,
    coalesce(source_terms.billing = 'api', FALSE) AS is_api,
    source_terms.reported_basis,
    CASE
        WHEN upper(measured.cost_reported_currency) = 'USD' THEN CAST(1 AS DECIMAL(38, 18))
        ELSE fx_rates.rate
    END AS fx_rate
FROM measured
LEFT JOIN source_terms ON measured.source = source_terms.source
LEFT JOIN fx_rates ON upper(measured.cost_reported_currency) = fx_rates.currency
