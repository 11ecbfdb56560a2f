-- question: What was said of the alert episodes that are open or ended since an instant?
-- grain: episode_id, channel, kind, sequence_number
-- sources: core_alert_deliveries, core_alert_episodes
-- owner: alerts
SELECT
    episode_id,
    channel,
    kind,
    sequence_number,
    message,
    created_at,
    status,
    attempt_count,
    response,
    next_attempt_at,
    finished_at,
    group_id
FROM core_alert_deliveries
WHERE
    episode_id IN (
        SELECT episode_id
        FROM core_alert_episodes
        WHERE resolved_at IS NULL OR resolved_at > $since_at
    )
ORDER BY episode_id, channel, sequence_number
