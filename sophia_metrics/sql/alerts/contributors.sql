-- question: Who spent the most of each wanted slice between its two instants, and how much did all spend?
-- grain: place, team, model
-- sources: mart_cost_15min, mart_cost_daily, wanted_slices
-- owner: alerts
WITH kinds AS (
    SELECT DISTINCT
        scope_type,
        is_of_utc_days
    FROM wanted_slices
),

-- Days where days are enough, else quarters of an hour. Bounds that are null ask for none.
spend AS (
    SELECT
        TRUE AS is_of_utc_days,
        CAST(usage_on AS TIMESTAMP) AS period_at,
        provider,
        model,
        team,
        project,
        environment,
        cost_usd
    FROM mart_cost_daily
    WHERE
        usage_on >= CAST($first_day_at AS DATE)
        AND usage_on < CAST($last_day_at AS DATE)
        AND cost_usd IS NOT NULL
    UNION ALL
    SELECT
        FALSE AS is_of_utc_days,
        period_at,
        provider,
        model,
        team,
        project,
        environment,
        cost_usd
    FROM mart_cost_15min
    WHERE
        usage_on >= CAST($first_quarter_at AS DATE)
        AND usage_on <= CAST($last_quarter_at AS DATE)
        AND cost_usd IS NOT NULL
),

slice_spend AS (
    SELECT
        kinds.scope_type,
        CASE kinds.scope_type
            WHEN 'all' THEN ''
            WHEN 'provider' THEN spend.provider
            WHEN 'model' THEN spend.model
            WHEN 'team' THEN spend.team
            WHEN 'project' THEN spend.project
            WHEN 'environment' THEN spend.environment
        END AS scope_value,
        spend.is_of_utc_days,
        spend.period_at,
        spend.team,
        spend.model,
        spend.cost_usd
    FROM spend
    INNER JOIN kinds ON spend.is_of_utc_days = kinds.is_of_utc_days
),

spenders AS (
    SELECT
        wanted_slices.place,
        slice_spend.team,
        slice_spend.model,
        SUM(CAST(slice_spend.cost_usd AS DECIMAL(38, 12))) AS amount_usd
    FROM wanted_slices
    INNER JOIN slice_spend
        ON
            wanted_slices.scope_type = slice_spend.scope_type
            AND wanted_slices.scope_value = slice_spend.scope_value
            AND wanted_slices.is_of_utc_days = slice_spend.is_of_utc_days
            AND slice_spend.period_at >= wanted_slices.start_at
            AND slice_spend.period_at < wanted_slices.end_at
    GROUP BY wanted_slices.place, slice_spend.team, slice_spend.model
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
