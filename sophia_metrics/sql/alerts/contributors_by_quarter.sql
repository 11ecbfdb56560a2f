-- question: Who spent how much of a slice between two instants, the most first?
-- grain: team, model
-- sources: mart_cost_15min
-- owner: alerts
SELECT
    team,
    model,
    SUM(CAST(cost_usd AS DECIMAL(38, 12))) AS amount_usd
FROM mart_cost_15min
WHERE
    usage_on >= CAST($start_at AS DATE)
    AND usage_on <= CAST($end_at AS DATE)
    AND period_at >= $start_at
    AND period_at < $end_at
    AND cost_usd IS NOT NULL
    AND CASE $scope_type
        WHEN 'all' THEN TRUE
        WHEN 'provider' THEN provider = $scope_value
        WHEN 'model' THEN model = $scope_value
        WHEN 'team' THEN team = $scope_value
        WHEN 'project' THEN project = $scope_value
        WHEN 'environment' THEN environment = $scope_value
        ELSE FALSE
    END
GROUP BY team, model
ORDER BY amount_usd DESC, team, model
