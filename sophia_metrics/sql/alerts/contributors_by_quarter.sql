-- question: Who spent the most of each wanted slice between its two instants, and how much did all spend?
-- grain: place, team, model
-- sources: mart_cost_15min, wanted_slices
-- owner: alerts
WITH kinds AS (
    SELECT DISTINCT scope_type
    FROM wanted_slices
),

slice_quarters AS (
    SELECT
        kinds.scope_type,
        CASE kinds.scope_type
            WHEN 'all' THEN ''
            WHEN 'provider' THEN mart_cost_15min.provider
            WHEN 'model' THEN mart_cost_15min.model
            WHEN 'team' THEN mart_cost_15min.team
            WHEN 'project' THEN mart_cost_15min.project
            WHEN 'environment' THEN mart_cost_15min.environment
        END AS scope_value,
        mart_cost_15min.period_at,
        mart_cost_15min.team,
        mart_cost_15min.model,
        mart_cost_15min.cost_usd
    FROM mart_cost_15min
    CROSS JOIN kinds
    WHERE
        mart_cost_15min.usage_on >= CAST($first_at AS DATE)
        AND mart_cost_15min.usage_on <= CAST($last_at AS DATE)
        AND mart_cost_15min.cost_usd IS NOT NULL
),

spenders AS (
    SELECT
        wanted_slices.place,
        slice_quarters.team,
        slice_quarters.model,
        SUM(CAST(slice_quarters.cost_usd AS DECIMAL(38, 12))) AS amount_usd
    FROM wanted_slices
    INNER JOIN slice_quarters
        ON
            wanted_slices.scope_type = slice_quarters.scope_type
            AND wanted_slices.scope_value = slice_quarters.scope_value
            AND slice_quarters.period_at >= wanted_slices.start_at
            AND slice_quarters.period_at < wanted_slices.end_at
    GROUP BY wanted_slices.place, slice_quarters.team, slice_quarters.model
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
