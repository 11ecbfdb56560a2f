-- question: what did each event cost, at which price, and who says so?
-- grain: one row an event, with every column of core_usage_events
-- sources: carded_events, unit_prices
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

-- A rate that twelve decimals hold (short) needs no rounding, which takes forty times as long as the product.
parted_events AS (
    SELECT
        carded_events.event_id, carded_events.usage_on, carded_events.source, carded_events.source_role,
        carded_events.record_kind, carded_events.started_at, carded_events.ended_at,
        carded_events.source_updated_at, carded_events.version_rank, carded_events.ingested_at,
        carded_events.attempt_id, carded_events.account_id, carded_events.team, carded_events.project,
        carded_events.environment, carded_events.user_hash, carded_events.api_key_id,
        carded_events.session_id, carded_events.tags, carded_events.request_id, carded_events.trace_id,
        carded_events.span_id, carded_events.parent_id, carded_events.retry_ordinal, carded_events.provider,
        carded_events.route, carded_events.region, carded_events.model, carded_events.model_requested,
        carded_events.operation, carded_events.service_tier, carded_events.is_stream,
        carded_events.finish_reason, carded_events.status, carded_events.error_class, carded_events.context_window,
        carded_events.input_tokens, carded_events.cache_read_tokens, carded_events.cache_write_5m_tokens,
        carded_events.cache_write_1h_tokens, carded_events.output_tokens, carded_events.reasoning_tokens,
        carded_events.request_count, carded_events.usage_quality, carded_events.latency_ms,
        carded_events.ttft_ms, carded_events.is_cache_hit, carded_events.cache_tier,
        carded_events.prompt_hash, carded_events.prefix_hash, carded_events.cost_reported,
        carded_events.cost_reported_currency,
        most_tokens, is_invalid, is_hit, is_api, reported_basis, fx_rate, own_price_id, contract_price_id,
        is_free,
        CASE
            WHEN own_price_id IS NULL THEN NULL
            WHEN input_tokens = 0 THEN 0
            WHEN input_tokens IS NULL AND coalesce(own_input_rate, 0) = 0 THEN 0
            WHEN own_input_short IS NULL
                THEN CAST(
                    CAST(input_tokens AS DECIMAL(19, 0)) * own_input_rate AS DECIMAL(38, 12)
                )
            ELSE CAST(
                CAST(input_tokens AS DECIMAL(19, 0)) * own_input_short AS DECIMAL(38, 12)
            )
        END AS input_usd,
        CASE
            WHEN own_price_id IS NULL THEN NULL
            WHEN coalesce(cache_read_tokens, 0) = 0 THEN 0
            WHEN own_cache_read_short IS NULL
                THEN CAST(
                    CAST(cache_read_tokens AS DECIMAL(19, 0)) * own_cache_read_rate AS DECIMAL(38, 12)
                )
            ELSE CAST(
                CAST(cache_read_tokens AS DECIMAL(19, 0)) * own_cache_read_short AS DECIMAL(38, 12)
            )
        END AS cache_read_usd,
        CASE
            WHEN own_price_id IS NULL THEN NULL
            WHEN coalesce(cache_write_5m_tokens, 0) = 0 THEN 0
            WHEN own_cache_write_5m_short IS NULL
                THEN CAST(
                    CAST(cache_write_5m_tokens AS DECIMAL(19, 0)) * own_cache_write_5m_rate AS DECIMAL(38, 12)
                )
            ELSE CAST(
                CAST(cache_write_5m_tokens AS DECIMAL(19, 0)) * own_cache_write_5m_short AS DECIMAL(38, 12)
            )
        END AS cache_write_5m_usd,
        CASE
            WHEN own_price_id IS NULL THEN NULL
            WHEN coalesce(cache_write_1h_tokens, 0) = 0 THEN 0
            WHEN own_cache_write_1h_short IS NULL
                THEN CAST(
                    CAST(cache_write_1h_tokens AS DECIMAL(19, 0)) * own_cache_write_1h_rate AS DECIMAL(38, 12)
                )
            ELSE CAST(
                CAST(cache_write_1h_tokens AS DECIMAL(19, 0)) * own_cache_write_1h_short AS DECIMAL(38, 12)
            )
        END AS cache_write_1h_usd,
        CASE
            WHEN own_price_id IS NULL THEN NULL
            WHEN output_tokens = 0 THEN 0
            WHEN output_tokens IS NULL AND coalesce(own_output_rate, 0) = 0 THEN 0
            WHEN own_output_short IS NULL
                THEN CAST(
                    CAST(output_tokens AS DECIMAL(19, 0)) * own_output_rate AS DECIMAL(38, 12)
                )
            ELSE CAST(
                CAST(output_tokens AS DECIMAL(19, 0)) * own_output_short AS DECIMAL(38, 12)
            )
        END AS output_usd,
        -- A price by the unit says nothing about an event whose units nobody counted.
        CASE
            WHEN unit_costs.event_id IS NOT NULL THEN unit_costs.own_units_usd
            WHEN own_price_id IS NULL OR has_own_token_price THEN 0
        END AS units_usd,
        CASE
            WHEN contract_price_id IS NULL THEN NULL
            WHEN unit_costs.event_id IS NULL AND NOT has_list_token_price THEN NULL
            ELSE CAST(
                CASE
                    WHEN list_price_id IS NULL THEN NULL
                    WHEN input_tokens = 0 THEN 0
                    WHEN input_tokens IS NULL AND coalesce(list_input_rate, 0) = 0 THEN 0
                    WHEN list_input_short IS NULL
                        THEN CAST(
                            CAST(input_tokens AS DECIMAL(19, 0)) * list_input_rate AS DECIMAL(38, 12)
                        )
                    ELSE CAST(
                        CAST(input_tokens AS DECIMAL(19, 0)) * list_input_short AS DECIMAL(38, 12)
                    )
                END
                + CASE
                    WHEN list_price_id IS NULL THEN NULL
                    WHEN coalesce(cache_read_tokens, 0) = 0 THEN 0
                    WHEN list_cache_read_short IS NULL
                        THEN CAST(
                            CAST(cache_read_tokens AS DECIMAL(19, 0)) * list_cache_read_rate AS DECIMAL(38, 12)
                        )
                    ELSE CAST(
                        CAST(cache_read_tokens AS DECIMAL(19, 0)) * list_cache_read_short AS DECIMAL(38, 12)
                    )
                END
                + CASE
                    WHEN list_price_id IS NULL THEN NULL
                    WHEN coalesce(cache_write_5m_tokens, 0) = 0 THEN 0
                    WHEN list_cache_write_5m_short IS NULL
                        THEN CAST(
                            CAST(cache_write_5m_tokens AS DECIMAL(19, 0)) * list_cache_write_5m_rate AS DECIMAL(38, 12)
                        )
                    ELSE CAST(
                        CAST(cache_write_5m_tokens AS DECIMAL(19, 0)) * list_cache_write_5m_short AS DECIMAL(38, 12)
                    )
                END
                + CASE
                    WHEN list_price_id IS NULL THEN NULL
                    WHEN coalesce(cache_write_1h_tokens, 0) = 0 THEN 0
                    WHEN list_cache_write_1h_short IS NULL
                        THEN CAST(
                            CAST(cache_write_1h_tokens AS DECIMAL(19, 0)) * list_cache_write_1h_rate AS DECIMAL(38, 12)
                        )
                    ELSE CAST(
                        CAST(cache_write_1h_tokens AS DECIMAL(19, 0)) * list_cache_write_1h_short AS DECIMAL(38, 12)
                    )
                END
                + CASE
                    WHEN list_price_id IS NULL THEN NULL
                    WHEN output_tokens = 0 THEN 0
                    WHEN output_tokens IS NULL AND coalesce(list_output_rate, 0) = 0 THEN 0
                    WHEN list_output_short IS NULL
                        THEN CAST(
                            CAST(output_tokens AS DECIMAL(19, 0)) * list_output_rate AS DECIMAL(38, 12)
                        )
                    ELSE CAST(
                        CAST(output_tokens AS DECIMAL(19, 0)) * list_output_short AS DECIMAL(38, 12)
                    )
                END
                + CASE WHEN unit_costs.event_id IS NULL THEN 0 ELSE unit_costs.list_units_usd END
                AS DECIMAL(38, 12)
            )
        END AS beside_contract_usd,
        unit_costs.event_id IS NOT NULL AS has_units,
        status = 'error' AND most_tokens = 0 AND unit_costs.event_id IS NULL AS is_empty_failure,
        is_api AND NOT is_invalid AS is_spend
    FROM carded_events
    LEFT JOIN unit_costs ON carded_events.event_id = unit_costs.event_id
),

