-- question: between which bounds does each price card hold, ready to be joined by plain comparisons?
-- grain: one row a card; two where its daily band passes midnight
-- sources: cards
-- owner: pricing
WITH known_cards AS (
    SELECT
        price_id,
        price_book,
        provider,
        route,
        model,
        service_tier,
        coalesce(valid_from_at, TIMESTAMP '0001-01-01 00:00:00') AS valid_from_at,
        coalesce(valid_to_at, TIMESTAMP '9999-12-31 00:00:00') AS valid_to_at,
        coalesce(daily_from_seconds, 0) AS daily_from_seconds,
        coalesce(daily_to_seconds, 86400) AS daily_to_seconds,
        CASE WHEN is_low_inclusive THEN tier_low_tokens - 1 ELSE tier_low_tokens END AS above_tokens,
        coalesce(tier_high_tokens, 9223372036854775807) AS up_to_tokens,
        CAST(rate_input_usd AS DECIMAL(19, 18)) AS rate_input_usd,
        CAST(rate_cache_read_usd AS DECIMAL(19, 18)) AS rate_cache_read_usd,
        CAST(rate_cache_write_5m_usd AS DECIMAL(19, 18)) AS rate_cache_write_5m_usd,
        CAST(rate_cache_write_1h_usd AS DECIMAL(19, 18)) AS rate_cache_write_1h_usd,
        CAST(rate_output_usd AS DECIMAL(19, 18)) AS rate_output_usd,
        coalesce(rate_input_usd, rate_output_usd) IS NOT NULL AS has_token_price,
        coalesce(rate_input_usd, rate_output_usd) IS NOT NULL AND greatest(
            coalesce(rate_input_usd, 0),
            coalesce(rate_cache_read_usd, 0),
            coalesce(rate_cache_write_5m_usd, 0),
            coalesce(rate_cache_write_1h_usd, 0),
            coalesce(rate_output_usd, 0)
        ) = 0 AS is_free,
        -- The only place in which a card can say so; see DOUBTS in sophia_metrics/pricing/assumptions.py.
        CAST(nullif(regexp_extract(origin, 'at least (\d+) seconds are billed', 1), '') AS INTEGER) AS least_seconds
    FROM cards
),

day_parts AS (
    SELECT
        price_id,
        daily_from_seconds AS from_second,
        CASE WHEN daily_from_seconds > daily_to_seconds THEN 86400 ELSE daily_to_seconds END AS to_second
    FROM known_cards
    UNION ALL
    SELECT
        price_id,
        0 AS from_second,
        daily_to_seconds AS to_second
    FROM known_cards
    WHERE daily_from_seconds > daily_to_seconds AND daily_to_seconds > 0
)

SELECT
    known_cards.price_id,
    known_cards.price_book,
    known_cards.provider,
    known_cards.route,
    known_cards.model,
    known_cards.service_tier,
    known_cards.valid_from_at,
    known_cards.valid_to_at,
    day_parts.from_second,
    day_parts.to_second,
    known_cards.above_tokens,
    known_cards.up_to_tokens,
    known_cards.rate_input_usd,
    known_cards.rate_cache_read_usd,
    known_cards.rate_cache_write_5m_usd,
    known_cards.rate_cache_write_1h_usd,
    known_cards.rate_output_usd,
    -- The same rate where twelve decimals hold all of it, else null.
    CASE
        WHEN known_cards.rate_input_usd = round(known_cards.rate_input_usd, 12)
            THEN CAST(known_cards.rate_input_usd AS DECIMAL(18, 12))
    END AS short_rate_input_usd,
    CASE
        WHEN known_cards.rate_cache_read_usd = round(known_cards.rate_cache_read_usd, 12)
            THEN CAST(known_cards.rate_cache_read_usd AS DECIMAL(18, 12))
    END AS short_rate_cache_read_usd,
    CASE
        WHEN known_cards.rate_cache_write_5m_usd = round(known_cards.rate_cache_write_5m_usd, 12)
            THEN CAST(known_cards.rate_cache_write_5m_usd AS DECIMAL(18, 12))
    END AS short_rate_cache_write_5m_usd,
    CASE
        WHEN known_cards.rate_cache_write_1h_usd = round(known_cards.rate_cache_write_1h_usd, 12)
            THEN CAST(known_cards.rate_cache_write_1h_usd AS DECIMAL(18, 12))
    END AS short_rate_cache_write_1h_usd,
    CASE
        WHEN known_cards.rate_output_usd = round(known_cards.rate_output_usd, 12)
            THEN CAST(known_cards.rate_output_usd AS DECIMAL(18, 12))
    END AS short_rate_output_usd,
    known_cards.has_token_price,
    known_cards.is_free,
    known_cards.least_seconds
FROM known_cards
INNER JOIN day_parts ON known_cards.price_id = day_parts.price_id
