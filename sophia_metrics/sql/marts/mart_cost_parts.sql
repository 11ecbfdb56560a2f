-- question: Of which parts is the cost of each day made, and how much was bought of each?
-- grain: usage_on, provider, model, team, project, environment, route, price_tier, part
-- sources: core_price_cards, core_usage_events, core_usage_units
-- owner: costs
WITH card_tiers AS (
    SELECT
        price_id,
        MAX(tier_low_tokens) AS tier_low_tokens
    FROM core_price_cards
    GROUP BY price_id
),

tiered_events AS (
    SELECT
        core_usage_events.event_id,
        core_usage_events.usage_on,
        core_usage_events.provider,
        core_usage_events.model,
        COALESCE(core_usage_events.team, '(none)') AS team,
        COALESCE(core_usage_events.project, '(none)') AS project,
        COALESCE(core_usage_events.environment, '(none)') AS environment,
        COALESCE(core_usage_events.route, '(none)') AS route,
        CASE
            WHEN COALESCE(LOWER(core_usage_events.service_tier), '') IN ('', 'auto', 'default') THEN 'standard'
            ELSE LOWER(core_usage_events.service_tier)
        END
        || CASE
            WHEN card_tiers.tier_low_tokens > 0 THEN ' above ' || CAST(card_tiers.tier_low_tokens AS VARCHAR)
            ELSE ''
        END AS price_tier,
        -- What a response cache answered was not bought, whatever its tokens say.
        core_usage_events.cost_computed_usd IS NOT NULL
        AND core_usage_events.cost_usd IS NOT NULL
        AND NOT COALESCE(core_usage_events.is_cache_hit, FALSE) AS is_itemised,
        COALESCE(core_usage_events.cost_basis, '') <> 'computed' AS is_told,
        core_usage_events.request_count,
        CASE
            WHEN core_usage_events.cost_usd IS NOT NULL THEN 0
            WHEN core_usage_events.price_status NOT IN ('unpriced', 'partial', 'invalid') THEN 0
            WHEN core_usage_events.request_count > 1 THEN core_usage_events.request_count
            ELSE 1
        END AS unpriced_count,
        COALESCE(core_usage_events.input_tokens, 0) AS input_tokens,
        COALESCE(core_usage_events.cache_read_tokens, 0) AS cache_read_tokens,
        COALESCE(core_usage_events.cache_write_5m_tokens, 0) AS cache_write_5m_tokens,
        COALESCE(core_usage_events.cache_write_1h_tokens, 0) AS cache_write_1h_tokens,
        COALESCE(core_usage_events.output_tokens, 0) AS output_tokens,
        COALESCE(core_usage_events.cost_input_usd, 0) AS cost_input_usd,
        COALESCE(core_usage_events.cost_cache_read_usd, 0) AS cost_cache_read_usd,
        COALESCE(core_usage_events.cost_cache_write_usd, 0) AS cost_cache_write_usd,
        COALESCE(core_usage_events.cost_output_usd, 0) AS cost_output_usd,
        core_usage_events.cost_usd
    FROM core_usage_events
    LEFT JOIN card_tiers ON core_usage_events.price_id = card_tiers.price_id
    WHERE core_usage_events.source_role = 'ledger'
),

unit_costs AS (
    SELECT
        event_id,
        SUM(CAST(cost_usd AS DECIMAL(38, 12))) AS units_usd
    FROM core_usage_units
    GROUP BY event_id
),

-- What the parts do not explain: what was billed beside the prices that we know.
explained_events AS (
    SELECT
        tiered_events.usage_on,
        tiered_events.provider,
        tiered_events.model,
        tiered_events.team,
        tiered_events.project,
        tiered_events.environment,
        tiered_events.route,
        tiered_events.price_tier,
        tiered_events.is_itemised,
        tiered_events.is_told,
        CASE WHEN tiered_events.cost_usd IS NOT NULL THEN tiered_events.request_count ELSE 0 END AS costed_count,
        tiered_events.unpriced_count,
        tiered_events.input_tokens,
        tiered_events.cache_read_tokens,
        tiered_events.cache_write_5m_tokens,
        tiered_events.cache_write_1h_tokens,
        tiered_events.output_tokens,
        tiered_events.cost_input_usd,
        tiered_events.cost_cache_read_usd,
        tiered_events.cost_cache_write_usd,
        tiered_events.cost_output_usd,
        tiered_events.cost_usd,
        tiered_events.cost_input_usd
        + tiered_events.cost_cache_read_usd
        + tiered_events.cost_cache_write_usd
        + tiered_events.cost_output_usd
        + COALESCE(unit_costs.units_usd, 0) AS parts_usd
    FROM tiered_events
    LEFT JOIN unit_costs ON tiered_events.event_id = unit_costs.event_id
),

