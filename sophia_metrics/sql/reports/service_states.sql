-- question: How is each service, since when, and how old is that knowledge?
-- grain: service
-- sources: mart_service_health
-- owner: dashboard
SELECT
    service,
    status,
    since_at,
    last_probed_at,
    latency_ms,
    message,
    is_stale,
    required_by
FROM mart_service_health
ORDER BY service
