-- question: Which alert episodes are open, or ended since an instant?
-- grain: episode_id
-- sources: core_alert_episodes
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
WHERE resolved_at IS NULL OR resolved_at > $since_at
