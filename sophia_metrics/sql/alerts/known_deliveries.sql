-- question: What was said of the alert episodes that are open, or ended since an instant?
-- grain: episode_id, channel, kind, sequence_number
-- sources: core_alert_deliveries, core_alert_episodes
-- owner: alerts
SELECT
    episode_id,
    channel,
    kind,
    sequence_number,
    observed,
    message,
    created_at,
    status,
    attempt_count,
    next_attempt_at,
    response,
    finished_at,
    group_id
FROM core_alert_deliveries
WHERE
    episode_id IN (
        SELECT episode_id
        FROM core_alert_episodes
        WHERE resolved_at IS NULL OR resolved_at > $since_at
    )
