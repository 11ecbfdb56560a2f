-- question: How does each budget stand, and where will its period end?
-- grain: budget, period_start_on
-- sources: core_budget_periods, core_budgets, core_calendar_days, core_forecast_snapshots, mart_budget_days
-- owner: costs
WITH periods AS (
    SELECT
        time_zone,
        period,
        start_day,
        period_start_on,
        period_end_on,
        start_at,
        end_at,
        end_at > CAST($now AS TIMESTAMP) AS is_current
    FROM core_budget_periods
),

-- A period is judged by the budget that holds now, or that held to its end.
held_budgets AS (
    SELECT
        core_budgets.budget,
        core_budgets.scope_type,
        core_budgets.scope_value,
        core_budgets.time_zone,
        core_budgets.period,
        core_budgets.limit_usd,
        core_budgets.thresholds,
        core_budgets.warning_ratio,
        COALESCE(core_budgets.forecast_thresholds, '[1]') AS forecast_thresholds,
        periods.period_start_on,
        periods.period_end_on,
        periods.start_at,
        periods.end_at,
        periods.is_current
    FROM core_budgets
    INNER JOIN periods
        ON
            core_budgets.time_zone = periods.time_zone
            AND core_budgets.period = periods.period
            AND COALESCE(core_budgets.start_day, 1) = periods.start_day
    LEFT JOIN core_budgets AS overriding
        ON
            core_budgets.budget = overriding.budget
            AND core_budgets.origin = 'configured'
            AND overriding.origin = 'set'
            AND CASE
                WHEN periods.is_current
                    THEN
                        overriding.valid_from_at <= CAST($now AS TIMESTAMP)
                        AND COALESCE(overriding.valid_to_at > CAST($now AS TIMESTAMP), TRUE)
                ELSE
                    overriding.valid_from_at < periods.end_at
                    AND COALESCE(overriding.valid_to_at >= periods.end_at, TRUE)
            END
    WHERE
        overriding.budget IS NULL
        AND CASE
            WHEN periods.is_current
                THEN
                    core_budgets.valid_from_at <= CAST($now AS TIMESTAMP)
                    AND COALESCE(core_budgets.valid_to_at > CAST($now AS TIMESTAMP), TRUE)
            ELSE
                core_budgets.valid_from_at < periods.end_at
                AND COALESCE(core_budgets.valid_to_at >= periods.end_at, TRUE)
        END
    -- Where a budget of days became one of months, the months win.
    QUALIFY
        ROW_NUMBER() OVER (
            PARTITION BY core_budgets.budget, periods.period_start_on
            ORDER BY periods.end_at DESC, core_budgets.valid_from_at DESC
        ) = 1
),

first_calls AS (
    SELECT
        time_zone,
        scope_type,
        scope_value,
        MIN(day_on) AS first_on
    FROM mart_budget_days
    WHERE has_calls
    GROUP BY time_zone, scope_type, scope_value
),

-- The newest 28 settled days since the first call, weekdays and weekends apart.
settled_days AS (
    SELECT
        mart_budget_days.time_zone,
        mart_budget_days.scope_type,
        mart_budget_days.scope_value,
        CASE WHEN mart_budget_days.is_weekend THEN CAST(mart_budget_days.cost_usd AS DOUBLE) END AS weekend_cost,
        CASE WHEN NOT mart_budget_days.is_weekend THEN CAST(mart_budget_days.cost_usd AS DOUBLE) END AS weekday_cost
    FROM mart_budget_days
    INNER JOIN first_calls
        ON
            mart_budget_days.time_zone = first_calls.time_zone
            AND mart_budget_days.scope_type = first_calls.scope_type
            AND mart_budget_days.scope_value = first_calls.scope_value
            AND mart_budget_days.day_on >= first_calls.first_on
    WHERE mart_budget_days.is_settled
    QUALIFY
        ROW_NUMBER() OVER (
            PARTITION BY mart_budget_days.time_zone, mart_budget_days.scope_type, mart_budget_days.scope_value
            ORDER BY mart_budget_days.day_on DESC
        ) <= 28
),