computed_events AS (
    SELECT
        event_id, usage_on, source, source_role, record_kind, started_at, ended_at, source_updated_at,
        version_rank, ingested_at, attempt_id, account_id, team, project, environment, user_hash, api_key_id,
        session_id, tags, request_id, trace_id, span_id, parent_id, retry_ordinal, provider, route, region,
        model, model_requested, operation, service_tier, is_stream, finish_reason, status, error_class, context_window,
        input_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, output_tokens,
        reasoning_tokens, request_count, usage_quality, latency_ms, ttft_ms, is_cache_hit, cache_tier,
        prompt_hash, prefix_hash, cost_reported, cost_reported_currency,
        most_tokens, is_invalid, is_hit, is_api, reported_basis, fx_rate, own_price_id, contract_price_id,
        is_free, has_units, is_empty_failure, is_spend, input_usd, cache_read_usd, cache_write_5m_usd,
        cache_write_1h_usd, output_usd, units_usd, beside_contract_usd,
        CAST(
            input_usd + cache_read_usd + cache_write_5m_usd + cache_write_1h_usd + output_usd + units_usd
            AS DECIMAL(38, 12)
        ) AS own_usd,
        is_hit OR (is_empty_failure AND input_tokens = 0) AS is_nothing_due,
        coalesce(
            is_hit OR is_free OR is_empty_failure OR (most_tokens = 0 AND NOT has_units AND input_tokens = 0),
            FALSE
        ) AS may_be_zero
    FROM parted_events
),

