-- question: Which rules of alerts hold?
-- grain: rule, subject, valid_from_at
-- sources: core_alert_rules
-- owner: alerts
SELECT
    rule,
    kind,
    subject,
    severity,
    threshold,
    fire_after_seconds,
    resolve_after_seconds,
    valid_from_at,
    valid_to_at
FROM core_alert_rules
WHERE valid_to_at IS NULL
