-- question: How is each service that is watched, since when, and is that still known?
-- grain: service
-- sources: mart_service_health
-- owner: health
SELECT
    service,
    status,
    since_at,
    last_probed_at,
    latency_ms,
    message,
    is_stale,
    is_required
FROM mart_service_health
ORDER BY
    kind = 'component',
    service