settled_events AS (
    SELECT
        event_id, usage_on, source, source_role, record_kind, started_at, ended_at, source_updated_at,
        version_rank, ingested_at, attempt_id, account_id, team, project, environment, user_hash, api_key_id,
        session_id, tags, request_id, trace_id, span_id, parent_id, retry_ordinal, provider, route, region,
        model, model_requested, operation, service_tier, is_stream, finish_reason, status, error_class, context_window,
        input_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, output_tokens,
        reasoning_tokens, request_count, usage_quality, latency_ms, ttft_ms, is_cache_hit, cache_tier,
        prompt_hash, prefix_hash, cost_reported, cost_reported_currency,
        is_invalid, is_hit, is_api, reported_basis, fx_rate, own_price_id, contract_price_id, is_free,
        is_empty_failure, is_spend, input_usd, cache_read_usd, cache_write_5m_usd, cache_write_1h_usd,
        output_usd, units_usd, own_usd, is_nothing_due,
        CASE
            WHEN is_invalid OR (cost_reported = 0 AND NOT may_be_zero) THEN NULL
            WHEN fx_rate = 1 THEN cost_reported
            ELSE CAST(
                CAST(cost_reported AS DECIMAL(22, 10)) * CAST(fx_rate AS DECIMAL(16, 12)) AS DECIMAL(38, 12)
            )
        END AS reported_usd,
        CASE
            WHEN is_invalid THEN NULL
            WHEN is_empty_failure AND input_tokens = 0 THEN 0
            WHEN contract_price_id IS NULL THEN own_usd
            ELSE beside_contract_usd
        END AS list_usd,
        CASE WHEN NOT is_spend THEN NULL WHEN is_nothing_due THEN 0 ELSE own_usd END AS computed_usd
    FROM computed_events
)

SELECT
    event_id, usage_on, source, source_role, record_kind, started_at, ended_at, source_updated_at,
    version_rank, ingested_at, attempt_id, account_id, team, project, environment, user_hash, api_key_id,
    session_id, tags, request_id, trace_id, span_id, parent_id, retry_ordinal, provider, route, region, model,
    model_requested, operation, service_tier, is_stream, finish_reason, status, error_class, context_window, input_tokens,
    cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, output_tokens, reasoning_tokens,
    request_count, usage_quality, latency_ms, ttft_ms, is_cache_hit, cache_tier, prompt_hash, prefix_hash,
    cost_reported, cost_reported_currency,
    fx_rate,
    reported_usd AS cost_reported_usd,
    CASE WHEN NOT is_spend THEN NULL WHEN is_nothing_due THEN 0 ELSE input_usd END AS cost_input_usd,
    CASE
        WHEN NOT is_spend THEN NULL
        WHEN is_nothing_due THEN 0
        ELSE cache_read_usd
    END AS cost_cache_read_usd,
    CASE
        WHEN NOT is_spend THEN NULL
        WHEN is_nothing_due THEN 0
        ELSE CAST(cache_write_5m_usd + cache_write_1h_usd AS DECIMAL(38, 12))
    END AS cost_cache_write_usd,
    CASE WHEN NOT is_spend THEN NULL WHEN is_nothing_due THEN 0 ELSE output_usd END AS cost_output_usd,
    CASE WHEN NOT is_spend THEN NULL WHEN is_nothing_due THEN 0 ELSE units_usd END AS cost_units_usd,
    computed_usd AS cost_computed_usd,
    list_usd AS list_cost_usd,
    CASE
        WHEN NOT is_spend THEN NULL
        WHEN reported_basis = 'billed' AND reported_usd IS NOT NULL THEN reported_usd
        WHEN computed_usd IS NOT NULL THEN computed_usd
        WHEN reported_basis = 'estimated' THEN reported_usd
    END AS cost_usd,
    CASE
        WHEN NOT is_spend THEN NULL
        WHEN reported_basis = 'billed' AND reported_usd IS NOT NULL THEN 'billed'
        WHEN computed_usd IS NOT NULL THEN 'computed'
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
FROM settled_events
