-- question: Is each cache worth it, hour by hour?
-- grain: cache, hour_at
-- sources: core_cache_lookups, core_cache_snapshots
-- owner: cache
WITH counted_lookups AS (
    SELECT
        cache,
        DATE_TRUNC('hour', interval_start_at) AS hour_at,
        CAST(SUM(CASE WHEN outcome IN ('ineligible', 'bypass_error') THEN 0 ELSE lookup_count END) AS BIGINT)
            AS lookup_count,
        CAST(SUM(CASE WHEN outcome IN ('exact', 'semantic') THEN lookup_count ELSE 0 END) AS BIGINT) AS hit_count,
        CAST(SUM(CASE WHEN outcome = 'ineligible' THEN lookup_count ELSE 0 END) AS BIGINT) AS ineligible_count,
        CAST(SUM(CASE WHEN outcome = 'bypass_error' THEN lookup_count ELSE 0 END) AS BIGINT) AS bypass_error_count,
        CAST(SUM(saved_tokens) AS BIGINT) AS saved_tokens,
        SUM(CAST(saved_gross_usd AS DECIMAL(38, 12))) AS saved_gross_usd,
        SUM(CAST(saved_net_usd AS DECIMAL(38, 12))) AS saved_net_usd,
        CAST(SUM(unpriced_count) AS BIGINT) AS unpriced_hit_count
    FROM core_cache_lookups
    GROUP BY cache, DATE_TRUNC('hour', interval_start_at)
),

placed_snapshots AS (
    SELECT
        cache,
        node,
        DATE_TRUNC('hour', taken_at) AS hour_at,
        hit_count,
        miss_count,
        evicted_count,
        entry_count,
        used_bytes,
        is_lower_bound,
        ROW_NUMBER() OVER (PARTITION BY cache, node, DATE_TRUNC('hour', taken_at) ORDER BY taken_at DESC) AS newness
    FROM core_cache_snapshots
),

server_hours AS (
    SELECT
        cache,
        hour_at,
        CAST(SUM(hit_count) AS BIGINT) AS keyspace_hit_count,
        CAST(SUM(miss_count) AS BIGINT) AS keyspace_miss_count,
        CAST(SUM(evicted_count) AS BIGINT) AS evicted_count,
        CAST(SUM(CASE WHEN newness = 1 THEN entry_count END) AS BIGINT) AS entry_count,
        CAST(SUM(CASE WHEN newness = 1 THEN used_bytes END) AS BIGINT) AS used_bytes,
        BOOL_OR(is_lower_bound) AS is_lower_bound
    FROM placed_snapshots
    GROUP BY cache, hour_at
)

SELECT
    COALESCE(counted_lookups.cache, server_hours.cache) AS cache,
    COALESCE(counted_lookups.hour_at, server_hours.hour_at) AS hour_at,
    CAST(COALESCE(counted_lookups.hour_at, server_hours.hour_at) AS DATE) AS usage_on,
    counted_lookups.lookup_count,
    counted_lookups.hit_count,
    CAST(counted_lookups.hit_count AS DOUBLE)
    / CAST(NULLIF(counted_lookups.lookup_count, 0) AS DOUBLE) AS hit_ratio,
    counted_lookups.ineligible_count,
    counted_lookups.bypass_error_count,
    counted_lookups.saved_tokens,
    counted_lookups.saved_gross_usd,
    counted_lookups.saved_net_usd,
    counted_lookups.unpriced_hit_count,
    server_hours.evicted_count,
    server_hours.entry_count,
    server_hours.used_bytes,
    CAST(server_hours.keyspace_hit_count AS DOUBLE)
    / CAST(NULLIF(server_hours.keyspace_hit_count + server_hours.keyspace_miss_count, 0) AS DOUBLE)
        AS keyspace_hit_ratio,
    server_hours.is_lower_bound
FROM counted_lookups
FULL OUTER JOIN server_hours
    ON counted_lookups.cache = server_hours.cache AND counted_lookups.hour_at = server_hours.hour_at
