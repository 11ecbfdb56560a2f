-- question: In which share of its time did a service answer, and what is left of its error budget?
-- grain: service, usage_on
-- sources: mart_service_15min, core_services
-- owner: health
WITH days AS (
    SELECT
        service,
        usage_on,
        SUM(available_seconds) AS available_s,
        SUM(unavailable_seconds) AS unavailable_s,
        SUM(maintenance_seconds) AS maintenance_s
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
            THEN quarters.unavailable_seconds END) AS bad_1h_s,
        SUM(CASE WHEN quarters.period_at > day_ends.newest_at - INTERVAL '1' HOUR
            THEN quarters.available_seconds + quarters.unavailable_seconds END) AS known_1h_s,
        SUM(CASE WHEN quarters.period_at > day_ends.newest_at - INTERVAL '6' HOUR
            THEN quarters.unavailable_seconds END) AS bad_6h_s,
        SUM(CASE WHEN quarters.period_at > day_ends.newest_at - INTERVAL '6' HOUR
            THEN quarters.available_seconds + quarters.unavailable_seconds END) AS known_6h_s,
        SUM(quarters.unavailable_seconds) AS bad_3d_s,
        SUM(quarters.available_seconds + quarters.unavailable_seconds) AS known_3d_s
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
        SUM(earlier.unavailable_s) AS bad_30d_s,
        SUM(earlier.available_s + earlier.unavailable_s) AS known_30d_s
    FROM days
    INNER JOIN days AS earlier
        ON
            days.service = earlier.service
            AND earlier.usage_on <= days.usage_on
            AND earlier.usage_on > days.usage_on - INTERVAL '30' DAY
    GROUP BY days.service, days.usage_on
),

-- The part of the day that has passed, and in which the service was watched.
watched AS (
    SELECT
        days.service,
        days.usage_on,
        days.available_s,
        days.unavailable_s,
        days.maintenance_s,
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
        ) / CAST(1000000 AS DOUBLE) AS passed_s
    FROM days
    INNER JOIN core_services ON days.service = core_services.service
)

SELECT
    watched.service,
    watched.usage_on,
    watched.available_s / NULLIF(watched.available_s + watched.unavailable_s, 0) AS available_ratio,
    GREATEST(
        watched.passed_s - watched.available_s - watched.unavailable_s - watched.maintenance_s, 0
    ) AS unknown_seconds,
    watched.maintenance_s AS maintenance_seconds,
    1 - spent.bad_30d_s / NULLIF(spent.known_30d_s, 0) / watched.allowed_ratio AS error_budget_left_ratio,
    burnt.bad_1h_s / NULLIF(burnt.known_1h_s, 0) / watched.allowed_ratio AS burn_1h,
    burnt.bad_6h_s / NULLIF(burnt.known_6h_s, 0) / watched.allowed_ratio AS burn_6h,
    burnt.bad_3d_s / NULLIF(burnt.known_3d_s, 0) / watched.allowed_ratio AS burn_3d
FROM watched
INNER JOIN spent ON watched.service = spent.service AND watched.usage_on = spent.usage_on
INNER JOIN burnt ON watched.service = burnt.service AND watched.usage_on = burnt.usage_on
