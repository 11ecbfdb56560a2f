-- question: How do the KPI of the plan stand against their baseline?
-- grain: kpi
-- sources: core_calendar_days, core_kpi_baselines, mart_cache_performance, mart_cost_daily, mart_service_15min, mart_settlement
-- owner: costs
WITH targets AS (
    SELECT
        'cache_hit_rate' AS kpi,
        CAST(0.8 AS DOUBLE) AS target_ratio
    UNION ALL
    SELECT
        'daily_cost' AS kpi,
        CAST(-0.25 AS DOUBLE) AS target_ratio
    UNION ALL
    SELECT
        'dashboard_load_ms' AS kpi,
        CAST(-0.5 AS DOUBLE) AS target_ratio
),

windows AS (
    SELECT
        settled_through_on - 27 AS window_start_on,
        settled_through_on AS window_end_on
    FROM mart_settlement
    WHERE scope_type = 'all'
),

spent_days AS (
    SELECT
        usage_on,
        SUM(CAST(cost_usd AS DECIMAL(38, 12))) AS cost_usd,
        SUM(unpriced_count) AS unpriced_count
    FROM mart_cost_daily
    GROUP BY usage_on
),

-- A day without calls is a zero; one with calls of unknown cost is left out.
costs AS (
    SELECT
        COUNT(CASE WHEN COALESCE(spent_days.unpriced_count, 0) = 0 THEN 1 END) AS known_day_count,
        SUM(
            CASE
                WHEN COALESCE(spent_days.unpriced_count, 0) = 0
                    THEN CAST(COALESCE(spent_days.cost_usd, 0) AS DECIMAL(38, 12))
            END
        ) AS cost_usd
    FROM windows
    INNER JOIN core_calendar_days
        ON
            core_calendar_days.time_zone = 'UTC'
            AND core_calendar_days.day_on BETWEEN windows.window_start_on AND windows.window_end_on
    LEFT JOIN spent_days ON core_calendar_days.day_on = spent_days.usage_on
    WHERE windows.window_start_on >= (SELECT MIN(usage_on) AS first_on FROM spent_days)
),

lookups AS (
    SELECT
        SUM(mart_cache_performance.hit_count) AS hit_count,
        SUM(mart_cache_performance.lookup_count) AS lookup_count
    FROM windows
    INNER JOIN mart_cache_performance
        ON mart_cache_performance.usage_on BETWEEN windows.window_start_on AND windows.window_end_on
    WHERE
        windows.window_start_on >= (
            SELECT MIN(usage_on) AS first_on
            FROM mart_cache_performance
            WHERE lookup_count > 0
        )
),

loads AS (
    SELECT
        SUM(mart_service_15min.latency_ms_sum) AS latency_ms,
        SUM(mart_service_15min.latency_count) AS load_count
    FROM windows
    INNER JOIN mart_service_15min
        ON mart_service_15min.usage_on BETWEEN windows.window_start_on AND windows.window_end_on
    WHERE
        mart_service_15min.service = 'dashboard'
        AND windows.window_start_on >= (
            SELECT MIN(usage_on) AS first_on
            FROM mart_service_15min
            WHERE service = 'dashboard' AND latency_count > 0
        )
),

current_values AS (
    SELECT
        'cache_hit_rate' AS kpi,
        CAST(hit_count AS DOUBLE) / CAST(NULLIF(lookup_count, 0) AS DOUBLE) AS current_value
    FROM lookups
    UNION ALL
    SELECT
        'daily_cost' AS kpi,
        CAST(cost_usd AS DOUBLE) / CAST(NULLIF(known_day_count, 0) AS DOUBLE) AS current_value
    FROM costs
    UNION ALL
    SELECT
        'dashboard_load_ms' AS kpi,
        CAST(latency_ms AS DOUBLE) / CAST(NULLIF(load_count, 0) AS DOUBLE) AS current_value
    FROM loads
),

compared AS (
    SELECT
        targets.kpi,
        targets.target_ratio,
        core_kpi_baselines.baseline_value,
        core_kpi_baselines.window_start_on AS baseline_start_on,
        core_kpi_baselines.window_end_on AS baseline_end_on,
        current_values.current_value,
        windows.window_start_on,
        windows.window_end_on,
        COALESCE(
            current_values.current_value IS NOT NULL
            AND core_kpi_baselines.baseline_value IS NOT NULL
            AND windows.window_start_on > core_kpi_baselines.window_end_on,
            FALSE
        ) AS is_ok,
        CAST(current_values.current_value - core_kpi_baselines.baseline_value AS DOUBLE)
        / CAST(NULLIF(core_kpi_baselines.baseline_value, 0) AS DOUBLE) AS change_ratio
    FROM targets
    LEFT JOIN core_kpi_baselines ON targets.kpi = core_kpi_baselines.kpi
    LEFT JOIN current_values ON targets.kpi = current_values.kpi
    LEFT JOIN windows ON TRUE
)

SELECT
    kpi,
    baseline_value,
    current_value,
    target_ratio,
    CASE WHEN is_ok THEN change_ratio END AS change_ratio,
    CASE WHEN is_ok THEN 'ok' ELSE 'insufficient_history' END AS kpi_state,
    CASE
        WHEN NOT is_ok OR change_ratio IS NULL THEN NULL
        -- A ratio of doubles that is the target to the ninth digit has reached it.
        WHEN target_ratio > 0 THEN change_ratio >= target_ratio - 0.000000001
        ELSE change_ratio <= target_ratio + 0.000000001
    END AS is_met,
    baseline_start_on,
    baseline_end_on,
    window_start_on,
    window_end_on
FROM compared