sums AS (
    SELECT
        usage_on,
        provider,
        model,
        team,
        project,
        environment,
        route,
        price_tier,
        SUM(costed_count) AS costed_count,
        SUM(unpriced_count) AS unpriced_count,
        SUM(CASE WHEN is_itemised THEN input_tokens ELSE 0 END) AS input_tokens,
        SUM(CASE WHEN is_itemised THEN CAST(cost_input_usd AS DECIMAL(38, 12)) ELSE 0 END) AS cost_input_usd,
        SUM(CASE WHEN is_itemised THEN cache_read_tokens ELSE 0 END) AS cache_read_tokens,
        SUM(CASE WHEN is_itemised THEN CAST(cost_cache_read_usd AS DECIMAL(38, 12)) ELSE 0 END)
            AS cost_cache_read_usd,
        -- Both kinds of writes have one cost: calls with both stand apart, so that each part has one rate.
        SUM(CASE WHEN is_itemised AND cache_write_1h_tokens = 0 THEN cache_write_5m_tokens ELSE 0 END)
            AS write_5m_tokens,
        SUM(
            CASE
                WHEN is_itemised AND cache_write_1h_tokens = 0 THEN CAST(cost_cache_write_usd AS DECIMAL(38, 12))
                ELSE 0
            END
        ) AS cost_write_5m_usd,
        SUM(
            CASE
                WHEN is_itemised AND cache_write_1h_tokens <> 0 AND cache_write_5m_tokens = 0
                    THEN cache_write_1h_tokens
                ELSE 0
            END
        ) AS write_1h_tokens,
        SUM(
            CASE
                WHEN is_itemised AND cache_write_1h_tokens <> 0 AND cache_write_5m_tokens = 0
                    THEN CAST(cost_cache_write_usd AS DECIMAL(38, 12))
                ELSE 0
            END
        ) AS cost_write_1h_usd,
        SUM(
            CASE
                WHEN is_itemised AND cache_write_1h_tokens <> 0 AND cache_write_5m_tokens <> 0
                    THEN cache_write_5m_tokens + cache_write_1h_tokens
                ELSE 0
            END
        ) AS write_both_tokens,
        SUM(
            CASE
                WHEN is_itemised AND cache_write_1h_tokens <> 0 AND cache_write_5m_tokens <> 0
                    THEN CAST(cost_cache_write_usd AS DECIMAL(38, 12))
                ELSE 0
            END
        ) AS cost_write_both_usd,
        SUM(CASE WHEN is_itemised THEN output_tokens ELSE 0 END) AS output_tokens,
        SUM(CASE WHEN is_itemised THEN CAST(cost_output_usd AS DECIMAL(38, 12)) ELSE 0 END) AS cost_output_usd,
        SUM(CASE WHEN is_itemised AND is_told THEN CAST(parts_usd AS DECIMAL(38, 12)) ELSE 0 END) AS told_parts_usd,
        SUM(CASE WHEN is_itemised THEN CAST(cost_usd - parts_usd AS DECIMAL(38, 12)) ELSE 0 END) AS billing_usd,
        SUM(
            CASE
                WHEN is_itemised OR cost_usd IS NULL THEN 0
                ELSE input_tokens + cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens + output_tokens
            END
        ) AS other_tokens,
        SUM(CASE WHEN is_itemised THEN 0 ELSE CAST(cost_usd AS DECIMAL(38, 12)) END) AS other_usd
    FROM explained_events
    GROUP BY usage_on, provider, model, team, project, environment, route, price_tier
),

