-- question: What could be done to spend less?
-- grain: suggestion_id
-- sources: core_suggestions, mart_budget_status
-- owner: costs
WITH budget_warnings AS (
    SELECT
        MD5('budget_warning:' || budget) AS suggestion_id,
        budget,
        scope,
        period,
        period_start_on,
        budget_state,
        limit_usd,
        spent_usd,
        CAST(CAST(spent_ratio AS DECIMAL(18, 4)) * 100 AS DECIMAL(18, 0)) AS spent_percent
    FROM mart_budget_status
    WHERE is_current AND budget_state IN ('warning', 'over')
)

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
FROM core_suggestions
WHERE ended_at IS NULL
UNION ALL
SELECT
    suggestion_id,
    'budget_warning' AS kind,
    budget AS subject,
    CAST(spent_percent AS VARCHAR) || ' % of the budget ' || budget || ' is spent ('
    || CAST(CAST(spent_usd AS DECIMAL(38, 2)) AS VARCHAR) || ' of '
    || CAST(CAST(limit_usd AS DECIMAL(38, 2)) AS VARCHAR) || ' dollars this ' || period || ').' AS message,
    'Look at what changed (sophia-metrics change), slow down, or raise the limit.' AS action,
    CAST(NULL AS DECIMAL(38, 12)) AS saving_usd,
    CAST(NULL AS DECIMAL(38, 12)) AS saving_low_usd,
    CAST(NULL AS DECIMAL(38, 12)) AS saving_high_usd,
    '{"budget_state":"' || budget_state || '","limit_usd":"' || CAST(CAST(limit_usd AS DECIMAL(38, 12)) AS VARCHAR)
    || '","spent_usd":"' || CAST(CAST(spent_usd AS DECIMAL(38, 12)) AS VARCHAR) || '"}' AS evidence,
    period_start_on AS window_start_on,
    CAST(NULL AS DATE) AS window_end_on,
    CAST(NULL AS TIMESTAMP) AS first_at
FROM budget_warnings
