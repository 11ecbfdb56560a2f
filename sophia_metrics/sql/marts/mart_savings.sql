-- question: What did caches save on each day, net of what they cost?
-- grain: usage_on
-- sources: mart_cache_performance, mart_cost_daily
-- owner: costs
WITH prompt_caches AS (
    SELECT
        usage_on,
        SUM(CAST(prompt_cache_saving_usd AS DECIMAL(38, 12))) AS prompt_cache_saving_usd,
        CAST(SUM(unpriced_count) AS BIGINT) AS unpriced_count
    FROM mart_cost_daily
    GROUP BY usage_on
),

response_caches AS (
    SELECT
        usage_on,
        SUM(CAST(saved_net_usd AS DECIMAL(38, 12))) AS response_cache_saving_usd,
        CAST(SUM(unpriced_hit_count) AS BIGINT) AS unpriced_hit_count
    FROM mart_cache_performance
    WHERE lookup_count IS NOT NULL
    GROUP BY usage_on
)

SELECT
    COALESCE(prompt_caches.usage_on, response_caches.usage_on) AS usage_on,
    prompt_caches.prompt_cache_saving_usd,
    response_caches.response_cache_saving_usd,
    response_caches.unpriced_hit_count,
    prompt_caches.unpriced_count
FROM prompt_caches
FULL OUTER JOIN response_caches ON prompt_caches.usage_on = response_caches.usage_on