kinds AS (
    SELECT
        time_zone,
        scope_type,
        scope_value,
        COUNT(weekend_cost) AS weekend_count,
        COUNT(weekday_cost) AS weekday_count,
        AVG(CAST(weekend_cost AS DOUBLE)) AS weekend_mean,
        AVG(CAST(weekday_cost AS DOUBLE)) AS weekday_mean,
        COALESCE(VAR_POP(CAST(weekend_cost AS DOUBLE)), 0) AS weekend_variance,
        COALESCE(VAR_POP(CAST(weekday_cost AS DOUBLE)), 0) AS weekday_variance
    FROM settled_days
    GROUP BY time_zone, scope_type, scope_value
),

rates AS (
    SELECT
        time_zone,
        scope_type,
        scope_value,
        weekend_count + weekday_count AS known_count,
        -- Where there is no day of a kind yet, those of the other stand for it.
        COALESCE(weekend_mean, weekday_mean) AS weekend_rate,
        COALESCE(weekday_mean, weekend_mean) AS weekday_rate,
        CASE WHEN weekend_count > 0 THEN weekend_count ELSE weekday_count END AS weekend_base,
        CASE WHEN weekday_count > 0 THEN weekday_count ELSE weekend_count END AS weekday_base,
        (
            CAST(weekend_variance AS DOUBLE) * CAST(weekend_count AS DOUBLE)
            + CAST(weekday_variance AS DOUBLE) * CAST(weekday_count AS DOUBLE)
        ) / CAST(
            NULLIF(
                weekend_count + weekday_count
                - CASE WHEN weekend_count > 0 THEN 1 ELSE 0 END
                - CASE WHEN weekday_count > 0 THEN 1 ELSE 0 END,
                0
            ) AS DOUBLE
        ) AS day_variance
    FROM kinds
),

settled_views AS (
    SELECT
        time_zone,
        scope_type,
        scope_value,
        MAX(CASE WHEN is_settled THEN day_on END) AS settled_on
    FROM mart_budget_days
    GROUP BY time_zone, scope_type, scope_value
),

newest_forecasts AS (
    SELECT
        time_zone,
        scope_type,
        scope_value,
        data_through_on,
        target_on,
        p50_usd,
        through_p10_usd,
        through_p50_usd,
        through_p90_usd
    FROM core_forecast_snapshots
    WHERE data_through_on >= CAST(CAST($now AS TIMESTAMP) AS DATE) - 10
    QUALIFY
        RANK() OVER (PARTITION BY time_zone, scope_type, scope_value ORDER BY data_through_on DESC) = 1
),

-- A forecast that does not know the newest settled day is none: its place takes the mean of the days.
forecasts AS (
    SELECT
        newest_forecasts.time_zone,
        newest_forecasts.scope_type,
        newest_forecasts.scope_value,
        newest_forecasts.data_through_on,
        newest_forecasts.target_on,
        newest_forecasts.p50_usd,
        newest_forecasts.through_p10_usd,
        newest_forecasts.through_p50_usd,
        newest_forecasts.through_p90_usd
    FROM newest_forecasts
    INNER JOIN settled_views
        ON
            newest_forecasts.time_zone = settled_views.time_zone
            AND newest_forecasts.scope_type = settled_views.scope_type
            AND newest_forecasts.scope_value = settled_views.scope_value
            AND newest_forecasts.data_through_on >= settled_views.settled_on
),

-- What the days of a period still bring after the last one that the forecast knew. Where the period begins later
-- than the day after that, the days between are taken off, as if they were independent of its own.
coming AS (
    SELECT
        held_budgets.budget,
        held_budgets.period_start_on,
        at_end.data_through_on,
        at_end.through_p50_usd - COALESCE(at_start.through_p50_usd, 0) AS to_come_usd,
        CASE
            WHEN at_start.target_on IS NULL THEN CAST(at_end.through_p50_usd - at_end.through_p10_usd AS DOUBLE)
            ELSE SQRT(
                GREATEST(
                    CAST(at_end.through_p50_usd - at_end.through_p10_usd AS DOUBLE)
                    * CAST(at_end.through_p50_usd - at_end.through_p10_usd AS DOUBLE)
                    - CAST(at_start.through_p50_usd - at_start.through_p10_usd AS DOUBLE)
                    * CAST(at_start.through_p50_usd - at_start.through_p10_usd AS DOUBLE),
                    CAST(0 AS DOUBLE)
                )
            )
        END AS below,
        CASE
            WHEN at_start.target_on IS NULL THEN CAST(at_end.through_p90_usd - at_end.through_p50_usd AS DOUBLE)
            ELSE SQRT(
                GREATEST(
                    CAST(at_end.through_p90_usd - at_end.through_p50_usd AS DOUBLE)
                    * CAST(at_end.through_p90_usd - at_end.through_p50_usd AS DOUBLE)
                    - CAST(at_start.through_p90_usd - at_start.through_p50_usd AS DOUBLE)
                    * CAST(at_start.through_p90_usd - at_start.through_p50_usd AS DOUBLE),
                    CAST(0 AS DOUBLE)
                )
            )
        END AS above
    FROM held_budgets
    INNER JOIN forecasts AS at_end
        ON
            held_budgets.time_zone = at_end.time_zone
            AND held_budgets.scope_type = at_end.scope_type
            AND held_budgets.scope_value = at_end.scope_value
            AND held_budgets.period_end_on = at_end.target_on
    LEFT JOIN forecasts AS at_start
        ON
            held_budgets.time_zone = at_start.time_zone
            AND held_budgets.scope_type = at_start.scope_type
            AND held_budgets.scope_value = at_start.scope_value
            AND held_budgets.period_start_on - 1 = at_start.target_on
),

