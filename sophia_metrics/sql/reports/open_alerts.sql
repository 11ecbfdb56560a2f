-- question: Which alerts are open, the gravest first?
-- grain: episode_id
-- sources: core_alert_episodes
-- owner: alerts
SELECT
    rule,
    severity,
    state,
    opened_at,
    message
FROM core_alert_episodes
WHERE state IN ('firing', 'suppressed')
ORDER BY
    CASE severity WHEN 'critical' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END,
    opened_at,
    episode_id
