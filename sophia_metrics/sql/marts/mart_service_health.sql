-- question: How is each service now, since when, and is that still known?
-- grain: service
-- sources: core_services
-- owner: health
SELECT
    service,
    CASE WHEN CAST($now AS TIMESTAMP) > stale_at THEN 'unknown' ELSE status END AS status,
    CASE WHEN CAST($now AS TIMESTAMP) > stale_at AND status <> 'unknown' THEN stale_at ELSE since_at END AS since_at,
    probed_at AS last_probed_at,
    latency_ms,
    message,
    CAST($now AS TIMESTAMP) > stale_at AS is_stale,
    required_by,
    kind,
    is_required
FROM core_services
WHERE removed_at IS NULL
