-- question: What was bought in each of two periods, in one scope?
-- grain: provider, model, team, route, price_tier, part
-- sources: mart_cost_parts
-- owner: costs
SELECT
    CAST($scope_type AS VARCHAR) AS scope_type,
    CAST($scope_value AS VARCHAR) AS scope_value,
    'given' AS period_pair,
    CAST($before_start_on AS DATE) AS before_start_on,
    CAST($before_end_on AS DATE) AS before_end_on,
    CAST($start_on AS DATE) AS start_on,
    CAST($end_on AS DATE) AS end_on,
    provider,
    model,
    team,
    route,
    price_tier,
    part,
    SUM(CASE WHEN usage_on BETWEEN $before_start_on AND $before_end_on THEN quantity ELSE 0 END) AS before_quantity,
    SUM(CASE WHEN usage_on BETWEEN $start_on AND $end_on THEN quantity ELSE 0 END) AS after_quantity,
    SUM(
        CASE
            WHEN usage_on BETWEEN $before_start_on AND $before_end_on THEN CAST(COALESCE(cost_usd, 0) AS DECIMAL(38, 12))
            ELSE 0
        END
    ) AS before_usd,
    SUM(
        CASE
            WHEN usage_on BETWEEN $start_on AND $end_on THEN CAST(COALESCE(cost_usd, 0) AS DECIMAL(38, 12))
            ELSE 0
        END
    ) AS after_usd
FROM mart_cost_parts
WHERE
    (usage_on BETWEEN $before_start_on AND $before_end_on OR usage_on BETWEEN $start_on AND $end_on)
    AND (
        CASE CAST($scope_type AS VARCHAR)
            WHEN 'provider' THEN provider
            WHEN 'model' THEN model
            WHEN 'team' THEN team
            WHEN 'project' THEN project
            WHEN 'environment' THEN environment
            ELSE 'all'
        END
    ) = CAST($scope_value AS VARCHAR)
GROUP BY provider, model, team, route, price_tier, part