-- Every day of the period, also those that have not begun.
period_days AS (
    SELECT
        held_budgets.budget,
        held_budgets.period_start_on,
        mart_budget_days.data_through_at,
        mart_budget_days.cost_usd,
        COALESCE(mart_budget_days.has_calls AND mart_budget_days.cost_usd IS NOT NULL, FALSE) AS is_known,
        COALESCE(mart_budget_days.unpriced_count, 0) AS unpriced_count,
        COALESCE(mart_budget_days.is_settled, FALSE) AS is_settled,
        core_calendar_days.is_weekend,
        coming.data_through_on AS forecast_through_on,
        coming.to_come_usd,
        coming.below,
        coming.above,
        -- A day that has cost more than was forecast is not taken back.
        CASE
            WHEN mart_budget_days.cost_usd > forecasts.p50_usd THEN mart_budget_days.cost_usd - forecasts.p50_usd
        END AS excess_usd,
        core_calendar_days.day_on <= coming.data_through_on AS is_before_forecast,
        rates.known_count,
        rates.weekend_base,
        rates.weekday_base,
        rates.day_variance,
        -- What the day still adds: what such a day costs, less what it has cost already.
        CASE WHEN core_calendar_days.is_weekend THEN rates.weekend_rate ELSE rates.weekday_rate END
        - CAST(COALESCE(mart_budget_days.cost_usd, 0) AS DOUBLE) AS missing_cost
    FROM held_budgets
    INNER JOIN core_calendar_days
        ON
            held_budgets.time_zone = core_calendar_days.time_zone
            AND core_calendar_days.start_at >= held_budgets.start_at
            AND core_calendar_days.end_at <= held_budgets.end_at
    LEFT JOIN mart_budget_days
        ON
            held_budgets.time_zone = mart_budget_days.time_zone
            AND held_budgets.scope_type = mart_budget_days.scope_type
            AND held_budgets.scope_value = mart_budget_days.scope_value
            AND core_calendar_days.day_on = mart_budget_days.day_on
    LEFT JOIN coming
        ON held_budgets.budget = coming.budget AND held_budgets.period_start_on = coming.period_start_on
    LEFT JOIN forecasts
        ON
            held_budgets.time_zone = forecasts.time_zone
            AND held_budgets.scope_type = forecasts.scope_type
            AND held_budgets.scope_value = forecasts.scope_value
            AND core_calendar_days.day_on = forecasts.target_on
    LEFT JOIN rates
        ON
            held_budgets.time_zone = rates.time_zone
            AND held_budgets.scope_type = rates.scope_type
            AND held_budgets.scope_value = rates.scope_value
),

