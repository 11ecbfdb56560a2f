-- question: How often was each cache asked, and how often did it answer, between two instants on full hours?
-- grain: one row
-- sources: mart_cache_performance
-- owner: dashboard
SELECT
    CAST(COALESCE(SUM(lookup_count), 0) AS BIGINT) AS lookup_count,
    CAST(COALESCE(SUM(hit_count), 0) AS BIGINT) AS hit_count
FROM mart_cache_performance
WHERE hour_at >= $start_at AND hour_at < $end_at
