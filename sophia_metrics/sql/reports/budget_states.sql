-- question: How does every budget stand in its newest period?
-- grain: budget
-- sources: mart_budget_status
-- owner: dashboard
WITH placed AS (
    SELECT
        budget,
        scope,
        period,
        period_start_on,
        limit_usd,
        spent_usd,
        spent_ratio,
        projected_p10_usd,
        projected_p50_usd,
        projected_p90_usd,
        breach_probability,
        projection_state,
        budget_state,
        data_through_at,
        ROW_NUMBER() OVER (PARTITION BY budget ORDER BY period_start_on DESC) AS place
    FROM mart_budget_status
)

SELECT
    budget,
    scope,
    period,
    period_start_on,
    limit_usd,
    spent_usd,
    spent_ratio,
    projected_p10_usd,
    projected_p50_usd,
    projected_p90_usd,
    breach_probability,
    projection_state,
    budget_state,
    data_through_at
FROM placed
WHERE place = 1
ORDER BY budget
