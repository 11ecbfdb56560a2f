-- question: How many calls took how long, by hour and model?
-- grain: hour_at, provider, model, bucket_ms
-- sources: core_usage_events
-- owner: costs
WITH timed_calls AS (
    SELECT
        DATE_TRUNC('hour', started_at) AS hour_at,
        provider,
        model,
        CASE
            WHEN latency_ms <= 10 THEN 10
            WHEN latency_ms <= 15 THEN 15
            WHEN latency_ms <= 20 THEN 20
            WHEN latency_ms <= 30 THEN 30
            WHEN latency_ms <= 50 THEN 50
            WHEN latency_ms <= 70 THEN 70
            WHEN latency_ms <= 100 THEN 100
            WHEN latency_ms <= 150 THEN 150
            WHEN latency_ms <= 200 THEN 200
            WHEN latency_ms <= 300 THEN 300
            WHEN latency_ms <= 500 THEN 500
            WHEN latency_ms <= 700 THEN 700
            WHEN latency_ms <= 1000 THEN 1000
            WHEN latency_ms <= 1500 THEN 1500
            WHEN latency_ms <= 2000 THEN 2000
            WHEN latency_ms <= 3000 THEN 3000
            WHEN latency_ms <= 5000 THEN 5000
            WHEN latency_ms <= 7000 THEN 7000
            WHEN latency_ms <= 10000 THEN 10000
            WHEN latency_ms <= 15000 THEN 15000
            WHEN latency_ms <= 20000 THEN 20000
            WHEN latency_ms <= 30000 THEN 30000
            WHEN latency_ms <= 50000 THEN 50000
            WHEN latency_ms <= 70000 THEN 70000
            WHEN latency_ms <= 100000 THEN 100000
            WHEN latency_ms <= 150000 THEN 150000
            WHEN latency_ms <= 200000 THEN 200000
            WHEN latency_ms <= 300000 THEN 300000
            WHEN latency_ms <= 500000 THEN 500000
            WHEN latency_ms <= 600000 THEN 600000
        END AS bound_ms
    FROM core_usage_events
    WHERE source_role = 'ledger' AND record_kind = 'call' AND latency_ms IS NOT NULL
)

SELECT
    hour_at,
    CAST(hour_at AS DATE) AS usage_on,
    provider,
    model,
    COALESCE(CAST(bound_ms AS DOUBLE), CAST('inf' AS DOUBLE)) AS bucket_ms,
    COUNT(*) AS request_count
FROM timed_calls
GROUP BY hour_at, provider, model, bound_ms
