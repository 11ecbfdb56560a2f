-- question: Which users and keys made their first calls lately, and what did they spend in their first week?
-- grain: scope_type, scope_value
-- sources: core_usage_events
-- owner: costs
WITH people AS (
    SELECT
        usage_on,
        user_hash,
        api_key_id,
        cost_usd
    FROM core_usage_events
    WHERE source_role = 'ledger' AND usage_on <= $last_on
),

slices AS (
    SELECT
        'user' AS scope_type,
        user_hash AS scope_value,
        usage_on,
        SUM(CAST(cost_usd AS DECIMAL(38, 12))) AS cost_usd
    FROM people
    WHERE user_hash IS NOT NULL
    GROUP BY user_hash, usage_on
    UNION ALL
    SELECT
        'key' AS scope_type,
        api_key_id AS scope_value,
        usage_on,
        SUM(CAST(cost_usd AS DECIMAL(38, 12))) AS cost_usd
    FROM people
    WHERE api_key_id IS NOT NULL
    GROUP BY api_key_id, usage_on
),

first_days AS (
    SELECT
        scope_type,
        scope_value,
        MIN(usage_on) AS first_on
    FROM slices
    GROUP BY scope_type, scope_value
    HAVING MIN(usage_on) >= $tested_from_on
)

SELECT
    first_days.scope_type,
    first_days.scope_value,
    first_days.first_on,
    CAST(COALESCE(SUM(slices.cost_usd), 0) AS DOUBLE) AS spent_usd
FROM first_days
INNER JOIN slices
    ON
        first_days.scope_type = slices.scope_type
        AND first_days.scope_value = slices.scope_value
        AND slices.usage_on < first_days.first_on + 7
GROUP BY first_days.scope_type, first_days.scope_value, first_days.first_on
HAVING COALESCE(SUM(slices.cost_usd), 0) >= $impact_usd
