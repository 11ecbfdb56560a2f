-- question: What was each class of tokens, and each other unit, that was bought on the days from $first_on to $last_on?
-- grain: usage_on, account_id, provider, route, region, model, price_tier, team, project, environment, price_id, cost_basis, part and its two rates
-- sources: core_price_cards, core_price_card_units, core_usage_events, core_usage_units
-- owner: exports
WITH cards AS (
    SELECT
        price_id,
        MAX(price_book) AS price_book,
        MAX(tier_low_tokens) AS tier_low_tokens,
        MAX(daily_from_seconds) AS daily_from_seconds,
        MAX(rate_input_usd) AS rate_input_usd,
        MAX(rate_cache_read_usd) AS rate_cache_read_usd,
        MAX(rate_cache_write_5m_usd) AS rate_cache_write_5m_usd,
        MAX(rate_cache_write_1h_usd) AS rate_cache_write_1h_usd,
        MAX(rate_output_usd) AS rate_output_usd
    FROM core_price_cards
    GROUP BY price_id
),

costed_events AS (
    SELECT
        core_usage_events.event_id,
        core_usage_events.usage_on,
        core_usage_events.started_at,
        core_usage_events.account_id,
        core_usage_events.provider,
        core_usage_events.route,
        core_usage_events.region,
        core_usage_events.model,
        CASE
            WHEN COALESCE(LOWER(core_usage_events.service_tier), '') IN ('', 'auto', 'default') THEN 'standard'
            ELSE LOWER(core_usage_events.service_tier)
        END AS price_tier,
        core_usage_events.team,
        core_usage_events.project,
        core_usage_events.environment,
        core_usage_events.cost_basis,
        core_usage_events.cost_usd,
        CASE WHEN core_usage_events.request_count > 1 THEN core_usage_events.request_count ELSE 1 END AS call_count,
        COALESCE(core_usage_events.input_tokens, 0) AS input_tokens,
        COALESCE(core_usage_events.cache_read_tokens, 0) AS cache_read_tokens,
        COALESCE(core_usage_events.cache_write_5m_tokens, 0) AS cache_write_5m_tokens,
        COALESCE(core_usage_events.cache_write_1h_tokens, 0) AS cache_write_1h_tokens,
        COALESCE(core_usage_events.output_tokens, 0) AS output_tokens,
        COALESCE(core_usage_events.cost_input_usd, 0) AS cost_input_usd,
        COALESCE(core_usage_events.cost_cache_read_usd, 0) AS cost_cache_read_usd,
        COALESCE(core_usage_events.cost_cache_write_usd, 0) AS cost_cache_write_usd,
        COALESCE(core_usage_events.cost_output_usd, 0) AS cost_output_usd,
        -- The size that chose the card; no size can be told from the sum of many calls.
        CASE
            WHEN core_usage_events.record_kind = 'bucket' AND core_usage_events.request_count <> 1 THEN 0
            ELSE COALESCE(core_usage_events.input_tokens, 0)
                + COALESCE(core_usage_events.cache_read_tokens, 0)
                + COALESCE(core_usage_events.cache_write_5m_tokens, 0)
                + COALESCE(core_usage_events.cache_write_1h_tokens, 0)
        END AS tier_tokens,
        cards.price_id,
        cards.price_book,
        cards.tier_low_tokens,
        cards.daily_from_seconds,
        cards.rate_input_usd,
        cards.rate_cache_read_usd,
        cards.rate_cache_write_5m_usd,
        cards.rate_cache_write_1h_usd,
        cards.rate_output_usd,
        -- What a response cache answered was not bought, whatever its tokens say.
        cards.price_id IS NOT NULL
        AND core_usage_events.cost_computed_usd IS NOT NULL
        AND NOT COALESCE(core_usage_events.is_cache_hit, FALSE)
        AND (COALESCE(core_usage_events.input_tokens, 0) = 0 OR cards.rate_input_usd IS NOT NULL)
        AND (COALESCE(core_usage_events.cache_read_tokens, 0) = 0 OR cards.rate_cache_read_usd IS NOT NULL)
        AND (COALESCE(core_usage_events.cache_write_5m_tokens, 0) = 0 OR cards.rate_cache_write_5m_usd IS NOT NULL)
        AND (COALESCE(core_usage_events.cache_write_1h_tokens, 0) = 0 OR cards.rate_cache_write_1h_usd IS NOT NULL)
        AND (COALESCE(core_usage_events.output_tokens, 0) = 0 OR cards.rate_output_usd IS NOT NULL) AS is_itemised
    FROM core_usage_events
    LEFT JOIN cards ON core_usage_events.price_id = cards.price_id
    WHERE
        core_usage_events.usage_on >= $first_on
        AND core_usage_events.usage_on <= $last_on
        AND core_usage_events.source_role = 'ledger'
        AND core_usage_events.cost_usd IS NOT NULL
),

