-- question: What was each class of tokens, and each other unit, that was bought, in the columns of FOCUS 1.2?
-- grain: usage_on, BillingAccountId, SubAccountId, Tags, RegionId, SkuPriceId, ChargeDescription, PublisherName, ContractedUnitPrice, ListUnitPrice, x_CostBasis, x_PriceId, x_Route
-- sources: core_price_card_units, core_price_cards, core_sellers, core_usage_events, core_usage_units
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
    WHERE core_usage_events.source_role = 'ledger' AND core_usage_events.cost_usd IS NOT NULL
),

-- What a call at a price of our own would have cost in public: the list card that holds for it today.
public_rates AS (
    SELECT
        costed_events.usage_on,
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
    GROUP BY costed_events.usage_on, costed_events.event_id
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
    LEFT JOIN public_rates
        ON costed_events.event_id = public_rates.event_id AND costed_events.usage_on = public_rates.usage_on
),

bought_units AS (
    SELECT
        parted_events.usage_on,
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
        usage_on,
        event_id,
        SUM(CAST(cost_usd AS DECIMAL(38, 12))) AS units_usd
    FROM bought_units
    GROUP BY usage_on, event_id
),

-- What the parts of a call do not explain: what was billed beside the prices that we know, or without any.
explained_events AS (
    SELECT
        parted_events.usage_on, parted_events.account_id, parted_events.provider, parted_events.route,
        parted_events.region, parted_events.model, parted_events.price_tier, parted_events.team,
        parted_events.project, parted_events.environment, parted_events.cost_basis, parted_events.price_id,
        parted_events.price_book, parted_events.tier_low_tokens, parted_events.daily_from_seconds,
        parted_events.is_itemised,
        parted_events.call_count,
        parted_events.cost_usd,
        parted_events.cost_usd
        - parted_events.input_usd
        - parted_events.cache_read_usd
        - parted_events.cache_write_usd
        - parted_events.output_usd
        - COALESCE(unit_costs.units_usd, 0) AS unexplained_usd
    FROM parted_events
    LEFT JOIN unit_costs
        ON parted_events.event_id = unit_costs.event_id AND parted_events.usage_on = unit_costs.usage_on
),

token_classes AS (
    SELECT part
    FROM (VALUES ('input'), ('cache_read'), ('cache_write_5m'), ('cache_write_1h'), ('output')) AS classes (part)
),

token_parts AS (
    SELECT
        parted_events.usage_on, parted_events.account_id, parted_events.provider, parted_events.route,
        parted_events.region, parted_events.model, parted_events.price_tier, parted_events.team,
        parted_events.project, parted_events.environment, parted_events.cost_basis, parted_events.price_id,
        parted_events.price_book, parted_events.tier_low_tokens, parted_events.daily_from_seconds,
        token_classes.part,
        CASE token_classes.part
            WHEN 'input' THEN parted_events.input_tokens
            WHEN 'cache_read' THEN parted_events.cache_read_tokens
            WHEN 'cache_write_5m' THEN parted_events.cache_write_5m_tokens
            WHEN 'cache_write_1h' THEN parted_events.cache_write_1h_tokens
            WHEN 'output' THEN parted_events.output_tokens
        END AS tokens,
        CASE token_classes.part
            WHEN 'input' THEN parted_events.rate_input_usd
            WHEN 'cache_read' THEN parted_events.rate_cache_read_usd
            WHEN 'cache_write_5m' THEN parted_events.rate_cache_write_5m_usd
            WHEN 'cache_write_1h' THEN parted_events.rate_cache_write_1h_usd
            WHEN 'output' THEN parted_events.rate_output_usd
        END AS rate_usd,
        CASE token_classes.part
            WHEN 'input' THEN parted_events.list_rate_input_usd
            WHEN 'cache_read' THEN parted_events.list_rate_cache_read_usd
            WHEN 'cache_write_5m' THEN parted_events.list_rate_cache_write_5m_usd
            WHEN 'cache_write_1h' THEN parted_events.list_rate_cache_write_1h_usd
            WHEN 'output' THEN parted_events.list_rate_output_usd
        END AS list_rate_usd,
        CASE token_classes.part
            WHEN 'input' THEN parted_events.input_usd
            WHEN 'cache_read' THEN parted_events.cache_read_usd
            WHEN 'cache_write_5m' THEN parted_events.cache_write_5m_usd
            WHEN 'cache_write_1h' THEN parted_events.cache_write_usd - parted_events.cache_write_5m_usd
            WHEN 'output' THEN parted_events.output_usd
        END AS billed_usd
    FROM parted_events
    CROSS JOIN token_classes
    WHERE parted_events.is_itemised
),

