-- question: Which alert episodes are the messages about that are still to be sent?
-- grain: episode_id
-- sources: core_alert_episodes, core_alert_deliveries
-- owner: alerts
SELECT
    episode_id,
    fingerprint,
    episode_number,
    rule,
    severity,
    scope_type,
    scope_value,
    subject,
    state,
    opened_at,
    threshold,
    observed,
    message,
    evidence,
    fired_at,
    clear_since_at,
    resolved_at,
    held_count,
    held_basis,
    kept_back_by
FROM core_alert_episodes
WHERE
    episode_id IN (
        SELECT episode_id
        FROM core_alert_deliveries
        WHERE status = 'pending'
    )
