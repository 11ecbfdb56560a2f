-- question: How long did each service answer, by quarter of an hour?
-- grain: service, period_at
-- sources: core_probe_results
-- owner: health
WITH results AS (
    SELECT
        service,
        probed_on,
        probed_at,
        CASE
            WHEN EXTRACT(MINUTE FROM probed_at) < 15 THEN DATE_TRUNC('hour', probed_at)
            WHEN EXTRACT(MINUTE FROM probed_at) < 30 THEN DATE_TRUNC('hour', probed_at) + INTERVAL '15' MINUTE
            WHEN EXTRACT(MINUTE FROM probed_at) < 45 THEN DATE_TRUNC('hour', probed_at) + INTERVAL '30' MINUTE
            ELSE DATE_TRUNC('hour', probed_at) + INTERVAL '45' MINUTE
        END AS period_at,
        outcome,
        latency_ms,
        CASE
            WHEN status = 'maintenance' THEN 'maintenance'
            WHEN outcome = 'skipped' OR NOT is_vantage_ok THEN 'unknown'
            WHEN outcome = 'failed' THEN 'unavailable'
            ELSE 'available'
        END AS told,
        CAST(interval_seconds * 1000 AS DOUBLE) AS interval_ms,
        CAST(DATE_DIFF('microsecond', CAST(probed_on AS TIMESTAMP), probed_at) AS DOUBLE)
        / CAST(1000 AS DOUBLE) AS since_midnight_ms,
        LAG(probed_at) OVER (PARTITION BY service, probed_on ORDER BY probed_at) AS previous_at,
        CAST(
            DATE_DIFF(
                'microsecond', probed_at, LEAD(probed_at) OVER (PARTITION BY service, probed_on ORDER BY probed_at)
            ) AS DOUBLE
        ) / CAST(1000 AS DOUBLE) AS until_next_ms
    FROM core_probe_results
),

-- A day knows nothing of its neighbours: its first result reaches back to midnight, and its last one forward.
spans AS (
    SELECT
        service,
        probed_on,
        period_at,
        outcome,
        latency_ms,
        told,
        LEAST(
            COALESCE(until_next_ms, interval_ms),
            CAST(interval_ms * CAST(2.5 AS DOUBLE) AS DOUBLE),
            CAST(86400000 AS DOUBLE) - since_midnight_ms
        )
        + CASE WHEN previous_at IS NULL AND since_midnight_ms <= interval_ms THEN since_midnight_ms ELSE 0 END AS span_ms
    FROM results
)

SELECT
    service,
    period_at,
    probed_on AS usage_on,
    SUM(CASE WHEN told = 'available' THEN span_ms ELSE 0 END) AS available_ms,
    SUM(CASE WHEN told = 'unavailable' THEN span_ms ELSE 0 END) AS unavailable_ms,
    SUM(CASE WHEN told = 'unknown' THEN span_ms ELSE 0 END) AS unknown_ms,
    SUM(CASE WHEN told = 'maintenance' THEN span_ms ELSE 0 END) AS maintenance_ms,
    COUNT(*) AS result_count,
    CAST(SUM(CASE WHEN outcome = 'failed' THEN 1 ELSE 0 END) AS BIGINT) AS failed_count,
    SUM(latency_ms) AS latency_ms_sum,
    COUNT(latency_ms) AS latency_count
FROM spans
GROUP BY
    service,
    period_at,
    probed_on