sums AS (
    SELECT
        budget,
        period_start_on,
        MAX(data_through_at) AS data_through_at,
        -- Idle days are zeros, but beside calls that nobody can price they are no spend.
        CASE
            WHEN SUM(unpriced_count) > 0 AND NOT BOOL_OR(is_known) THEN NULL
            ELSE SUM(CAST(cost_usd AS DECIMAL(38, 12)))
        END AS spent_usd,
        SUM(unpriced_count) AS unpriced_count,
        COALESCE(MAX(known_count), 0) AS known_count,
        MAX(weekend_base) AS weekend_base,
        MAX(weekday_base) AS weekday_base,
        MAX(day_variance) AS day_variance,
        SUM(CASE WHEN NOT is_settled AND is_weekend THEN 1 ELSE 0 END) AS open_weekends,
        SUM(CASE WHEN NOT is_settled AND NOT is_weekend THEN 1 ELSE 0 END) AS open_weekdays,
        SUM(CASE WHEN NOT is_settled AND missing_cost > 0 THEN missing_cost ELSE 0 END) AS still_to_come,
        MAX(forecast_through_on) AS forecast_through_on,
        MAX(to_come_usd) AS to_come_usd,
        MAX(below) AS below,
        MAX(above) AS above,
        SUM(CAST(excess_usd AS DECIMAL(38, 12))) AS excess_usd,
        SUM(CASE WHEN is_before_forecast THEN CAST(cost_usd AS DECIMAL(38, 12)) END) AS known_usd
    FROM period_days
    GROUP BY budget, period_start_on
),

spent AS (
    SELECT
        held_budgets.budget,
        held_budgets.period_start_on,
        CASE
            WHEN held_budgets.scope_type = 'all' THEN 'all'
            ELSE held_budgets.scope_type || '/' || held_budgets.scope_value
        END AS scope,
        held_budgets.period,
        held_budgets.time_zone,
        held_budgets.start_at,
        held_budgets.end_at,
        held_budgets.is_current,
        held_budgets.limit_usd,
        held_budgets.thresholds,
        held_budgets.forecast_thresholds,
        -- Both have six decimals at most.
        CAST(
            CAST(held_budgets.warning_ratio AS DECIMAL(9, 6)) * CAST(held_budgets.limit_usd AS DECIMAL(20, 6))
            AS DECIMAL(38, 12)
        ) AS warning_usd,
        CAST(sums.spent_usd AS DECIMAL(38, 12)) AS spent_usd,
        sums.unpriced_count,
        sums.data_through_at,
        sums.known_count,
        sums.open_weekends + sums.open_weekdays AS open_count,
        sums.still_to_come,
        sums.forecast_through_on IS NOT NULL AND sums.open_weekends + sums.open_weekdays > 0 AS is_forecast,
        CAST(
            COALESCE(sums.known_usd, 0) + sums.to_come_usd + COALESCE(sums.excess_usd, 0) AS DECIMAL(38, 12)
        ) AS forecast_usd,
        sums.below,
        sums.above,
        -- The open days vary as the settled ones did within their kind, and the means of the kinds are uncertain too.
        CAST(sums.day_variance AS DOUBLE) * CAST(
            CAST(sums.open_weekends + sums.open_weekdays AS DOUBLE)
            + CAST(sums.open_weekends AS DOUBLE) * CAST(sums.open_weekends AS DOUBLE)
            / CAST(NULLIF(sums.weekend_base, 0) AS DOUBLE)
            + CAST(sums.open_weekdays AS DOUBLE) * CAST(sums.open_weekdays AS DOUBLE)
            / CAST(NULLIF(sums.weekday_base, 0) AS DOUBLE) AS DOUBLE
        ) AS variance
    FROM held_budgets
    INNER JOIN sums
        ON held_budgets.budget = sums.budget AND held_budgets.period_start_on = sums.period_start_on
),

projected AS (
    SELECT
        budget,
        period_start_on,
        scope,
        period,
        time_zone,
        start_at,
        end_at,
        is_current,
        limit_usd,
        thresholds,
        forecast_thresholds,
        warning_usd,
        spent_usd,
        unpriced_count,
        data_through_at,
        COALESCE(is_forecast AND spent_usd IS NOT NULL, FALSE) AS is_forecast,
        CASE
            WHEN open_count = 0 OR spent_usd IS NULL THEN spent_usd
            WHEN is_forecast THEN GREATEST(forecast_usd, spent_usd)
            WHEN known_count >= 3
                THEN spent_usd + CAST(ROUND(CAST(still_to_come AS DOUBLE), 6) AS DECIMAL(38, 12))
        END AS projected_p50_usd,
        -- 1.3 more than the settled days show: of days that depend on one another, too few ranges hold.
        CASE WHEN open_count = 0 THEN 0 WHEN known_count >= 14 THEN CAST(1.3 AS DOUBLE) * CAST(SQRT(variance) AS DOUBLE) END AS spread,
        below,
        above,
        CASE
            WHEN spent_usd IS NULL THEN 'no_data'
            WHEN open_count = 0 THEN 'final'
            WHEN is_forecast THEN 'forecast'
            WHEN known_count >= 14 THEN 'projected'
            WHEN known_count >= 3 THEN 'rough'
            ELSE 'insufficient_history'
        END AS projection_state
    FROM spent
),