-- What a call at a price of our own would have cost in public: the list card that holds for it today.
public_rates AS (
    SELECT
        costed_events.event_id,
        MAX(core_price_cards.price_id) AS price_id,
        MAX(core_price_cards.rate_input_usd) AS rate_input_usd,
        MAX(core_price_cards.rate_cache_read_usd) AS rate_cache_read_usd,
        MAX(core_price_cards.rate_cache_write_5m_usd) AS rate_cache_write_5m_usd,
        MAX(core_price_cards.rate_cache_write_1h_usd) AS rate_cache_write_1h_usd,
        MAX(core_price_cards.rate_output_usd) AS rate_output_usd
    FROM costed_events
    INNER JOIN core_price_cards
        ON
            costed_events.provider = core_price_cards.provider
            AND COALESCE(costed_events.route, '') = COALESCE(core_price_cards.route, '')
            AND costed_events.model = core_price_cards.model
            AND costed_events.price_tier = core_price_cards.service_tier
    WHERE
        costed_events.price_book = 'contract'
        AND core_price_cards.price_book = 'list'
        AND core_price_cards.known_to_at IS NULL
        AND COALESCE(core_price_cards.valid_from_at <= costed_events.started_at, TRUE)
        AND COALESCE(core_price_cards.valid_to_at > costed_events.started_at, TRUE)
        AND (
            costed_events.tier_tokens > core_price_cards.tier_low_tokens
            OR (core_price_cards.is_low_inclusive AND costed_events.tier_tokens = core_price_cards.tier_low_tokens)
        )
        AND COALESCE(costed_events.tier_tokens <= core_price_cards.tier_high_tokens, TRUE)
        AND core_price_cards.daily_from_seconds IS NULL
    GROUP BY costed_events.event_id
),

parted_events AS (
    SELECT
        costed_events.event_id,
        costed_events.usage_on,
        costed_events.account_id,
        costed_events.provider,
        costed_events.route,
        costed_events.region,
        costed_events.model,
        costed_events.price_tier,
        costed_events.team,
        costed_events.project,
        costed_events.environment,
        costed_events.cost_basis,
        costed_events.price_id,
        costed_events.price_book,
        costed_events.tier_low_tokens,
        costed_events.daily_from_seconds,
        costed_events.cost_usd,
        costed_events.call_count,
        costed_events.is_itemised,
        costed_events.input_tokens,
        costed_events.cache_read_tokens,
        costed_events.cache_write_5m_tokens,
        costed_events.cache_write_1h_tokens,
        costed_events.output_tokens,
        CASE WHEN costed_events.input_tokens > 0 THEN costed_events.cost_input_usd ELSE 0 END AS input_usd,
        CASE WHEN costed_events.cache_read_tokens > 0 THEN costed_events.cost_cache_read_usd ELSE 0 END
            AS cache_read_usd,
        -- Both kinds of writes have one cost; that of the shorter one is what its rate makes of it.
        CASE
            WHEN costed_events.cache_write_5m_tokens = 0 THEN 0
            WHEN costed_events.cache_write_1h_tokens = 0 THEN costed_events.cost_cache_write_usd
            ELSE CAST(
                CAST(costed_events.cache_write_5m_tokens AS DECIMAL(19, 0))
                * CAST(costed_events.rate_cache_write_5m_usd AS DECIMAL(19, 18)) AS DECIMAL(38, 12)
            )
        END AS cache_write_5m_usd,
        CASE WHEN costed_events.output_tokens > 0 THEN costed_events.cost_output_usd ELSE 0 END AS output_usd,
        CASE
            WHEN costed_events.cache_write_5m_tokens > 0 OR costed_events.cache_write_1h_tokens > 0
                THEN costed_events.cost_cache_write_usd
            ELSE 0
        END AS cache_write_usd,
        costed_events.rate_input_usd,
        costed_events.rate_cache_read_usd,
        costed_events.rate_cache_write_5m_usd,
        costed_events.rate_cache_write_1h_usd,
        costed_events.rate_output_usd,
        COALESCE(public_rates.rate_input_usd, costed_events.rate_input_usd) AS list_rate_input_usd,
        COALESCE(public_rates.rate_cache_read_usd, costed_events.rate_cache_read_usd) AS list_rate_cache_read_usd,
        COALESCE(public_rates.rate_cache_write_5m_usd, costed_events.rate_cache_write_5m_usd) AS list_rate_cache_write_5m_usd,
        COALESCE(public_rates.rate_cache_write_1h_usd, costed_events.rate_cache_write_1h_usd) AS list_rate_cache_write_1h_usd,
        COALESCE(public_rates.rate_output_usd, costed_events.rate_output_usd) AS list_rate_output_usd,
        public_rates.price_id AS public_price_id
    FROM costed_events
    LEFT JOIN public_rates ON costed_events.event_id = public_rates.event_id
),

