-- question: What was spent by day and model, the models that cost most by name and the rest together?
-- grain: usage_on, provider, model, and the sums over days and over models
-- sources: mart_cost_daily
-- owner: costs
WITH day_models AS (
    SELECT
        usage_on,
        provider,
        model,
        SUM(request_count) AS request_count,
        SUM(unpriced_count) AS unpriced_count,
        SUM(cost_usd) AS cost_usd
    FROM mart_cost_daily
    WHERE usage_on >= $first_on AND usage_on <= $last_on
    GROUP BY usage_on, provider, model
),

-- What a subscription pays has neither a cost nor a missing price: it is not spend.
spend_day_models AS (
    SELECT
        usage_on,
        provider,
        model,
        request_count,
        unpriced_count,
        cost_usd
    FROM day_models
    WHERE cost_usd IS NOT NULL OR unpriced_count > 0
),

ranked_models AS (
    SELECT
        provider,
        model,
        ROW_NUMBER() OVER (
            ORDER BY SUM(cost_usd) DESC NULLS LAST, SUM(request_count) DESC, provider, model
        ) AS place
    FROM spend_day_models
    GROUP BY provider, model
),

placed_day_models AS (
    SELECT
        spend_day_models.usage_on,
        CASE WHEN ranked_models.place <= $model_count THEN ranked_models.place ELSE 0 END AS place,
        CASE WHEN ranked_models.place <= $model_count THEN spend_day_models.provider END AS provider,
        CASE WHEN ranked_models.place <= $model_count THEN spend_day_models.model END AS model,
        spend_day_models.request_count,
        spend_day_models.unpriced_count,
        spend_day_models.cost_usd
    FROM spend_day_models
    INNER JOIN ranked_models
        ON ranked_models.provider = spend_day_models.provider AND ranked_models.model = spend_day_models.model
)

SELECT
    usage_on,
    place,
    provider,
    model,
    CAST(SUM(request_count) AS BIGINT) AS request_count,
    CAST(SUM(unpriced_count) AS BIGINT) AS unpriced_count,
    SUM(cost_usd) AS cost_usd
FROM placed_day_models
GROUP BY GROUPING SETS ((usage_on, place, provider, model), (place, provider, model), (usage_on), ())
HAVING COUNT(*) > 0
ORDER BY place NULLS LAST, usage_on NULLS LAST
