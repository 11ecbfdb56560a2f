-- question: what did each billing unit other than a token class cost?
-- grain: one row an event and unit; events at a price by the request get a row of unit requests
-- sources: sized_events, price_segments, card_units, units
-- owner: pricing
WITH request_events AS (
    SELECT DISTINCT sized_events.event_id
    FROM sized_events
    INNER JOIN price_segments
        ON sized_events.provider = price_segments.provider
        AND sized_events.route IS NOT DISTINCT FROM price_segments.route
        AND sized_events.model = price_segments.model
        AND sized_events.price_tier = price_segments.service_tier
        AND sized_events.started_at >= price_segments.valid_from_at
        AND sized_events.started_at < price_segments.valid_to_at
        AND sized_events.second_of_day >= price_segments.from_second
        AND sized_events.second_of_day < price_segments.to_second
        AND sized_events.tier_tokens > price_segments.above_tokens
        AND sized_events.tier_tokens <= price_segments.up_to_tokens
    INNER JOIN card_units ON price_segments.price_id = card_units.price_id AND card_units.unit = 'requests'
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
        sized_events.event_id,
        'requests' AS unit,
        CAST(sized_events.request_count AS DECIMAL(38, 6)) AS quantity
    FROM sized_events
    INNER JOIN request_events ON sized_events.event_id = request_events.event_id
),

carded_units AS (
    SELECT
        counted_units.event_id,
        sized_events.usage_on,
        sized_events.started_at,
        counted_units.unit,
        counted_units.quantity,
        sized_events.is_api,
        sized_events.is_hit,
        sized_events.is_invalid,
        list.price_id AS list_price_id,
        contract.price_id AS contract_price_id,
        CASE
            WHEN counted_units.unit LIKE 'output%tokens' THEN list.rate_output_usd
            WHEN counted_units.unit LIKE 'cache%read_tokens' THEN list.rate_cache_read_usd
            WHEN counted_units.unit LIKE 'cache%write_1h_tokens' THEN list.rate_cache_write_1h_usd
            WHEN counted_units.unit LIKE 'cache%write%tokens' THEN list.rate_cache_write_5m_usd
            WHEN counted_units.unit LIKE 'input%tokens' THEN list.rate_input_usd
        END AS list_class_rate_usd,
        CASE
            WHEN counted_units.unit LIKE 'output%tokens' THEN contract.rate_output_usd
            WHEN counted_units.unit LIKE 'cache%read_tokens' THEN contract.rate_cache_read_usd
            WHEN counted_units.unit LIKE 'cache%write_1h_tokens' THEN contract.rate_cache_write_1h_usd
            WHEN counted_units.unit LIKE 'cache%write%tokens' THEN contract.rate_cache_write_5m_usd
            WHEN counted_units.unit LIKE 'input%tokens' THEN contract.rate_input_usd
        END AS contract_class_rate_usd
    FROM counted_units
    INNER JOIN sized_events ON counted_units.event_id = sized_events.event_id
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
),

rated_units AS (
    SELECT
        carded_units.event_id,
        carded_units.usage_on,
        carded_units.started_at,
        carded_units.unit,
        carded_units.quantity,
        carded_units.is_api,
        carded_units.is_hit,
        carded_units.is_invalid OR carded_units.quantity < 0 OR carded_units.quantity >= 1000000000000 AS is_invalid,
        coalesce(list_units.rate_usd, carded_units.list_class_rate_usd) AS list_rate_usd,
        coalesce(
            contract_units.rate_usd,
            list_units.rate_usd,
            carded_units.contract_class_rate_usd,
            carded_units.list_class_rate_usd
        ) AS rate_usd
    FROM carded_units
    LEFT JOIN card_units AS list_units
        ON carded_units.list_price_id = list_units.price_id AND carded_units.unit = list_units.unit
    LEFT JOIN card_units AS contract_units
        ON carded_units.contract_price_id = contract_units.price_id AND carded_units.unit = contract_units.unit
),

priced_units AS (
    SELECT
        rated_units.*,
        CASE
            WHEN is_invalid THEN NULL
            WHEN quantity = 0 THEN 0
            ELSE CAST(CAST(quantity AS DECIMAL(18, 6)) * CAST(rate_usd AS DECIMAL(20, 18)) AS DECIMAL(38, 12))
        END AS own_cost_usd,
        CASE
            WHEN is_invalid THEN NULL
            WHEN quantity = 0 THEN 0
            ELSE CAST(CAST(quantity AS DECIMAL(18, 6)) * CAST(list_rate_usd AS DECIMAL(20, 18)) AS DECIMAL(38, 12))
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
FROM priced_units
