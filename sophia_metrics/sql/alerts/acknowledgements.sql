-- question: Who looks after the alert episodes that are open, or ended since an instant?
-- grain: episode_id, acknowledged_at
-- sources: core_alert_acknowledgements, core_alert_episodes
-- owner: alerts
SELECT
    episode_id,
    acknowledged_at,
    acknowledged_by,
    note
FROM core_alert_acknowledgements
WHERE
    episode_id IN (
        SELECT episode_id
        FROM core_alert_episodes
        WHERE resolved_at IS NULL OR resolved_at > $since_at
    )
ORDER BY episode_id, acknowledged_at