parts AS (
    SELECT
        usage_on, provider, model, team, project, environment, route, price_tier,
        'call' AS part,
        CAST(costed_count AS DECIMAL(38, 6)) AS quantity,
        CAST(0 AS DECIMAL(38, 12)) AS cost_usd
    FROM sums
    WHERE costed_count <> 0
    UNION ALL
    SELECT
        usage_on, provider, model, team, project, environment, route, price_tier,
        'unpriced' AS part,
        CAST(unpriced_count AS DECIMAL(38, 6)) AS quantity,
        CAST(NULL AS DECIMAL(38, 12)) AS cost_usd
    FROM sums
    WHERE unpriced_count <> 0
    UNION ALL
    SELECT
        usage_on, provider, model, team, project, environment, route, price_tier,
        'input' AS part,
        CAST(input_tokens AS DECIMAL(38, 6)) AS quantity,
        CAST(cost_input_usd AS DECIMAL(38, 12)) AS cost_usd
    FROM sums
    WHERE input_tokens <> 0 OR cost_input_usd <> 0
    UNION ALL
    SELECT
        usage_on, provider, model, team, project, environment, route, price_tier,
        'cache_read' AS part,
        CAST(cache_read_tokens AS DECIMAL(38, 6)) AS quantity,
        CAST(cost_cache_read_usd AS DECIMAL(38, 12)) AS cost_usd
    FROM sums
    WHERE cache_read_tokens <> 0 OR cost_cache_read_usd <> 0
    UNION ALL
    SELECT
        usage_on, provider, model, team, project, environment, route, price_tier,
        'cache_write_5m' AS part,
        CAST(write_5m_tokens AS DECIMAL(38, 6)) AS quantity,
        CAST(cost_write_5m_usd AS DECIMAL(38, 12)) AS cost_usd
    FROM sums
    WHERE write_5m_tokens <> 0 OR cost_write_5m_usd <> 0
    UNION ALL
    SELECT
        usage_on, provider, model, team, project, environment, route, price_tier,
        'cache_write_1h' AS part,
        CAST(write_1h_tokens AS DECIMAL(38, 6)) AS quantity,
        CAST(cost_write_1h_usd AS DECIMAL(38, 12)) AS cost_usd
    FROM sums
    WHERE write_1h_tokens <> 0 OR cost_write_1h_usd <> 0
    UNION ALL
    SELECT
        usage_on, provider, model, team, project, environment, route, price_tier,
        'cache_write_both' AS part,
        CAST(write_both_tokens AS DECIMAL(38, 6)) AS quantity,
        CAST(cost_write_both_usd AS DECIMAL(38, 12)) AS cost_usd
    FROM sums
    WHERE write_both_tokens <> 0 OR cost_write_both_usd <> 0
    UNION ALL
    SELECT
        usage_on, provider, model, team, project, environment, route, price_tier,
        'output' AS part,
        CAST(output_tokens AS DECIMAL(38, 6)) AS quantity,
        CAST(cost_output_usd AS DECIMAL(38, 12)) AS cost_usd
    FROM sums
    WHERE output_tokens <> 0 OR cost_output_usd <> 0
    UNION ALL
    SELECT
        usage_on, provider, model, team, project, environment, route, price_tier,
        'billing' AS part,
        CAST(told_parts_usd * 1000000 AS DECIMAL(38, 6)) AS quantity,
        CAST(billing_usd AS DECIMAL(38, 12)) AS cost_usd
    FROM sums
    WHERE told_parts_usd <> 0 OR billing_usd <> 0
    UNION ALL
    SELECT
        usage_on, provider, model, team, project, environment, route, price_tier,
        'other' AS part,
        CAST(other_tokens AS DECIMAL(38, 6)) AS quantity,
        CAST(COALESCE(other_usd, 0) AS DECIMAL(38, 12)) AS cost_usd
    FROM sums
    WHERE other_tokens <> 0 OR other_usd <> 0
    UNION ALL
    SELECT
        tiered_events.usage_on, tiered_events.provider, tiered_events.model, tiered_events.team,
        tiered_events.project, tiered_events.environment, tiered_events.route, tiered_events.price_tier,
        'unit:' || core_usage_units.unit AS part,
        CAST(core_usage_units.quantity AS DECIMAL(38, 6)) AS quantity,
        CAST(core_usage_units.cost_usd AS DECIMAL(38, 12)) AS cost_usd
    FROM tiered_events
    INNER JOIN core_usage_units ON tiered_events.event_id = core_usage_units.event_id
    WHERE tiered_events.is_itemised AND core_usage_units.cost_usd IS NOT NULL
)

SELECT
    usage_on,
    provider,
    model,
    team,
    project,
    environment,
    route,
    price_tier,
    part,
    CAST(SUM(quantity) AS DECIMAL(38, 6)) AS quantity,
    SUM(CAST(cost_usd AS DECIMAL(38, 12))) AS cost_usd
FROM parts
GROUP BY usage_on, provider, model, team, project, environment, route, price_tier, part
