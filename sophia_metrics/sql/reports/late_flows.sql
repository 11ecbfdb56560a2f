-- question: Which of our own flows have not done their work when it was expected, since when, and how often should they?
-- grain: flow
-- sources: mart_freshness, core_heartbeats
-- owner: pipeline
SELECT
    heartbeats.flow,
    heartbeats.succeeded_at,
    heartbeats.failed_at,
    heartbeats.scheduled_since_at,
    heartbeats.interval_seconds
FROM mart_freshness AS freshness
INNER JOIN core_heartbeats AS heartbeats
    ON freshness.subject = 'flow:' || heartbeats.flow
WHERE freshness.is_stale
ORDER BY heartbeats.flow
