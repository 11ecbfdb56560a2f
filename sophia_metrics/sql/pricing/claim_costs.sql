-- question: What would claimed calls have cost at other rates?
-- grain: usage_on, provider, route, model, team, price_tier, claim
-- sources: alternatives, claims
-- owner: suggestions
WITH rates AS (
    SELECT
        claim,
        provider,
        route,
        model,
        price_tier,
        alternative,
        CAST(rate_input_usd AS DECIMAL(19, 18)) AS rate_input_usd,
        CAST(rate_cache_read_usd AS DECIMAL(19, 18)) AS rate_cache_read_usd,
        CAST(rate_cache_write_usd AS DECIMAL(19, 18)) AS rate_cache_write_usd,
        CAST(rate_output_usd AS DECIMAL(19, 18)) AS rate_output_usd
    FROM alternatives
)

SELECT
    claims.usage_on,
    claims.provider,
    claims.route,
    claims.model,
    claims.team,
    claims.price_tier,
    claims.claim,
    rates.alternative,
    -- A class of tokens that was used and has no rate makes the whole unknown.
    CASE WHEN claims.input_tokens = 0 THEN 0
        ELSE CAST(CAST(claims.input_tokens AS DECIMAL(19, 0)) * rates.rate_input_usd AS DECIMAL(38, 12))
    END
    + CASE WHEN claims.cache_read_tokens = 0 THEN 0
        ELSE CAST(CAST(claims.cache_read_tokens AS DECIMAL(19, 0)) * rates.rate_cache_read_usd AS DECIMAL(38, 12))
    END
    + CASE WHEN claims.output_tokens = 0 THEN 0
        ELSE CAST(CAST(claims.output_tokens AS DECIMAL(19, 0)) * rates.rate_output_usd AS DECIMAL(38, 12))
    END AS other_usd,
    -- Read from a prompt cache instead of sent anew, less the premium for writing: of the whole shared text, and of
    -- the shortest that providers keep.
    CAST(
        CAST(claims.shared_tokens AS DECIMAL(19, 0)) * (rates.rate_input_usd - rates.rate_cache_read_usd)
        AS DECIMAL(38, 12)
    )
    - CAST(
        CAST(claims.opening_tokens AS DECIMAL(19, 0))
        * coalesce(rates.rate_cache_write_usd - rates.rate_input_usd, 0) AS DECIMAL(38, 12)
    ) AS whole_prefix_usd,
    CAST(
        CAST(claims.call_count * 1024 AS DECIMAL(19, 0)) * (rates.rate_input_usd - rates.rate_cache_read_usd)
        AS DECIMAL(38, 12)
    )
    - CAST(
        CAST(claims.opening_count * 1024 AS DECIMAL(19, 0))
        * coalesce(rates.rate_cache_write_usd - rates.rate_input_usd, 0) AS DECIMAL(38, 12)
    ) AS least_prefix_usd
FROM claims
LEFT JOIN rates
    ON claims.claim = rates.claim
    AND claims.provider = rates.provider
    AND claims.route IS NOT DISTINCT FROM rates.route
    AND claims.model = rates.model
    AND claims.price_tier = rates.price_tier
