-- question: Which alerts fired and are open, and which ended last?
-- grain: episode_id
-- sources: core_alert_episodes
-- owner: dashboard
SELECT
    episode_id,
    SPLIT_PART(fingerprint, '/', 1) AS kind,
    rule,
    severity,
    subject,
    state,
    opened_at,
    resolved_at,
    observed,
    threshold,
    message
FROM core_alert_episodes
WHERE state IN ('firing', 'suppressed') OR (state = 'resolved' AND fired_at IS NOT NULL)
ORDER BY
    CASE WHEN resolved_at IS NULL THEN 0 ELSE 1 END,
    CASE severity WHEN 'critical' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END,
    COALESCE(resolved_at, opened_at) DESC,
    episode_id
LIMIT 1000
