-- question: what did each billing unit other than the five token classes cost?
-- grain: one row an event and unit; events at a price by the request get a row of unit requests
-- sources: sized_events, carded_events, price_segments, card_units, units
-- owner: pricing
WITH request_events AS (
    SELECT DISTINCT
        sized_events.event_id,
        sized_events.request_count
    FROM sized_events
    INNER JOIN price_segments AS request_segments
        ON sized_events.provider = request_segments.provider
        AND sized_events.route IS NOT DISTINCT FROM request_segments.route
        AND sized_events.model = request_segments.model
        AND sized_events.price_tier = request_segments.service_tier
        AND sized_events.started_at >= request_segments.valid_from_at
        AND sized_events.started_at < request_segments.valid_to_at
        AND sized_events.second_of_day >= request_segments.from_second
        AND sized_events.second_of_day < request_segments.to_second
        AND sized_events.tier_tokens > request_segments.above_tokens
        AND sized_events.tier_tokens <= request_segments.up_to_tokens
    INNER JOIN card_units ON request_segments.price_id = card_units.price_id AND card_units.unit = 'requests'
    LEFT JOIN units ON sized_events.event_id = units.event_id AND units.unit = 'requests'
    WHERE sized_events.status <> 'error' AND units.event_id IS NULL
),

counted_units AS (
    SELECT
        event_id,
        unit,
        quantity
    FROM units
    UNION ALL
    SELECT
        event_id,
        'requests' AS unit,
        CAST(request_count AS DECIMAL(38, 6)) AS quantity
    FROM request_events
),

carded_units AS (
    SELECT
        carded_events.event_id,
        carded_events.usage_on,
        carded_events.started_at,
        carded_events.is_api,
        carded_events.is_hit,
        carded_events.list_price_id,
        carded_events.contract_price_id,
        counted_units.unit,
        counted_units.quantity,
        carded_events.record_kind = 'bucket' AND carded_events.request_count IS DISTINCT FROM 1 AS is_many,
        carded_events.is_invalid OR counted_units.quantity < 0 OR counted_units.quantity >= 1000000000000
            AS is_impossible,
        CASE
            WHEN counted_units.unit LIKE 'output%tokens' THEN carded_events.own_output_rate
            WHEN counted_units.unit LIKE 'cache%read_tokens' THEN carded_events.own_cache_read_rate
            WHEN counted_units.unit LIKE 'cache%write_1h_tokens' THEN carded_events.own_cache_write_1h_rate
            WHEN counted_units.unit LIKE 'cache%write%tokens' THEN carded_events.own_cache_write_5m_rate
            WHEN counted_units.unit LIKE 'input%tokens' THEN carded_events.own_input_rate
        END AS own_class_rate,
        CASE
            WHEN counted_units.unit LIKE 'output%tokens' THEN carded_events.list_output_rate
            WHEN counted_units.unit LIKE 'cache%read_tokens' THEN carded_events.list_cache_read_rate
            WHEN counted_units.unit LIKE 'cache%write_1h_tokens' THEN carded_events.list_cache_write_1h_rate
            WHEN counted_units.unit LIKE 'cache%write%tokens' THEN carded_events.list_cache_write_5m_rate
            WHEN counted_units.unit LIKE 'input%tokens' THEN carded_events.list_input_rate
        END AS list_class_rate
    FROM counted_units
    INNER JOIN carded_events ON counted_units.event_id = carded_events.event_id
),

least_times AS (
    SELECT DISTINCT
        price_id,
        CAST(least_seconds AS DECIMAL(18, 6)) AS least_seconds
    FROM price_segments
    WHERE least_seconds IS NOT NULL
),

rated_units AS (
    SELECT
        carded_units.event_id, carded_units.usage_on, carded_units.started_at, carded_units.is_api,
        carded_units.is_hit, carded_units.unit, carded_units.quantity, carded_units.is_impossible,
        carded_units.is_many,
        coalesce(contract_units.rate_usd, list_units.rate_usd, carded_units.own_class_rate) AS rate_usd,
        coalesce(list_units.rate_usd, carded_units.list_class_rate) AS list_rate_usd,
        CASE
            WHEN carded_units.unit NOT LIKE '%audio_seconds' THEN NULL
            WHEN contract_units.rate_usd IS NULL THEN list_times.least_seconds
            ELSE contract_times.least_seconds
        END AS least_quantity,
        CASE WHEN carded_units.unit LIKE '%audio_seconds' THEN list_times.least_seconds END
            AS list_least_quantity
    FROM carded_units
    LEFT JOIN card_units AS list_units
        ON carded_units.list_price_id = list_units.price_id
        AND carded_units.unit = list_units.unit
    LEFT JOIN card_units AS contract_units
        ON carded_units.contract_price_id = contract_units.price_id
        AND carded_units.unit = contract_units.unit
    LEFT JOIN least_times AS list_times ON carded_units.list_price_id = list_times.price_id
    LEFT JOIN least_times AS contract_times ON carded_units.contract_price_id = contract_times.price_id
),

-- What is billed at least for a call cannot be told from the sum of many calls.
costed_units AS (
    SELECT
        event_id, usage_on, started_at, is_api, is_hit, unit, quantity, rate_usd,
        CASE
            WHEN is_impossible THEN NULL
            WHEN quantity = 0 THEN 0
            WHEN is_many AND least_quantity IS NOT NULL THEN NULL
            ELSE CAST(
                CAST(greatest(quantity, coalesce(least_quantity, 0)) AS DECIMAL(18, 6))
                * CAST(rate_usd AS DECIMAL(20, 18)) AS DECIMAL(38, 12)
            )
        END AS own_cost_usd,
        CASE
            WHEN is_impossible THEN NULL
            WHEN quantity = 0 THEN 0
            WHEN is_many AND list_least_quantity IS NOT NULL THEN NULL
            ELSE CAST(
                CAST(greatest(quantity, coalesce(list_least_quantity, 0)) AS DECIMAL(18, 6))
                * CAST(list_rate_usd AS DECIMAL(20, 18)) AS DECIMAL(38, 12)
            )
        END AS list_cost_usd
    FROM rated_units
)

SELECT
    event_id,
    usage_on,
    started_at,
    unit,
    quantity,
    rate_usd,
    CASE WHEN NOT is_api THEN NULL WHEN is_hit THEN 0 ELSE own_cost_usd END AS cost_usd,
    CASE
        WHEN own_cost_usd IS NULL THEN 'unpriced'
        WHEN rate_usd = 0 THEN 'free'
        ELSE 'priced'
    END AS price_status,
    own_cost_usd,
    list_cost_usd
FROM costed_units
