-- question: Up to when is everything settled, and what is the last day that a forecast knew?
-- grain: one row
-- sources: core_forecast_snapshots, core_watermarks
-- owner: costs
SELECT
    -- A source that settles no day keeps everything open.
    CASE WHEN COUNT(settled_through_at) = COUNT(*) THEN MIN(settled_through_at) END AS settled_through_at,
    (
        SELECT MAX(core_forecast_snapshots.data_through_on)
        FROM core_forecast_snapshots
        WHERE core_forecast_snapshots.time_zone = 'UTC'
    ) AS data_through_on
FROM core_watermarks
WHERE source_role = 'ledger'
