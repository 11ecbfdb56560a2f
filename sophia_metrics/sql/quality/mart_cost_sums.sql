-- question: What do core and each cost mart say a UTC day costs, and how many calls it has?
-- grain: usage_on
-- sources: core_usage_events, mart_cost_15min, mart_cost_hourly, mart_cost_daily, mart_usage_15min
-- owner: quality
WITH layers AS (
    SELECT
        'core' AS layer,
        usage_on,
        request_count,
        cost_usd
    FROM core_usage_events
    WHERE source_role = 'ledger'
    UNION ALL
    SELECT
        'quarters' AS layer,
        usage_on,
        request_count,
        cost_usd
    FROM mart_cost_15min
    UNION ALL
    SELECT
        'hours' AS layer,
        usage_on,
        request_count,
        cost_usd
    FROM mart_cost_hourly
    UNION ALL
    SELECT
        'days' AS layer,
        usage_on,
        request_count,
        cost_usd
    FROM mart_cost_daily
    UNION ALL
    SELECT
        'uses' AS layer,
        usage_on,
        request_count,
        cost_usd
    FROM mart_usage_15min
)

SELECT
    usage_on,
    SUM(CASE WHEN layer = 'core' THEN request_count END) AS core_request_count,
    SUM(CASE WHEN layer = 'quarters' THEN request_count END) AS quarters_request_count,
    SUM(CASE WHEN layer = 'hours' THEN request_count END) AS hours_request_count,
    SUM(CASE WHEN layer = 'days' THEN request_count END) AS days_request_count,
    SUM(CASE WHEN layer = 'uses' THEN request_count END) AS uses_request_count,
    SUM(CASE WHEN layer = 'core' THEN CAST(cost_usd AS DECIMAL(38, 12)) END) AS core_cost_usd,
    SUM(CASE WHEN layer = 'quarters' THEN CAST(cost_usd AS DECIMAL(38, 12)) END) AS quarters_cost_usd,
    SUM(CASE WHEN layer = 'hours' THEN CAST(cost_usd AS DECIMAL(38, 12)) END) AS hours_cost_usd,
    SUM(CASE WHEN layer = 'days' THEN CAST(cost_usd AS DECIMAL(38, 12)) END) AS days_cost_usd,
    SUM(CASE WHEN layer = 'uses' THEN CAST(cost_usd AS DECIMAL(38, 12)) END) AS uses_cost_usd
FROM layers
GROUP BY usage_on
