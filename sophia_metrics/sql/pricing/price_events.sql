-- question: what did each event cost, at which price, and who says so?
-- grain: one row an event, with every column of core_usage_events
-- sources: sized_events, price_segments, unit_prices
-- owner: pricing
WITH unit_costs AS (
    SELECT
        event_id,
        CASE WHEN count(*) = count(own_cost_usd) THEN sum(CAST(own_cost_usd AS DECIMAL(38, 12))) END
            AS own_units_usd,
        CASE WHEN count(*) = count(list_cost_usd) THEN sum(CAST(list_cost_usd AS DECIMAL(38, 12))) END
            AS list_units_usd
    FROM unit_prices
    GROUP BY event_id
),

carded_events AS (
    SELECT
        sized_events.*,
        unit_costs.event_id IS NOT NULL AS has_units,
        unit_costs.own_units_usd,
        unit_costs.list_units_usd,
        contract.price_id IS NOT NULL AS has_contract,
        list.price_id AS list_price_id,
        coalesce(contract.price_id, list.price_id) AS own_price_id,
        list.has_token_price AS has_list_token_price,
        CASE WHEN contract.price_id IS NULL THEN list.has_token_price ELSE contract.has_token_price END
            AS has_token_price,
        coalesce(CASE WHEN contract.price_id IS NULL THEN list.is_free ELSE contract.is_free END, FALSE) AS is_free,
        CASE WHEN contract.price_id IS NULL THEN list.rate_input_usd ELSE contract.rate_input_usd END
            AS own_input_rate,
        CASE WHEN contract.price_id IS NULL THEN list.rate_cache_read_usd ELSE contract.rate_cache_read_usd END
            AS own_cache_read_rate,
        CASE WHEN contract.price_id IS NULL THEN list.rate_cache_write_5m_usd ELSE contract.rate_cache_write_5m_usd END
            AS own_cache_write_5m_rate,
        CASE WHEN contract.price_id IS NULL THEN list.rate_cache_write_1h_usd ELSE contract.rate_cache_write_1h_usd END
            AS own_cache_write_1h_rate,
        CASE WHEN contract.price_id IS NULL THEN list.rate_output_usd ELSE contract.rate_output_usd END
            AS own_output_rate,
        CASE WHEN contract.price_id IS NULL THEN list.short_rate_input_usd ELSE contract.short_rate_input_usd END
            AS own_input_short_rate,
        CASE WHEN contract.price_id IS NULL THEN list.short_rate_cache_read_usd ELSE contract.short_rate_cache_read_usd END
            AS own_cache_read_short_rate,
        CASE WHEN contract.price_id IS NULL THEN list.short_rate_cache_write_5m_usd ELSE contract.short_rate_cache_write_5m_usd END
            AS own_cache_write_5m_short_rate,
        CASE WHEN contract.price_id IS NULL THEN list.short_rate_cache_write_1h_usd ELSE contract.short_rate_cache_write_1h_usd END
            AS own_cache_write_1h_short_rate,
        CASE WHEN contract.price_id IS NULL THEN list.short_rate_output_usd ELSE contract.short_rate_output_usd END
            AS own_output_short_rate,
        list.rate_input_usd AS list_input_rate,
        list.rate_cache_read_usd AS list_cache_read_rate,
        list.rate_cache_write_5m_usd AS list_cache_write_5m_rate,
        list.rate_cache_write_1h_usd AS list_cache_write_1h_rate,
        list.rate_output_usd AS list_output_rate,
        list.short_rate_input_usd AS list_input_short_rate,
        list.short_rate_cache_read_usd AS list_cache_read_short_rate,
        list.short_rate_cache_write_5m_usd AS list_cache_write_5m_short_rate,
        list.short_rate_cache_write_1h_usd AS list_cache_write_1h_short_rate,
        list.short_rate_output_usd AS list_output_short_rate
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
    LEFT JOIN unit_costs ON sized_events.event_id = unit_costs.event_id
),

