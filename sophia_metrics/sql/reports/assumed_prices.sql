-- question: Which computed costs rest on an assumption of the price card, and how much money is that?
-- grain: provider, model, assumption, origin; a call counts once for each assumption that mattered to it
-- sources: mart_price_assumptions
-- owner: pricing
SELECT
    provider,
    model,
    assumption,
    origin,
    CAST(SUM(request_count) AS BIGINT) AS request_count,
    SUM(cost_usd) AS cost_usd
FROM mart_price_assumptions
GROUP BY provider, model, assumption, origin
ORDER BY cost_usd DESC, provider, model, assumption, origin
