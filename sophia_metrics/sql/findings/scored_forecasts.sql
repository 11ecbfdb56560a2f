-- question: Which forecasts spoke of days that the newest one of their scope did not know, or of near days of late?
-- grain: time_zone, scope_type, scope_value, data_through_on, target_on
-- sources: core_forecast_snapshots
-- owner: costs
WITH newest AS (
    SELECT
        time_zone,
        scope_type,
        scope_value,
        max(data_through_on) AS newest_on
    FROM core_forecast_snapshots
    WHERE data_through_on >= $first_on
    GROUP BY time_zone, scope_type, scope_value
)

SELECT
    core_forecast_snapshots.time_zone,
    core_forecast_snapshots.scope_type,
    core_forecast_snapshots.scope_value,
    newest.newest_on,
    core_forecast_snapshots.data_through_on,
    core_forecast_snapshots.target_on AS day_on,
    core_forecast_snapshots.horizon_days,
    CAST(core_forecast_snapshots.p10_usd AS DOUBLE) AS p10_usd,
    CAST(core_forecast_snapshots.p90_usd AS DOUBLE) AS p90_usd,
    CAST(core_forecast_snapshots.through_p10_usd AS DOUBLE) AS through_p10_usd,
    CAST(core_forecast_snapshots.through_p90_usd AS DOUBLE) AS through_p90_usd,
    core_forecast_snapshots.inflation_ratio,
    coalesce(
        core_forecast_snapshots.through_inflation_ratio, core_forecast_snapshots.inflation_ratio
    ) AS through_inflation_ratio
FROM core_forecast_snapshots
INNER JOIN newest
    ON
        core_forecast_snapshots.time_zone = newest.time_zone
        AND core_forecast_snapshots.scope_type = newest.scope_type
        AND core_forecast_snapshots.scope_value = newest.scope_value
WHERE
    core_forecast_snapshots.data_through_on >= $first_on
    AND core_forecast_snapshots.horizon_days <= 28
    AND (core_forecast_snapshots.horizon_days <= 14 OR core_forecast_snapshots.target_on > newest.newest_on)