-- Rounding a DECIMAL(38, 18) is forty times slower than multiplying, and few rates need it.
parted_events AS (
    SELECT
        carded_events.*,
        CASE
            WHEN own_price_id IS NULL THEN NULL
            WHEN input_tokens = 0 OR (input_tokens IS NULL AND coalesce(own_input_rate, 0) = 0) THEN 0
            WHEN own_input_short_rate IS NOT NULL
                THEN CAST(CAST(input_tokens AS DECIMAL(19, 0)) * own_input_short_rate AS DECIMAL(38, 12))
            ELSE CAST(CAST(input_tokens AS DECIMAL(19, 0)) * own_input_rate AS DECIMAL(38, 12))
        END AS input_usd,
        CASE
            WHEN own_price_id IS NULL THEN NULL
            WHEN coalesce(cache_read_tokens, 0) = 0 THEN 0
            WHEN own_cache_read_short_rate IS NOT NULL
                THEN CAST(CAST(cache_read_tokens AS DECIMAL(19, 0)) * own_cache_read_short_rate AS DECIMAL(38, 12))
            ELSE CAST(CAST(cache_read_tokens AS DECIMAL(19, 0)) * own_cache_read_rate AS DECIMAL(38, 12))
        END AS cache_read_usd,
        CASE
            WHEN own_price_id IS NULL THEN NULL
            WHEN coalesce(cache_write_5m_tokens, 0) = 0 THEN 0
            WHEN own_cache_write_5m_short_rate IS NOT NULL
                THEN CAST(CAST(cache_write_5m_tokens AS DECIMAL(19, 0)) * own_cache_write_5m_short_rate AS DECIMAL(38, 12))
            ELSE CAST(CAST(cache_write_5m_tokens AS DECIMAL(19, 0)) * own_cache_write_5m_rate AS DECIMAL(38, 12))
        END AS cache_write_5m_usd,
        CASE
            WHEN own_price_id IS NULL THEN NULL
            WHEN coalesce(cache_write_1h_tokens, 0) = 0 THEN 0
            WHEN own_cache_write_1h_short_rate IS NOT NULL
                THEN CAST(CAST(cache_write_1h_tokens AS DECIMAL(19, 0)) * own_cache_write_1h_short_rate AS DECIMAL(38, 12))
            ELSE CAST(CAST(cache_write_1h_tokens AS DECIMAL(19, 0)) * own_cache_write_1h_rate AS DECIMAL(38, 12))
        END AS cache_write_1h_usd,
        CASE
            WHEN own_price_id IS NULL THEN NULL
            WHEN output_tokens = 0 OR (output_tokens IS NULL AND coalesce(own_output_rate, 0) = 0) THEN 0
            WHEN own_output_short_rate IS NOT NULL
                THEN CAST(CAST(output_tokens AS DECIMAL(19, 0)) * own_output_short_rate AS DECIMAL(38, 12))
            ELSE CAST(CAST(output_tokens AS DECIMAL(19, 0)) * own_output_rate AS DECIMAL(38, 12))
        END AS output_usd,
        -- A price by the unit says nothing about an event whose units nobody counted.
        CASE
            WHEN has_units THEN own_units_usd
            WHEN own_price_id IS NULL OR has_token_price THEN 0
        END AS units_usd,
        status = 'error' AND most_tokens = 0 AND NOT has_units AS is_empty_failure
    FROM carded_events
),

computed_events AS (
    SELECT
        parted_events.*,
        CAST(input_usd + cache_read_usd + cache_write_5m_usd + cache_write_1h_usd + output_usd + units_usd
            AS DECIMAL(38, 12)) AS own_usd,
        is_hit OR (is_empty_failure AND input_tokens = 0) AS is_nothing_due,
        CASE
            WHEN is_invalid THEN NULL
            WHEN
                cost_reported = 0
                AND NOT is_hit
                AND NOT is_free
                AND NOT is_empty_failure
                AND NOT coalesce(most_tokens = 0 AND NOT has_units AND input_tokens = 0, FALSE)
                THEN NULL
            WHEN fx_rate = 1 THEN cost_reported
            ELSE CAST(CAST(cost_reported AS DECIMAL(22, 10)) * CAST(fx_rate AS DECIMAL(16, 12)) AS DECIMAL(38, 12))
        END AS reported_usd
    FROM parted_events
),