parts AS (
    SELECT
        usage_on, account_id, provider, route, region, model, price_tier, team, project, environment, cost_basis,
        price_id, price_book, tier_low_tokens, daily_from_seconds,
        part,
        CAST(tokens AS DECIMAL(38, 6)) AS quantity,
        CAST(rate_usd AS DECIMAL(38, 18)) AS rate_usd,
        CAST(list_rate_usd AS DECIMAL(38, 18)) AS list_rate_usd,
        CAST(billed_usd AS DECIMAL(38, 12)) AS billed_usd
    FROM token_parts
    WHERE tokens > 0
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
    INNER JOIN parted_events
        ON bought_units.event_id = parted_events.event_id AND bought_units.usage_on = parted_events.usage_on
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
),

summed_parts AS (
    SELECT
        usage_on, account_id, provider, route, region, model, price_tier, team, project, environment, cost_basis,
        price_id, price_book, tier_low_tokens, daily_from_seconds,
        part,
        rate_usd,
        list_rate_usd,
        CASE WHEN part LIKE 'unit:%' THEN SUBSTRING(part, 6) END AS unit,
        CASE
            WHEN part IN ('amount', 'difference') THEN part
            WHEN part NOT LIKE 'unit:%' OR ENDS_WITH(part, '_tokens') OR part = 'unit:tokens' THEN 'tokens'
            ELSE 'unit'
        END AS part_kind,
        CAST(SUM(quantity) AS DECIMAL(38, 6)) AS quantity,
        CAST(SUM(CAST(billed_usd AS DECIMAL(38, 12))) AS DECIMAL(38, 12)) AS billed_usd
    FROM parts
    GROUP BY
        usage_on, account_id, provider, route, region, model, price_tier, team, project, environment, cost_basis,
        price_id, price_book, tier_low_tokens, daily_from_seconds,
        part,
        rate_usd,
        list_rate_usd
),

-- Tokens are priced by the million, other units by one, and what has no price by the dollar.
priced_parts AS (
    SELECT
        usage_on, account_id, provider, route, region, model, price_tier, team, project, environment, cost_basis,
        price_id, tier_low_tokens, daily_from_seconds,
        part,
        part_kind,
        unit,
        billed_usd,
        CASE WHEN part_kind <> 'difference' THEN quantity END AS consumed_quantity,
        CASE part_kind
            WHEN 'tokens'
                THEN CAST(CAST(quantity AS DECIMAL(24, 6)) * CAST(0.000001 AS DECIMAL(7, 6)) AS DECIMAL(18, 6))
            WHEN 'unit' THEN CAST(quantity AS DECIMAL(18, 6))
        END AS priced_quantity,
        CASE part_kind
            WHEN 'tokens' THEN CAST(CAST(rate_usd AS DECIMAL(20, 18)) * CAST(1000000 AS DECIMAL(7, 0)) AS DECIMAL(20, 12))
            WHEN 'unit' THEN CAST(rate_usd AS DECIMAL(20, 12))
        END AS contracted_price,
        CASE part_kind
            WHEN 'tokens'
                THEN CAST(CAST(list_rate_usd AS DECIMAL(20, 18)) * CAST(1000000 AS DECIMAL(7, 0)) AS DECIMAL(20, 12))
            WHEN 'unit' THEN CAST(list_rate_usd AS DECIMAL(20, 12))
        END AS list_price
    FROM summed_parts
    WHERE part_kind <> 'difference' OR billed_usd <> 0
),

-- Snowflake keeps 12 decimals of a product of 6 and 12. So both are split: what is left has a short product, or a whole one.
whole_parts AS (
    SELECT
        usage_on, account_id, provider, route, region, model, price_tier, team, project, environment, cost_basis,
        price_id, tier_low_tokens, daily_from_seconds,
        part,
        part_kind,
        unit,
        billed_usd,
        consumed_quantity,
        priced_quantity,
        contracted_price,
        list_price,
        CAST(priced_quantity AS DECIMAL(12, 0)) AS whole_quantity,
        CAST(contracted_price AS DECIMAL(14, 6)) AS short_contracted_price,
        CAST(list_price AS DECIMAL(14, 6)) AS short_list_price
    FROM priced_parts
),

