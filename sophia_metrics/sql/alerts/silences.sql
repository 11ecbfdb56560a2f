-- question: Which silences hold now?
-- grain: silence_id
-- sources: core_alert_silences
-- owner: alerts
SELECT
    silence_id,
    rule,
    subject,
    starts_at,
    ends_at,
    reason,
    scope_type,
    scope_value,
    created_by,
    created_at
FROM core_alert_silences
WHERE starts_at <= $now AND (ends_at IS NULL OR ends_at > $now)
