-- question: Which messages about alerts are still to be sent, in which order?
-- grain: episode_id, channel, kind, sequence_number
-- sources: core_alert_deliveries
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
WHERE status = 'pending'
ORDER BY created_at, episode_id, channel, sequence_number
