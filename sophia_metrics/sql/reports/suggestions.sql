-- question: What could be done to spend less, the largest saving first?
-- grain: suggestion_id
-- sources: mart_suggestions
-- owner: costs
SELECT
    suggestion_id,
    kind,
    subject,
    message,
    action,
    saving_usd,
    saving_low_usd,
    saving_high_usd,
    evidence,
    window_start_on,
    window_end_on,
    first_at
FROM mart_suggestions
ORDER BY CASE WHEN kind = 'budget_warning' THEN 0 ELSE 1 END, saving_usd DESC NULLS LAST, kind, subject