worded_parts AS (
    SELECT
        usage_on, account_id, provider, route, region, model, price_tier, team, project, environment, cost_basis,
        price_id, tier_low_tokens, daily_from_seconds,
        part,
        part_kind,
        billed_usd,
        consumed_quantity,
        priced_quantity,
        contracted_price,
        list_price,
        CAST(
            CAST(CAST(whole_quantity AS DECIMAL(12, 0)) * CAST(contracted_price AS DECIMAL(20, 12)) AS DECIMAL(38, 18))
            + CAST(
                CAST(priced_quantity - whole_quantity AS DECIMAL(7, 6)) * CAST(short_contracted_price AS DECIMAL(14, 6)) AS DECIMAL(38, 18)
            )
            + CAST(
                CAST(
                    CAST(CAST(priced_quantity - whole_quantity AS DECIMAL(7, 6)) * CAST(1000000 AS DECIMAL(7, 0)) AS DECIMAL(7, 0))
                    * CAST(
                        CAST(contracted_price - short_contracted_price AS DECIMAL(18, 12)) * CAST(1000000000000 AS DECIMAL(13, 0)) AS DECIMAL(7, 0)
                    ) AS DECIMAL(14, 0)
                ) * CAST(0.000000000000000001 AS DECIMAL(18, 18)) AS DECIMAL(38, 18)
            ) AS DECIMAL(38, 18)
        ) AS contracted_product,
        CAST(
            CAST(CAST(whole_quantity AS DECIMAL(12, 0)) * CAST(list_price AS DECIMAL(20, 12)) AS DECIMAL(38, 18))
            + CAST(
                CAST(priced_quantity - whole_quantity AS DECIMAL(7, 6)) * CAST(short_list_price AS DECIMAL(14, 6)) AS DECIMAL(38, 18)
            )
            + CAST(
                CAST(
                    CAST(CAST(priced_quantity - whole_quantity AS DECIMAL(7, 6)) * CAST(1000000 AS DECIMAL(7, 0)) AS DECIMAL(7, 0))
                    * CAST(
                        CAST(list_price - short_list_price AS DECIMAL(18, 12)) * CAST(1000000000000 AS DECIMAL(13, 0)) AS DECIMAL(7, 0)
                    ) AS DECIMAL(14, 0)
                ) * CAST(0.000000000000000001 AS DECIMAL(18, 18)) AS DECIMAL(38, 18)
            ) AS DECIMAL(38, 18)
        ) AS list_product,
        -- A unit in words of title case: audio_seconds is Audio Seconds.
        SUBSTRING(
            CASE
                WHEN SPLIT_PART(unit, '_', 1) <> ''
                    THEN ' ' || UPPER(LEFT(SPLIT_PART(unit, '_', 1), 1)) || LOWER(SUBSTRING(SPLIT_PART(unit, '_', 1), 2))
                ELSE ''
            END
            || CASE
                WHEN SPLIT_PART(unit, '_', 2) <> ''
                    THEN ' ' || UPPER(LEFT(SPLIT_PART(unit, '_', 2), 1)) || LOWER(SUBSTRING(SPLIT_PART(unit, '_', 2), 2))
                ELSE ''
            END
            || CASE
                WHEN SPLIT_PART(unit, '_', 3) <> ''
                    THEN ' ' || UPPER(LEFT(SPLIT_PART(unit, '_', 3), 1)) || LOWER(SUBSTRING(SPLIT_PART(unit, '_', 3), 2))
                ELSE ''
            END
            || CASE
                WHEN SPLIT_PART(unit, '_', 4) <> ''
                    THEN ' ' || UPPER(LEFT(SPLIT_PART(unit, '_', 4), 1)) || LOWER(SUBSTRING(SPLIT_PART(unit, '_', 4), 2))
                ELSE ''
            END
            || CASE
                WHEN SPLIT_PART(unit, '_', 5) <> ''
                    THEN ' ' || UPPER(LEFT(SPLIT_PART(unit, '_', 5), 1)) || LOWER(SUBSTRING(SPLIT_PART(unit, '_', 5), 2))
                ELSE ''
            END
            || CASE
                WHEN SPLIT_PART(unit, '_', 6) <> ''
                    THEN ' ' || UPPER(LEFT(SPLIT_PART(unit, '_', 6), 1)) || LOWER(SUBSTRING(SPLIT_PART(unit, '_', 6), 2))
                ELSE ''
            END,
            2
        ) AS unit_words,
        CASE
            WHEN ENDS_WITH('_' || unit, '_milliseconds') THEN 'Milliseconds'
            WHEN ENDS_WITH('_' || unit, '_seconds') THEN 'Seconds'
            WHEN ENDS_WITH('_' || unit, '_minutes') THEN 'Minutes'
            WHEN ENDS_WITH('_' || unit, '_hours') THEN 'Hours'
            WHEN ENDS_WITH('_' || unit, '_days') THEN 'Days'
        END AS unit_of_time,
        LOWER(REPLACE(REPLACE(REPLACE(provider, '.', '-'), '_', '-'), ' ', '-')) AS provider_spelling,
        LOWER(REPLACE(REPLACE(REPLACE(route, '.', '-'), '_', '-'), ' ', '-')) AS route_spelling,
        CASE
            WHEN CONTAINS(model, '/')
                THEN LOWER(REPLACE(REPLACE(REPLACE(SPLIT_PART(model, '/', 1), '.', '-'), '_', '-'), ' ', '-'))
        END AS model_spelling,
        NULLIF(team, '') AS known_team,
        NULLIF(project, '') AS known_project,
        NULLIF(environment, '') AS known_environment,
        -- As they stand between the quotes of a JSON text.
        REPLACE(REPLACE(REPLACE(
            REPLACE(REPLACE(model, CHR(92), CHR(92) || CHR(92)), '"', CHR(92) || '"'),
            CHR(9), CHR(92) || 't'), CHR(10), CHR(92) || 'n'), CHR(13), CHR(92) || 'r') AS model_json,
        REPLACE(REPLACE(REPLACE(
            REPLACE(REPLACE(price_tier, CHR(92), CHR(92) || CHR(92)), '"', CHR(92) || '"'),
            CHR(9), CHR(92) || 't'), CHR(10), CHR(92) || 'n'), CHR(13), CHR(92) || 'r') AS tier_json,
        REPLACE(REPLACE(REPLACE(
            REPLACE(REPLACE(part, CHR(92), CHR(92) || CHR(92)), '"', CHR(92) || '"'),
            CHR(9), CHR(92) || 't'), CHR(10), CHR(92) || 'n'), CHR(13), CHR(92) || 'r') AS part_json,
        REPLACE(REPLACE(REPLACE(
            REPLACE(REPLACE(NULLIF(team, ''), CHR(92), CHR(92) || CHR(92)), '"', CHR(92) || '"'),
            CHR(9), CHR(92) || 't'), CHR(10), CHR(92) || 'n'), CHR(13), CHR(92) || 'r') AS team_json,
        REPLACE(REPLACE(REPLACE(
            REPLACE(REPLACE(NULLIF(project, ''), CHR(92), CHR(92) || CHR(92)), '"', CHR(92) || '"'),
            CHR(9), CHR(92) || 't'), CHR(10), CHR(92) || 'n'), CHR(13), CHR(92) || 'r') AS project_json,
        REPLACE(REPLACE(REPLACE(
            REPLACE(REPLACE(NULLIF(environment, ''), CHR(92), CHR(92) || CHR(92)), '"', CHR(92) || '"'),
            CHR(9), CHR(92) || 't'), CHR(10), CHR(92) || 'n'), CHR(13), CHR(92) || 'r') AS environment_json
    FROM whole_parts
),

