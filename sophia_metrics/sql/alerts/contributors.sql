-- question: Who spent the most of each wanted slice in its UTC days, and how much did all spend?
-- grain: place, team, model
-- sources: mart_cost_daily, wanted_slices
-- owner: alerts
WITH kinds AS (
    SELECT DISTINCT scope_type
    FROM wanted_slices
),

slice_days AS (
    SELECT
        kinds.scope_type,
        CASE kinds.scope_type
            WHEN 'all' THEN ''
            WHEN 'provider' THEN mart_cost_daily.provider
            WHEN 'model' THEN mart_cost_daily.model
            WHEN 'team' THEN mart_cost_daily.team
            WHEN 'project' THEN mart_cost_daily.project
            WHEN 'environment' THEN mart_cost_daily.environment
        END AS scope_value,
        mart_cost_daily.usage_on,
        mart_cost_daily.team,
        mart_cost_daily.model,
        mart_cost_daily.cost_usd
    FROM mart_cost_daily
    CROSS JOIN kinds
    WHERE
        mart_cost_daily.usage_on >= CAST($first_at AS DATE)
        AND mart_cost_daily.usage_on < CAST($last_at AS DATE)
        AND mart_cost_daily.cost_usd IS NOT NULL
),

spenders AS (
    SELECT
        wanted_slices.place,
        slice_days.team,
        slice_days.model,
        SUM(CAST(slice_days.cost_usd AS DECIMAL(38, 12))) AS amount_usd
    FROM wanted_slices
    INNER JOIN slice_days
        ON
            wanted_slices.scope_type = slice_days.scope_type
            AND wanted_slices.scope_value = slice_days.scope_value
            AND slice_days.usage_on >= CAST(wanted_slices.start_at AS DATE)
            AND slice_days.usage_on < CAST(wanted_slices.end_at AS DATE)
    GROUP BY wanted_slices.place, slice_days.team, slice_days.model
),

ranked AS (
    SELECT
        place,
        team,
        model,
        amount_usd,
        SUM(amount_usd) OVER (PARTITION BY place) AS total_usd,
        ROW_NUMBER() OVER (PARTITION BY place ORDER BY amount_usd DESC, team, model) AS spender_rank
    FROM spenders
)

SELECT
    place,
    team,
    model,
    amount_usd,
    CAST(total_usd AS DECIMAL(38, 12)) AS total_usd
FROM ranked
WHERE spender_rank <= $shown_count
ORDER BY place, spender_rank
