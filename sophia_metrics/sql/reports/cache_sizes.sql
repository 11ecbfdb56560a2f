-- question: How many entries did each cache hold when it was last looked at?
-- grain: cache
-- sources: mart_cache_performance
-- owner: dashboard
WITH sized AS (
    SELECT
        cache,
        hour_at,
        entry_count,
        ROW_NUMBER() OVER (PARTITION BY cache ORDER BY hour_at DESC) AS place
    FROM mart_cache_performance
    WHERE entry_count IS NOT NULL
)

SELECT
    cache,
    hour_at,
    entry_count
FROM sized
WHERE place = 1
ORDER BY cache