-- A route that only passes calls on sells nothing; a model's name may begin with who resells it.
sold_parts AS (
    SELECT
        worded_parts.usage_on,
        worded_parts.account_id,
        worded_parts.provider,
        worded_parts.route,
        worded_parts.region,
        worded_parts.model,
        worded_parts.price_tier,
        worded_parts.cost_basis,
        worded_parts.price_id,
        worded_parts.tier_low_tokens,
        worded_parts.daily_from_seconds,
        worded_parts.part,
        worded_parts.part_kind,
        worded_parts.billed_usd,
        worded_parts.consumed_quantity,
        worded_parts.priced_quantity,
        worded_parts.contracted_price,
        worded_parts.list_price,
        worded_parts.contracted_product,
        worded_parts.list_product,
        worded_parts.unit_words,
        worded_parts.unit_of_time,
        worded_parts.known_team,
        worded_parts.known_project,
        worded_parts.known_environment,
        worded_parts.model_json,
        worded_parts.tier_json,
        worded_parts.part_json,
        worded_parts.team_json,
        worded_parts.project_json,
        worded_parts.environment_json,
        COALESCE(providers.company, worded_parts.provider) AS publisher,
        CASE
            WHEN worded_parts.route IS NULL AND resellers.is_reseller THEN resellers.seller
            WHEN worded_parts.route IS NULL OR routes.is_pass_through
                THEN COALESCE(providers.seller, worded_parts.provider_spelling)
            ELSE COALESCE(routes.seller, worded_parts.route_spelling)
        END AS seller,
        CASE worded_parts.part
            WHEN 'input' THEN 'Input Tokens'
            WHEN 'cache_read' THEN 'Cache Read Tokens'
            WHEN 'cache_write_5m' THEN 'Cache Write Tokens (5 Minutes)'
            WHEN 'cache_write_1h' THEN 'Cache Write Tokens (1 Hour)'
            WHEN 'output' THEN 'Output Tokens'
            WHEN 'amount' THEN 'Billed Amount'
            ELSE worded_parts.unit_words
        END AS meter,
        CASE WHEN worded_parts.tier_low_tokens <> 0 THEN CAST(worded_parts.tier_low_tokens AS VARCHAR) END
            AS above_tokens_text,
        CAST(worded_parts.daily_from_seconds AS VARCHAR) AS from_seconds_text
    FROM worded_parts
    LEFT JOIN core_sellers AS providers ON worded_parts.provider_spelling = providers.spelling
    LEFT JOIN core_sellers AS routes ON worded_parts.route_spelling = routes.spelling
    LEFT JOIN core_sellers AS resellers ON worded_parts.model_spelling = resellers.spelling
),

