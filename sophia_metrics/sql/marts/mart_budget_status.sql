-- question: How does each budget stand, and where will its period end?
-- grain: budget, period_start_on
-- sources: core_budgets, core_calendar_days, mart_budget_days
-- owner: costs
WITH begun_periods AS (
    SELECT
        time_zone,
        'day' AS period,
        day_on AS period_start_on,
        start_at,
        end_at
    FROM core_calendar_days
    WHERE start_at <= CAST($now AS TIMESTAMP)
    UNION ALL
    SELECT
        time_zone,
        'month' AS period,
        month_on AS period_start_on,
        MIN(start_at) AS start_at,
        MAX(end_at) AS end_at
    FROM core_calendar_days
    GROUP BY time_zone, month_on
    HAVING MIN(start_at) <= CAST($now AS TIMESTAMP) AND MIN(day_on) = month_on
),

-- The period that holds now, and the one before it.
periods AS (
    SELECT
        time_zone,
        period,
        period_start_on,
        start_at,
        end_at,
        end_at > CAST($now AS TIMESTAMP) AS is_current
    FROM begun_periods
    QUALIFY ROW_NUMBER() OVER (PARTITION BY time_zone, period ORDER BY period_start_on DESC) <= 2
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
        periods.period_start_on,
        periods.start_at,
        periods.end_at,
        periods.is_current
    FROM core_budgets
    INNER JOIN periods ON core_budgets.time_zone = periods.time_zone AND core_budgets.period = periods.period
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
        SUM(CASE WHEN NOT is_settled AND missing_cost > 0 THEN missing_cost ELSE 0 END) AS still_to_come
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
        warning_usd,
        spent_usd,
        unpriced_count,
        data_through_at,
        CASE
            WHEN open_count = 0 THEN spent_usd
            WHEN known_count >= 3 THEN spent_usd + CAST(still_to_come AS DECIMAL(38, 12))
        END AS projected_p50_usd,
        -- 1.3 more than the settled days show: of days that depend on one another, too few ranges hold.
        CASE WHEN open_count = 0 THEN 0 WHEN known_count >= 14 THEN CAST(1.3 AS DOUBLE) * CAST(SQRT(variance) AS DOUBLE) END AS spread,
        CASE
            WHEN spent_usd IS NULL THEN 'no_data'
            WHEN open_count = 0 THEN 'final'
            WHEN known_count >= 14 THEN 'projected'
            WHEN known_count >= 3 THEN 'rough'
            ELSE 'insufficient_history'
        END AS projection_state
    FROM spent
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
        warning_usd,
        spent_usd,
        unpriced_count,
        data_through_at,
        projected_p50_usd,
        projection_state,
        projected_p50_usd - CAST(CAST(1.2816 AS DOUBLE) * CAST(spread AS DOUBLE) AS DECIMAL(38, 12)) AS low_usd,
        projected_p50_usd + CAST(CAST(1.2816 AS DOUBLE) * CAST(spread AS DOUBLE) AS DECIMAL(38, 12)) AS high_usd,
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
    FROM projected
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
