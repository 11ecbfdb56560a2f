-- question: How much computed cost of each day rests on an assumption of a price card, and on which?
-- grain: usage_on, provider, model, assumption, origin
-- sources: core_price_cards, core_usage_events
-- owner: pricing
WITH card_origins AS (
    SELECT DISTINCT
        price_id,
        origin
    FROM core_price_cards
    WHERE price_book = 'list'
),

spent AS (
    SELECT
        core_usage_events.provider,
        core_usage_events.model,
        core_usage_events.usage_on,
        card_origins.origin,
        core_usage_events.cache_read_tokens > 0 AS has_cache_reads,
        core_usage_events.cache_write_5m_tokens > 0 AS has_short_writes,
        core_usage_events.cache_write_1h_tokens > 0 AS has_long_writes,
        SUM(CASE WHEN core_usage_events.request_count > 1 THEN core_usage_events.request_count ELSE 1 END)
            AS request_count,
        SUM(CAST(core_usage_events.cost_usd AS DECIMAL(38, 12))) AS cost_usd
    FROM core_usage_events
    INNER JOIN card_origins ON core_usage_events.price_id = card_origins.price_id
    WHERE
        core_usage_events.source_role = 'ledger'
        AND core_usage_events.cost_basis = 'computed'
        AND core_usage_events.cost_usd > 0
    GROUP BY
        core_usage_events.provider,
        core_usage_events.model,
        core_usage_events.usage_on,
        card_origins.origin,
        core_usage_events.cache_read_tokens > 0,
        core_usage_events.cache_write_5m_tokens > 0,
        core_usage_events.cache_write_1h_tokens > 0
),

-- The list of prices began on 2025-05-22; of what it calls open it knows nothing older.
assumed AS (
    SELECT usage_on, provider, model, 'open_start' AS assumption, origin, request_count, cost_usd
    FROM spent
    WHERE origin LIKE '%open_start%' AND origin NOT LIKE 'correction%' AND usage_on < DATE '2025-05-22'
    UNION ALL
    SELECT usage_on, provider, model, 'backdated' AS assumption, origin, request_count, cost_usd
    FROM spent
    WHERE
        origin LIKE '%backdated from %'
        AND CAST(usage_on AS VARCHAR) < LEFT(SPLIT_PART(origin, 'backdated from ', 2), 10)
    UNION ALL
    SELECT usage_on, provider, model, 'cache_read as input' AS assumption, origin, request_count, cost_usd
    FROM spent
    WHERE origin LIKE '%cache_read as input%' AND has_cache_reads
    UNION ALL
    SELECT usage_on, provider, model, 'cache_write_5m as input' AS assumption, origin, request_count, cost_usd
    FROM spent
    WHERE origin LIKE '%cache_write_5m as input%' AND has_short_writes
    UNION ALL
    SELECT usage_on, provider, model, 'cache_write_1h as' AS assumption, origin, request_count, cost_usd
    FROM spent
    WHERE origin LIKE '%cache_write_1h as %' AND has_long_writes
    UNION ALL
    SELECT usage_on, provider, model, 'correction' AS assumption, origin, request_count, cost_usd
    FROM spent
    WHERE origin LIKE 'correction%'
    UNION ALL
    SELECT usage_on, provider, model, 'litellm ' AS assumption, origin, request_count, cost_usd
    FROM spent
    WHERE origin LIKE 'litellm %'
    UNION ALL
    SELECT usage_on, provider, model, 'the maker' AS assumption, origin, request_count, cost_usd
    FROM spent
    WHERE origin LIKE '%the maker''s price%'
    UNION ALL
    SELECT usage_on, provider, model, 'the in-region price' AS assumption, origin, request_count, cost_usd
    FROM spent
    WHERE origin LIKE '%the in-region price%'
    UNION ALL
    SELECT usage_on, provider, model, 'doubt' AS assumption, origin, request_count, cost_usd
    FROM spent
    WHERE origin LIKE '%doubt: %'
)

SELECT
    usage_on,
    provider,
    model,
    assumption,
    origin,
    CAST(SUM(request_count) AS BIGINT) AS request_count,
    SUM(CAST(cost_usd AS DECIMAL(38, 12))) AS cost_usd
FROM assumed
GROUP BY usage_on, provider, model, assumption, origin