named_parts AS (
    SELECT
        sold_parts.usage_on,
        CAST(DATE_TRUNC('month', CAST(sold_parts.usage_on AS TIMESTAMP)) AS TIMESTAMP) AS month_start_at,
        CAST(sold_parts.usage_on AS TIMESTAMP) AS day_start_at,
        sold_parts.account_id,
        sold_parts.route,
        sold_parts.region,
        sold_parts.model,
        sold_parts.price_tier,
        sold_parts.cost_basis,
        sold_parts.price_id,
        sold_parts.part_kind,
        sold_parts.billed_usd,
        sold_parts.consumed_quantity,
        sold_parts.priced_quantity,
        sold_parts.contracted_price,
        sold_parts.list_price,
        sold_parts.contracted_product,
        sold_parts.list_product,
        sold_parts.publisher,
        sold_parts.seller,
        sold_parts.meter,
        sold_parts.unit_of_time,
        COALESCE(sellers.company, sold_parts.seller) AS seller_name,
        COALESCE(sellers.service, COALESCE(sellers.company, sold_parts.seller) || ' API') AS service_name,
        sold_parts.above_tokens_text,
        sold_parts.from_seconds_text,
        sold_parts.seller || '/' || sold_parts.provider || '/' || sold_parts.model || '/' || sold_parts.part AS sku,
        '{"x_Model": "' || sold_parts.model_json
        || '", "x_ServiceTier": "' || sold_parts.tier_json
        || '", "x_UsageClass": "' || sold_parts.part_json || '"'
        || COALESCE(', "x_AboveInputTokens": ' || sold_parts.above_tokens_text, '')
        || COALESCE(', "x_DailyFromSeconds": ' || sold_parts.from_seconds_text, '')
        || '}' AS sku_details,
        CASE
            WHEN sold_parts.known_project IS NOT NULL THEN 'Project'
            WHEN sold_parts.known_team IS NOT NULL THEN 'Team'
        END AS label_kind,
        COALESCE(sold_parts.known_project, sold_parts.known_team) AS label,
        CASE
            WHEN COALESCE(sold_parts.known_team, sold_parts.known_project, sold_parts.known_environment) IS NOT NULL
                THEN '{' || SUBSTRING(
                    COALESCE(', "team": "' || sold_parts.team_json || '"', '')
                    || COALESCE(', "project": "' || sold_parts.project_json || '"', '')
                    || COALESCE(', "environment": "' || sold_parts.environment_json || '"', ''),
                    3
                ) || '}'
        END AS labels_json
    FROM sold_parts
    LEFT JOIN core_sellers AS sellers ON sold_parts.seller = sellers.spelling
)

