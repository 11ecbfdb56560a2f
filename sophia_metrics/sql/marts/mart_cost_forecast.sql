-- question: What will each scope spend on the days to come?
-- grain: scope_type, scope_value, target_on
-- sources: core_forecast_snapshots
-- owner: costs
WITH newest AS (
    SELECT
        scope_type,
        scope_value,
        MAX(data_through_on) AS data_through_on
    FROM core_forecast_snapshots
    WHERE time_zone = 'UTC'
    GROUP BY scope_type, scope_value
    -- A scope that is gone has no forecast any more.
    HAVING MAX(target_on) >= CAST(CAST($now AS TIMESTAMP) AS DATE)
)

SELECT
    core_forecast_snapshots.scope_type,
    core_forecast_snapshots.scope_value,
    core_forecast_snapshots.target_on,
    core_forecast_snapshots.horizon_days,
    core_forecast_snapshots.p10_usd,
    core_forecast_snapshots.p50_usd,
    core_forecast_snapshots.p90_usd,
    core_forecast_snapshots.through_p10_usd,
    core_forecast_snapshots.through_p50_usd,
    core_forecast_snapshots.through_p90_usd,
    core_forecast_snapshots.method,
    core_forecast_snapshots.data_through_on,
    core_forecast_snapshots.day_count,
    core_forecast_snapshots.backtest_mase,
    core_forecast_snapshots.coverage_ratio
FROM core_forecast_snapshots
INNER JOIN newest
    ON
        core_forecast_snapshots.scope_type = newest.scope_type
        AND core_forecast_snapshots.scope_value = newest.scope_value
        AND core_forecast_snapshots.data_through_on = newest.data_through_on
WHERE core_forecast_snapshots.time_zone = 'UTC'
