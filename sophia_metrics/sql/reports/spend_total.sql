-- question: From which day to which are there data, and what do they cost in all?
-- grain: one row
-- sources: mart_cost_daily
-- owner: costs
SELECT
    MIN(usage_on) AS first_on,
    MAX(usage_on) AS last_on,
    CAST(COALESCE(SUM(request_count), 0) AS BIGINT) AS request_count,
    CAST(COALESCE(SUM(unpriced_count), 0) AS BIGINT) AS unpriced_count,
    SUM(cost_usd) AS cost_usd,
    MIN(CASE WHEN unpriced_count > 0 THEN usage_on END) AS first_unpriced_on,
    MAX(CASE WHEN unpriced_count > 0 THEN usage_on END) AS last_unpriced_on
FROM mart_cost_daily