-- How far the limit lies from the middle, in deviations: of a forecast each side has its own.
sided AS (
    SELECT
        budget,
        period_start_on,
        scope,
        period,
        time_zone,
        start_at,
        end_at,
        is_current,
        limit_usd,
        thresholds,
        forecast_thresholds,
        warning_usd,
        spent_usd,
        unpriced_count,
        data_through_at,
        projected_p50_usd,
        projection_state,
        CASE WHEN is_forecast THEN below ELSE CAST(1.2816 AS DOUBLE) * CAST(spread AS DOUBLE) END AS below,
        CASE WHEN is_forecast THEN above ELSE CAST(1.2816 AS DOUBLE) * CAST(spread AS DOUBLE) END AS above,
        CASE
            WHEN NOT is_forecast THEN CAST(spread AS DOUBLE)
            WHEN limit_usd >= projected_p50_usd THEN CAST(above AS DOUBLE) / CAST(1.2816 AS DOUBLE)
            ELSE CAST(below AS DOUBLE) / CAST(1.2816 AS DOUBLE)
        END AS spread
    FROM projected
),

ranged AS (
    SELECT
        budget,
        period_start_on,
        scope,
        period,
        time_zone,
        start_at,
        end_at,
        is_current,
        limit_usd,
        thresholds,
        forecast_thresholds,
        warning_usd,
        spent_usd,
        unpriced_count,
        data_through_at,
        projected_p50_usd,
        projection_state,
        -- To a millionth of a dollar: what a double says beyond that depends on the order of its terms.
        projected_p50_usd - CAST(ROUND(CAST(below AS DOUBLE), 6) AS DECIMAL(38, 12)) AS low_usd,
        projected_p50_usd + CAST(ROUND(CAST(above AS DOUBLE), 6) AS DECIMAL(38, 12)) AS high_usd,
        spread,
        CASE
            WHEN spread > 0 AND projected_p50_usd IS NOT NULL
                THEN
                    GREATEST(
                        LEAST(
                            CAST(limit_usd - projected_p50_usd AS DOUBLE) / CAST(NULLIF(spread, 0) AS DOUBLE),
                            CAST(3.09 AS DOUBLE)
                        ),
                        CAST(-3.09 AS DOUBLE)
                    )
        END AS deviations
    FROM sided
)

SELECT
    budget,
    period_start_on,
    scope,
    period,
    time_zone,
    start_at,
    end_at,
    is_current,
    limit_usd,
    thresholds,
    forecast_thresholds,
    spent_usd,
    CAST(spent_usd AS DOUBLE) / CAST(NULLIF(limit_usd, 0) AS DOUBLE) AS spent_ratio,
    CAST(unpriced_count AS BIGINT) AS unpriced_count,
    CASE WHEN low_usd < spent_usd THEN spent_usd ELSE low_usd END AS projected_p10_usd,
    projected_p50_usd,
    high_usd AS projected_p90_usd,
    -- The normal distribution to three digits, by the logistic function of a cubic; never sure before it is.
    CASE
        WHEN spent_usd >= limit_usd THEN CAST(1 AS DOUBLE)
        WHEN deviations IS NOT NULL
            THEN
                ROUND(
                    1.0 / CAST(
                        1.0 + EXP(
                            CAST(1.5976 AS DOUBLE) * CAST(deviations AS DOUBLE)
                            + CAST(0.07056 AS DOUBLE)
                            * CAST(deviations AS DOUBLE) * CAST(deviations AS DOUBLE) * CAST(deviations AS DOUBLE)
                        ) AS DOUBLE
                    ),
                    3
                )
        WHEN spread = 0 AND spent_usd IS NOT NULL THEN CAST(CASE WHEN projected_p50_usd >= limit_usd THEN 1 ELSE 0 END AS DOUBLE)
    END AS breach_probability,
    projection_state,
    CASE
        WHEN spent_usd IS NULL THEN 'no_data'
        WHEN spent_usd >= limit_usd THEN 'over'
        WHEN spent_usd >= warning_usd THEN 'warning'
        ELSE 'ok'
    END AS budget_state,
    data_through_at
FROM ranged