SELECT
    usage_on,
    CAST(billed_usd AS DECIMAL(38, 12)) AS BilledCost,
    COALESCE(account_id, seller) AS BillingAccountId,
    CAST(NULL AS VARCHAR) AS BillingAccountName,
    'USD' AS BillingCurrency,
    CAST(month_start_at + INTERVAL '1' MONTH AS TIMESTAMP) AS BillingPeriodEnd,
    month_start_at AS BillingPeriodStart,
    CASE WHEN part_kind = 'difference' THEN 'Adjustment' ELSE 'Usage' END AS ChargeCategory,
    CAST(NULL AS VARCHAR) AS ChargeClass,
    CASE
        WHEN part_kind = 'difference'
            THEN model || ', ' || price_tier || ': what was billed beside the prices that are known'
        ELSE model || ', ' || price_tier
            || COALESCE(', above ' || above_tokens_text, '')
            || COALESCE(', from ' || from_seconds_text || 's', '')
            || ': ' || meter
    END AS ChargeDescription,
    'Usage-Based' AS ChargeFrequency,
    CAST(day_start_at + INTERVAL '1' DAY AS TIMESTAMP) AS ChargePeriodEnd,
    day_start_at AS ChargePeriodStart,
    CAST(consumed_quantity AS DECIMAL(38, 6)) AS ConsumedQuantity,
    CASE part_kind
        WHEN 'tokens' THEN 'Tokens'
        WHEN 'amount' THEN 'Requests'
        WHEN 'unit' THEN COALESCE(unit_of_time, meter)
    END AS ConsumedUnit,
    CASE WHEN part_kind IN ('amount', 'difference') THEN CAST(billed_usd AS DECIMAL(38, 18)) ELSE contracted_product END
        AS ContractedCost,
    CASE WHEN part_kind = 'amount' THEN CAST(1 AS DECIMAL(38, 12)) ELSE CAST(contracted_price AS DECIMAL(38, 12)) END
        AS ContractedUnitPrice,
    CAST(billed_usd AS DECIMAL(38, 12)) AS EffectiveCost,
    seller_name AS InvoiceIssuerName,
    CASE WHEN part_kind IN ('amount', 'difference') THEN CAST(billed_usd AS DECIMAL(38, 18)) ELSE list_product END
        AS ListCost,
    CASE WHEN part_kind = 'amount' THEN CAST(1 AS DECIMAL(38, 12)) ELSE CAST(list_price AS DECIMAL(38, 12)) END
        AS ListUnitPrice,
    CASE part_kind WHEN 'amount' THEN 'Other' WHEN 'tokens' THEN 'Standard' WHEN 'unit' THEN 'Standard' END
        AS PricingCategory,
    CASE WHEN part_kind = 'amount' THEN CAST(billed_usd AS DECIMAL(38, 12)) ELSE CAST(priced_quantity AS DECIMAL(38, 12)) END
        AS PricingQuantity,
    CASE part_kind
        WHEN 'tokens' THEN '1000000 Tokens'
        WHEN 'amount' THEN 'Dollars'
        WHEN 'unit' THEN COALESCE(unit_of_time, meter)
    END AS PricingUnit,
    seller_name AS ProviderName,
    publisher AS PublisherName,
    region AS RegionId,
    region AS RegionName,
    'AI and Machine Learning' AS ServiceCategory,
    service_name AS ServiceName,
    'Generative AI' AS ServiceSubcategory,
    CASE WHEN part_kind <> 'difference' THEN sku END AS SkuId,
    CASE WHEN part_kind <> 'difference' THEN meter END AS SkuMeter,
    CASE WHEN part_kind <> 'difference' THEN sku_details END AS SkuPriceDetails,
    CASE
        WHEN part_kind <> 'difference'
            THEN sku || '/' || price_tier
                || COALESCE('/above ' || above_tokens_text, '')
                || COALESCE('/from ' || from_seconds_text || 's', '')
    END AS SkuPriceId,
    LOWER(label_kind) || '/' || label AS SubAccountId,
    label AS SubAccountName,
    label_kind AS SubAccountType,
    labels_json AS Tags,
    cost_basis AS x_CostBasis,
    price_id AS x_PriceId,
    route AS x_Route
FROM named_parts
