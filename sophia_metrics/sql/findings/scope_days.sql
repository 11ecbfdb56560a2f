-- question: What did each scope use and spend on each UTC day on which it made calls?
-- grain: scope_type, scope_value, day_on
-- sources: mart_cost_daily
-- owner: costs
WITH slices AS (
    SELECT
        usage_on,
        provider,
        model,
        team,
        project,
        environment,
        SUM(CAST(cost_usd AS DECIMAL(38, 12))) AS known_cost_usd,
        SUM(unpriced_count) AS unpriced_count,
        SUM(request_count) AS request_count,
        SUM(error_count) AS error_count,
        SUM(COALESCE(input_tokens, 0)) AS input_tokens,
        SUM(COALESCE(cache_read_tokens, 0)) AS cache_read_tokens,
        SUM(COALESCE(cache_write_tokens, 0)) AS cache_write_tokens
    FROM mart_cost_daily
    GROUP BY GROUPING SETS (
        (usage_on),
        (usage_on, provider),
        (usage_on, model),
        (usage_on, team),
        (usage_on, project),
        (usage_on, environment)
    )
)

-- A dimension of a mart is never null: where it is, another one makes the slice.
SELECT
    CASE
        WHEN provider IS NOT NULL THEN 'provider'
        WHEN model IS NOT NULL THEN 'model'
        WHEN team IS NOT NULL THEN 'team'
        WHEN project IS NOT NULL THEN 'project'
        WHEN environment IS NOT NULL THEN 'environment'
        ELSE 'all'
    END AS scope_type,
    COALESCE(provider, model, team, project, environment, 'all') AS scope_value,
    usage_on AS day_on,
    -- What a subscription pays is no spend, and not unknown. Null: no cost is known.
    CAST(
        CASE WHEN known_cost_usd IS NULL AND unpriced_count = 0 THEN 0 ELSE known_cost_usd END AS DOUBLE
    ) AS cost_usd,
    CAST(unpriced_count AS BIGINT) AS unpriced_count,
    CAST(request_count AS BIGINT) AS request_count,
    CAST(error_count AS BIGINT) AS error_count,
    CAST(input_tokens AS BIGINT) AS input_tokens,
    CAST(cache_read_tokens AS BIGINT) AS cache_read_tokens,
    CAST(cache_write_tokens AS BIGINT) AS cache_write_tokens
FROM slices