bought_units AS (
    SELECT
        parted_events.event_id,
        core_usage_units.unit,
        core_usage_units.quantity,
        core_usage_units.rate_usd,
        COALESCE(core_price_card_units.rate_usd, core_usage_units.rate_usd) AS list_rate_usd,
        core_usage_units.cost_usd
    FROM parted_events
    INNER JOIN core_usage_units
        ON parted_events.event_id = core_usage_units.event_id AND parted_events.usage_on = core_usage_units.usage_on
    LEFT JOIN core_price_card_units
        ON
            parted_events.public_price_id = core_price_card_units.price_id
            AND core_usage_units.unit = core_price_card_units.unit
    WHERE
        parted_events.is_itemised
        AND core_usage_units.quantity > 0
        AND core_usage_units.rate_usd IS NOT NULL
        AND core_usage_units.cost_usd IS NOT NULL
),

unit_costs AS (
    SELECT
        event_id,
        SUM(CAST(cost_usd AS DECIMAL(38, 12))) AS units_usd
    FROM bought_units
    GROUP BY event_id
),

-- What the parts of a call do not explain: what was billed beside the prices that we know, or without any.
explained_events AS (
    SELECT
        parted_events.usage_on,
        parted_events.account_id,
        parted_events.provider,
        parted_events.route,
        parted_events.region,
        parted_events.model,
        parted_events.price_tier,
        parted_events.team,
        parted_events.project,
        parted_events.environment,
        parted_events.cost_basis,
        parted_events.price_id,
        parted_events.price_book,
        parted_events.tier_low_tokens,
        parted_events.daily_from_seconds,
        parted_events.is_itemised,
        parted_events.call_count,
        parted_events.cost_usd,
        parted_events.input_tokens,
        parted_events.cache_read_tokens,
        parted_events.cache_write_5m_tokens,
        parted_events.cache_write_1h_tokens,
        parted_events.output_tokens,
        parted_events.input_usd,
        parted_events.cache_read_usd,
        parted_events.cache_write_5m_usd,
        CASE
            WHEN parted_events.cache_write_1h_tokens = 0 THEN 0
            ELSE parted_events.cache_write_usd - parted_events.cache_write_5m_usd
        END AS cache_write_1h_usd,
        parted_events.output_usd,
        parted_events.rate_input_usd,
        parted_events.list_rate_input_usd,
        parted_events.rate_cache_read_usd,
        parted_events.list_rate_cache_read_usd,
        parted_events.rate_cache_write_5m_usd,
        parted_events.list_rate_cache_write_5m_usd,
        parted_events.rate_cache_write_1h_usd,
        parted_events.list_rate_cache_write_1h_usd,
        parted_events.rate_output_usd,
        parted_events.list_rate_output_usd,
        parted_events.cost_usd
        - parted_events.input_usd
        - parted_events.cache_read_usd
        - parted_events.cache_write_usd
        - parted_events.output_usd
        - COALESCE(unit_costs.units_usd, 0) AS unexplained_usd
    FROM parted_events
    LEFT JOIN unit_costs ON parted_events.event_id = unit_costs.event_id
),