listed_events AS (
    SELECT
        computed_events.*,
        is_api AND NOT is_invalid AS is_spend,
        CASE
            WHEN is_invalid THEN NULL
            WHEN is_empty_failure AND input_tokens = 0 THEN 0
            WHEN NOT has_contract THEN own_usd
            WHEN NOT has_units AND NOT has_list_token_price THEN NULL
            ELSE CAST(
                CASE
                            WHEN list_price_id IS NULL THEN NULL
                            WHEN input_tokens = 0 OR (input_tokens IS NULL AND coalesce(list_input_rate, 0) = 0) THEN 0
                            WHEN list_input_short_rate IS NOT NULL
                                THEN CAST(CAST(input_tokens AS DECIMAL(19, 0)) * list_input_short_rate AS DECIMAL(38, 12))
                            ELSE CAST(CAST(input_tokens AS DECIMAL(19, 0)) * list_input_rate AS DECIMAL(38, 12))
                        END
                + CASE
                            WHEN list_price_id IS NULL THEN NULL
                            WHEN coalesce(cache_read_tokens, 0) = 0 THEN 0
                            WHEN list_cache_read_short_rate IS NOT NULL
                                THEN CAST(CAST(cache_read_tokens AS DECIMAL(19, 0)) * list_cache_read_short_rate AS DECIMAL(38, 12))
                            ELSE CAST(CAST(cache_read_tokens AS DECIMAL(19, 0)) * list_cache_read_rate AS DECIMAL(38, 12))
                        END
                + CASE
                            WHEN list_price_id IS NULL THEN NULL
                            WHEN coalesce(cache_write_5m_tokens, 0) = 0 THEN 0
                            WHEN list_cache_write_5m_short_rate IS NOT NULL
                                THEN CAST(CAST(cache_write_5m_tokens AS DECIMAL(19, 0)) * list_cache_write_5m_short_rate AS DECIMAL(38, 12))
                            ELSE CAST(CAST(cache_write_5m_tokens AS DECIMAL(19, 0)) * list_cache_write_5m_rate AS DECIMAL(38, 12))
                        END
                + CASE
                            WHEN list_price_id IS NULL THEN NULL
                            WHEN coalesce(cache_write_1h_tokens, 0) = 0 THEN 0
                            WHEN list_cache_write_1h_short_rate IS NOT NULL
                                THEN CAST(CAST(cache_write_1h_tokens AS DECIMAL(19, 0)) * list_cache_write_1h_short_rate AS DECIMAL(38, 12))
                            ELSE CAST(CAST(cache_write_1h_tokens AS DECIMAL(19, 0)) * list_cache_write_1h_rate AS DECIMAL(38, 12))
                        END
                + CASE
                            WHEN list_price_id IS NULL THEN NULL
                            WHEN output_tokens = 0 OR (output_tokens IS NULL AND coalesce(list_output_rate, 0) = 0) THEN 0
                            WHEN list_output_short_rate IS NOT NULL
                                THEN CAST(CAST(output_tokens AS DECIMAL(19, 0)) * list_output_short_rate AS DECIMAL(38, 12))
                            ELSE CAST(CAST(output_tokens AS DECIMAL(19, 0)) * list_output_rate AS DECIMAL(38, 12))
                        END
                + CASE WHEN has_units THEN list_units_usd ELSE 0 END
                AS DECIMAL(38, 12)
            )
        END AS list_usd,
        CASE
            WHEN is_invalid OR NOT is_api THEN NULL
            WHEN is_nothing_due THEN 0
            ELSE own_usd
        END AS spent_usd
    FROM computed_events
)

SELECT
    event_id,
    usage_on,
    source,
    source_role,
    record_kind,
    started_at,
    ended_at,
    source_updated_at,
    version_rank,
    ingested_at,
    attempt_id,
    account_id,
    team,
    project,
    environment,
    user_hash,
    api_key_id,
    session_id,
    tags,
    request_id,
    trace_id,
    span_id,
    parent_id,
    retry_ordinal,
    provider,
    route,
    region,
    model,
    model_requested,
    operation,
    service_tier,
    is_stream,
    finish_reason,
    status,
    error_class,
    input_tokens,
    cache_read_tokens,
    cache_write_5m_tokens,
    cache_write_1h_tokens,
    output_tokens,
    reasoning_tokens,
    request_count,
    usage_quality,
    latency_ms,
    ttft_ms,
    is_cache_hit,
    cache_tier,
    prompt_hash,
    prefix_hash,
    cost_reported,
    cost_reported_currency,
    fx_rate,
    reported_usd AS cost_reported_usd,
    CASE WHEN NOT is_spend THEN NULL WHEN is_nothing_due THEN 0 ELSE input_usd END AS cost_input_usd,
    CASE WHEN NOT is_spend THEN NULL WHEN is_nothing_due THEN 0 ELSE cache_read_usd END AS cost_cache_read_usd,
    CASE
        WHEN NOT is_spend THEN NULL
        WHEN is_nothing_due THEN 0
        ELSE CAST(cache_write_5m_usd + cache_write_1h_usd AS DECIMAL(38, 12))
    END AS cost_cache_write_usd,
    CASE WHEN NOT is_spend THEN NULL WHEN is_nothing_due THEN 0 ELSE output_usd END AS cost_output_usd,
    CASE WHEN NOT is_spend THEN NULL WHEN is_nothing_due THEN 0 ELSE units_usd END AS cost_units_usd,
    spent_usd AS cost_computed_usd,
    list_usd AS list_cost_usd,
    CASE
        WHEN NOT is_spend THEN NULL
        WHEN reported_basis = 'billed' AND reported_usd IS NOT NULL THEN reported_usd
        WHEN spent_usd IS NOT NULL THEN spent_usd
        WHEN reported_basis = 'estimated' THEN reported_usd
    END AS cost_usd,
    CASE
        WHEN NOT is_spend THEN NULL
        WHEN reported_basis = 'billed' AND reported_usd IS NOT NULL THEN 'billed'
        WHEN spent_usd IS NOT NULL THEN 'computed'
        WHEN reported_basis = 'estimated' AND reported_usd IS NOT NULL THEN 'estimated'
    END AS cost_basis,
    CASE
        WHEN is_invalid THEN 'invalid'
        WHEN is_nothing_due THEN CASE WHEN is_api THEN 'priced' ELSE 'subscription' END
        WHEN own_price_id IS NULL AND NOT is_empty_failure THEN 'unpriced'
        WHEN own_usd IS NULL THEN 'partial'
        WHEN NOT is_api THEN 'subscription'
        WHEN is_free AND own_usd = 0 THEN 'free'
        ELSE 'priced'
    END AS price_status,
    own_price_id AS price_id
FROM listed_events
