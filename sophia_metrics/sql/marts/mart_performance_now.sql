-- question: How do the last 15 minutes of data look, card by card?
-- grain: metric
-- sources: core_usage_events, core_cache_lookups, mart_service_health
-- owner: dashboard
WITH ledger_calls AS (
    SELECT
        started_at,
        session_id,
        is_cache_hit,
        CASE WHEN status = 'ok' THEN latency_ms END AS answer_ms
    FROM core_usage_events
    WHERE source_role = 'ledger' AND record_kind = 'call'
),

newest_call AS (
    SELECT MAX(started_at) AS data_through_at
    FROM ledger_calls
),

recent_calls AS (
    SELECT
        ledger_calls.session_id,
        ledger_calls.is_cache_hit,
        ledger_calls.answer_ms,
        newest_call.data_through_at
    FROM ledger_calls
    INNER JOIN newest_call ON ledger_calls.started_at > newest_call.data_through_at - INTERVAL '15' MINUTE
),

figures AS (
    SELECT
        MAX(data_through_at) AS data_through_at,
        CAST(SUM(CASE WHEN is_cache_hit THEN 1 ELSE 0 END) AS DOUBLE)
        / CAST(NULLIF(COUNT(is_cache_hit), 0) AS DOUBLE) AS cache_hit_ratio,
        AVG(answer_ms) AS avg_response_ms,
        PERCENTILE_CONT(0.95) WITHIN GROUP (ORDER BY answer_ms) AS p95_response_ms,
        CAST(NULLIF(COUNT(DISTINCT session_id), 0) AS DOUBLE) AS active_sessions
    FROM recent_calls
),

services AS (
    SELECT
        MAX(last_probed_at) AS last_probed_at,
        COUNT(*) AS service_count,
        COUNT(CASE WHEN status = 'healthy' THEN 1 END) AS healthy_count,
        COUNT(CASE WHEN status = 'unknown' THEN 1 END) AS unknown_count,
        COUNT(CASE WHEN status <> 'maintenance' THEN 1 END) AS judged_count,
        COUNT(CASE WHEN is_required AND status <> 'maintenance' THEN 1 END) AS required_count,
        COUNT(CASE WHEN is_required AND status = 'down' THEN 1 END) AS required_down_count,
        COUNT(CASE WHEN is_required AND status = 'degraded' THEN 1 END) AS required_degraded_count,
        COUNT(CASE WHEN is_required AND status = 'unknown' THEN 1 END) AS required_unknown_count,
        COUNT(CASE WHEN NOT is_required AND status IN ('down', 'degraded') THEN 1 END) AS optional_failing_count
    FROM mart_service_health
),

-- What the application counts in the cache, by hour: for calls that do not say whether a cache answered.
asked_lookups AS (
    SELECT
        interval_end_at,
        read_at,
        lookup_count,
        CASE WHEN outcome IN ('exact', 'semantic') THEN lookup_count ELSE 0 END AS hit_count
    FROM core_cache_lookups
    WHERE outcome NOT IN ('ineligible', 'bypass_error')
),

hit_ratios AS (
    SELECT
        CAST(SUM(hit_count) AS DOUBLE) / CAST(NULLIF(SUM(lookup_count), 0) AS DOUBLE) AS cache_hit_ratio,
        MAX(read_at) AS data_through_at
    FROM asked_lookups
    INNER JOIN (SELECT MAX(interval_end_at) AS newest_at FROM asked_lookups) AS newest
        ON asked_lookups.interval_end_at = newest.newest_at
),

told_ratios AS (
    SELECT
        CASE WHEN figures.cache_hit_ratio IS NULL THEN hit_ratios.cache_hit_ratio ELSE figures.cache_hit_ratio END
            AS cache_hit_ratio,
        CASE WHEN figures.cache_hit_ratio IS NULL AND hit_ratios.cache_hit_ratio IS NOT NULL THEN 60 ELSE 15 END
            AS window_minutes,
        CASE WHEN figures.cache_hit_ratio IS NULL AND hit_ratios.cache_hit_ratio IS NOT NULL
            THEN hit_ratios.data_through_at ELSE figures.data_through_at END AS data_through_at
    FROM figures
    CROSS JOIN hit_ratios
),

cards AS (
    SELECT
        'cache_hit_ratio' AS metric,
        cache_hit_ratio AS metric_value,
        CAST(CAST(cache_hit_ratio * 100 AS DECIMAL(18, 1)) AS VARCHAR) || ' %' AS text_value,
        window_minutes,
        data_through_at
    FROM told_ratios
    UNION ALL
    SELECT
        'avg_response_ms' AS metric,
        avg_response_ms AS metric_value,
        CAST(CAST(avg_response_ms AS DECIMAL(18, 0)) AS VARCHAR) || ' ms' AS text_value,
        15 AS window_minutes,
        data_through_at
    FROM figures
    UNION ALL
    SELECT
        'p95_response_ms' AS metric,
        p95_response_ms AS metric_value,
        CAST(CAST(p95_response_ms AS DECIMAL(18, 0)) AS VARCHAR) || ' ms' AS text_value,
        15 AS window_minutes,
        data_through_at
    FROM figures
    UNION ALL
    SELECT
        'active_sessions' AS metric,
        active_sessions AS metric_value,
        CAST(CAST(active_sessions AS BIGINT) AS VARCHAR) AS text_value,
        15 AS window_minutes,
        data_through_at
    FROM figures
    UNION ALL
    SELECT
        'system_health' AS metric,
        CAST(healthy_count AS DOUBLE) / CAST(NULLIF(service_count, 0) AS DOUBLE) AS metric_value,
        -- sophia_metrics.health.rollup says the same.
        CASE
            WHEN service_count = 0 THEN NULL
            WHEN judged_count = 0 THEN 'maintenance'
            WHEN required_down_count > 0 THEN 'down'
            WHEN required_degraded_count + optional_failing_count > 0 THEN 'degraded'
            WHEN required_unknown_count > 0 OR (required_count = 0 AND unknown_count > 0) THEN 'unknown'
            ELSE 'healthy'
        END AS text_value,
        15 AS window_minutes,
        COALESCE(services.last_probed_at, figures.data_through_at) AS data_through_at
    FROM services
    CROSS JOIN figures
)

SELECT
    metric,
    CAST(metric_value AS DOUBLE) AS metric_value,
    COALESCE(text_value, 'no data') AS text_value,
    CAST(window_minutes AS BIGINT) AS window_minutes,
    data_through_at
FROM cards
