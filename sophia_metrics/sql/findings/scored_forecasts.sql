-- question: Which of the newest forecasts spoke of which near days, and with which range?
-- grain: time_zone, scope_type, scope_value, data_through_on, target_on
-- sources: core_forecast_snapshots
-- owner: costs
SELECT
    time_zone,
    scope_type,
    scope_value,
    data_through_on,
    target_on AS day_on,
    CAST(p10_usd AS DOUBLE) AS p10_usd,
    CAST(p50_usd AS DOUBLE) AS p50_usd,
    CAST(p90_usd AS DOUBLE) AS p90_usd,
    inflation_ratio
FROM core_forecast_snapshots
WHERE data_through_on >= $first_on AND horizon_days <= 14
