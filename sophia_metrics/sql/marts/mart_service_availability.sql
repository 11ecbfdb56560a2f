-- question: In which share of its time did a service answer, and what is left of its error budget?
-- grain: service, usage_on
-- sources: mart_service_15min, core_services
-- owner: health
WITH days AS (
    SELECT
        service,
        usage_on,
        SUM(available_ms) AS available_ms,
        SUM(unavailable_ms) AS unavailable_ms,
        SUM(maintenance_ms) AS maintenance_ms
    FROM mart_service_15min
    GROUP BY service, usage_on
),

-- The last quarter of a day in which anything was asked: a service that was not asked then is unknown then.
day_ends AS (
    SELECT
        usage_on,
        MAX(period_at) AS newest_at
    FROM mart_service_15min
    GROUP BY usage_on
),

-- What a day knows of the hours and days before its last quarter.
burnt AS (
    SELECT
        days.service,
        days.usage_on,
        SUM(CASE WHEN quarters.period_at > day_ends.newest_at - INTERVAL '1' HOUR
            THEN quarters.unavailable_ms END) AS bad_1h_ms,
        SUM(CASE WHEN quarters.period_at > day_ends.newest_at - INTERVAL '1' HOUR
            THEN quarters.available_ms + quarters.unavailable_ms END) AS known_1h_ms,
        SUM(CASE WHEN quarters.period_at > day_ends.newest_at - INTERVAL '6' HOUR
            THEN quarters.unavailable_ms END) AS bad_6h_ms,
        SUM(CASE WHEN quarters.period_at > day_ends.newest_at - INTERVAL '6' HOUR
            THEN quarters.available_ms + quarters.unavailable_ms END) AS known_6h_ms,
        SUM(quarters.unavailable_ms) AS bad_3d_ms,
        SUM(quarters.available_ms + quarters.unavailable_ms) AS known_3d_ms
    FROM days
    INNER JOIN day_ends ON days.usage_on = day_ends.usage_on
    INNER JOIN mart_service_15min AS quarters
        ON
            days.service = quarters.service
            AND quarters.period_at <= day_ends.newest_at
            AND quarters.period_at > day_ends.newest_at - INTERVAL '72' HOUR
    GROUP BY days.service, days.usage_on
),

spent AS (
    SELECT
        days.service,
        days.usage_on,
        SUM(earlier.unavailable_ms) AS bad_30d_ms,
        SUM(earlier.available_ms + earlier.unavailable_ms) AS known_30d_ms
    FROM days
    INNER JOIN days AS earlier
        ON
            days.service = earlier.service
            AND earlier.usage_on <= days.usage_on
            AND earlier.usage_on > days.usage_on - 30
    GROUP BY days.service, days.usage_on
),

-- The part of the day that has passed, and in which the service was watched.
watched AS (
    SELECT
        days.service,
        days.usage_on,
        days.available_ms,
        days.unavailable_ms,
        days.maintenance_ms,
        CAST(1 AS DOUBLE) - core_services.objective_ratio AS allowed_ratio,
        CAST(
            DATE_DIFF(
                'microsecond',
                GREATEST(CAST(days.usage_on AS TIMESTAMP), core_services.added_at),
                LEAST(
                    CAST(days.usage_on AS TIMESTAMP) + INTERVAL '24' HOUR,
                    COALESCE(core_services.removed_at, CAST($now AS TIMESTAMP)),
                    CAST($now AS TIMESTAMP)
                )
            ) AS DOUBLE
        ) / CAST(1000 AS DOUBLE) AS passed_ms
    FROM days
    INNER JOIN core_services ON days.service = core_services.service
)

SELECT
    watched.service,
    watched.usage_on,
    CAST(watched.available_ms AS DOUBLE)
    / CAST(NULLIF(watched.available_ms + watched.unavailable_ms, 0) AS DOUBLE) AS available_ratio,
    CAST(
        ROUND(
            CAST(
                GREATEST(watched.passed_ms - watched.available_ms - watched.unavailable_ms - watched.maintenance_ms, 0)
                AS DOUBLE
            ) / CAST(1000 AS DOUBLE)
        ) AS BIGINT
    ) AS unknown_seconds,
    CAST(ROUND(CAST(watched.maintenance_ms AS DOUBLE) / CAST(1000 AS DOUBLE)) AS BIGINT) AS maintenance_seconds,
    1 - CAST(spent.bad_30d_ms AS DOUBLE) / CAST(NULLIF(spent.known_30d_ms, 0) AS DOUBLE)
    / CAST(NULLIF(watched.allowed_ratio, 0) AS DOUBLE) AS error_budget_left_ratio,
    CAST(burnt.bad_1h_ms AS DOUBLE) / CAST(NULLIF(burnt.known_1h_ms, 0) AS DOUBLE)
    / CAST(NULLIF(watched.allowed_ratio, 0) AS DOUBLE) AS burn_1h,
    CAST(burnt.bad_6h_ms AS DOUBLE) / CAST(NULLIF(burnt.known_6h_ms, 0) AS DOUBLE)
    / CAST(NULLIF(watched.allowed_ratio, 0) AS DOUBLE) AS burn_6h,
    CAST(burnt.bad_3d_ms AS DOUBLE) / CAST(NULLIF(burnt.known_3d_ms, 0) AS DOUBLE)
    / CAST(NULLIF(watched.allowed_ratio, 0) AS DOUBLE) AS burn_3d
FROM watched
INNER JOIN spent ON watched.service = spent.service AND watched.usage_on = spent.usage_on
INNER JOIN burnt ON watched.service = burnt.service AND watched.usage_on = burnt.usage_on