parts AS (
    SELECT
        usage_on, account_id, provider, route, region, model, price_tier, team, project, environment, cost_basis,
        price_id, price_book, tier_low_tokens, daily_from_seconds,
        'input' AS part,
        CAST(input_tokens AS DECIMAL(38, 6)) AS quantity,
        CAST(rate_input_usd AS DECIMAL(38, 18)) AS rate_usd,
        CAST(list_rate_input_usd AS DECIMAL(38, 18)) AS list_rate_usd,
        CAST(input_usd AS DECIMAL(38, 12)) AS billed_usd
    FROM explained_events
    WHERE is_itemised AND input_tokens > 0
    UNION ALL
    SELECT
        usage_on, account_id, provider, route, region, model, price_tier, team, project, environment, cost_basis,
        price_id, price_book, tier_low_tokens, daily_from_seconds,
        'cache_read' AS part,
        CAST(cache_read_tokens AS DECIMAL(38, 6)) AS quantity,
        CAST(rate_cache_read_usd AS DECIMAL(38, 18)) AS rate_usd,
        CAST(list_rate_cache_read_usd AS DECIMAL(38, 18)) AS list_rate_usd,
        CAST(cache_read_usd AS DECIMAL(38, 12)) AS billed_usd
    FROM explained_events
    WHERE is_itemised AND cache_read_tokens > 0
    UNION ALL
    SELECT
        usage_on, account_id, provider, route, region, model, price_tier, team, project, environment, cost_basis,
        price_id, price_book, tier_low_tokens, daily_from_seconds,
        'cache_write_5m' AS part,
        CAST(cache_write_5m_tokens AS DECIMAL(38, 6)) AS quantity,
        CAST(rate_cache_write_5m_usd AS DECIMAL(38, 18)) AS rate_usd,
        CAST(list_rate_cache_write_5m_usd AS DECIMAL(38, 18)) AS list_rate_usd,
        CAST(cache_write_5m_usd AS DECIMAL(38, 12)) AS billed_usd
    FROM explained_events
    WHERE is_itemised AND cache_write_5m_tokens > 0
    UNION ALL
    SELECT
        usage_on, account_id, provider, route, region, model, price_tier, team, project, environment, cost_basis,
        price_id, price_book, tier_low_tokens, daily_from_seconds,
        'cache_write_1h' AS part,
        CAST(cache_write_1h_tokens AS DECIMAL(38, 6)) AS quantity,
        CAST(rate_cache_write_1h_usd AS DECIMAL(38, 18)) AS rate_usd,
        CAST(list_rate_cache_write_1h_usd AS DECIMAL(38, 18)) AS list_rate_usd,
        CAST(cache_write_1h_usd AS DECIMAL(38, 12)) AS billed_usd
    FROM explained_events
    WHERE is_itemised AND cache_write_1h_tokens > 0
    UNION ALL
    SELECT
        usage_on, account_id, provider, route, region, model, price_tier, team, project, environment, cost_basis,
        price_id, price_book, tier_low_tokens, daily_from_seconds,
        'output' AS part,
        CAST(output_tokens AS DECIMAL(38, 6)) AS quantity,
        CAST(rate_output_usd AS DECIMAL(38, 18)) AS rate_usd,
        CAST(list_rate_output_usd AS DECIMAL(38, 18)) AS list_rate_usd,
        CAST(output_usd AS DECIMAL(38, 12)) AS billed_usd
    FROM explained_events
    WHERE is_itemised AND output_tokens > 0
    UNION ALL
    SELECT
        parted_events.usage_on, parted_events.account_id, parted_events.provider, parted_events.route,
        parted_events.region, parted_events.model, parted_events.price_tier, parted_events.team,
        parted_events.project, parted_events.environment, parted_events.cost_basis, parted_events.price_id,
        parted_events.price_book, parted_events.tier_low_tokens, parted_events.daily_from_seconds,
        'unit:' || bought_units.unit AS part,
        CAST(bought_units.quantity AS DECIMAL(38, 6)) AS quantity,
        CAST(bought_units.rate_usd AS DECIMAL(38, 18)) AS rate_usd,
        CAST(bought_units.list_rate_usd AS DECIMAL(38, 18)) AS list_rate_usd,
        CAST(bought_units.cost_usd AS DECIMAL(38, 12)) AS billed_usd
    FROM bought_units
    INNER JOIN parted_events ON bought_units.event_id = parted_events.event_id
    UNION ALL
    SELECT
        usage_on, account_id, provider, route, region, model, price_tier, team, project, environment, cost_basis,
        price_id, price_book, tier_low_tokens, daily_from_seconds,
        'difference' AS part,
        CAST(NULL AS DECIMAL(38, 6)) AS quantity,
        CAST(NULL AS DECIMAL(38, 18)) AS rate_usd,
        CAST(NULL AS DECIMAL(38, 18)) AS list_rate_usd,
        CAST(unexplained_usd AS DECIMAL(38, 12)) AS billed_usd
    FROM explained_events
    WHERE is_itemised AND unexplained_usd <> 0
    UNION ALL
    SELECT
        usage_on, account_id, provider, route, region, model, price_tier, team, project, environment, cost_basis,
        price_id, price_book, tier_low_tokens, daily_from_seconds,
        'amount' AS part,
        CAST(call_count AS DECIMAL(38, 6)) AS quantity,
        CAST(NULL AS DECIMAL(38, 18)) AS rate_usd,
        CAST(NULL AS DECIMAL(38, 18)) AS list_rate_usd,
        CAST(cost_usd AS DECIMAL(38, 12)) AS billed_usd
    FROM explained_events
    WHERE NOT is_itemised AND cost_usd <> 0
)

SELECT
    usage_on, account_id, provider, route, region, model, price_tier, team, project, environment, cost_basis,
    price_id, price_book, tier_low_tokens, daily_from_seconds,
    part,
    rate_usd,
    list_rate_usd,
    CAST(SUM(quantity) AS DECIMAL(38, 6)) AS quantity,
    CAST(SUM(CAST(billed_usd AS DECIMAL(38, 12))) AS DECIMAL(38, 12)) AS billed_usd
FROM parts
GROUP BY
    usage_on, account_id, provider, route, region, model, price_tier, team, project, environment, cost_basis,
    price_id, price_book, tier_low_tokens, daily_from_seconds,
    part,
    rate_usd,
    list_rate_usd
