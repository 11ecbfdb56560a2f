-- question: How do the budgets stand in the periods that hold now?
-- grain: budget
-- sources: mart_budget_status
-- owner: costs
SELECT
    budget,
    scope,
    period,
    period_start_on,
    time_zone,
    limit_usd,
    spent_usd,
    spent_ratio,
    unpriced_count,
    projected_p10_usd,
    projected_p50_usd,
    projected_p90_usd,
    breach_probability,
    projection_state,
    budget_state,
    data_through_at
FROM mart_budget_status
WHERE is_current
ORDER BY period, budget
