-- question: Why did the spend of each scope change from one period to the next?
-- grain: scope_type, scope_value, period_pair, effect, provider, model, team
-- sources: mart_cost_parts, mart_settlement
-- owner: costs
WITH day_parts AS (
    SELECT
        usage_on,
        provider,
        model,
        team,
        route,
        price_tier,
        part,
        SUM(quantity) AS quantity,
        SUM(CAST(COALESCE(cost_usd, 0) AS DECIMAL(38, 12))) AS cost_usd
    FROM mart_cost_parts
    GROUP BY usage_on, provider, model, team, route, price_tier, part
),

scope_parts AS (
    SELECT
        'all' AS scope_type,
        'all' AS scope_value,
        usage_on, provider, model, team, route, price_tier, part, quantity, cost_usd
    FROM day_parts
    UNION ALL
    SELECT
        'provider' AS scope_type,
        provider AS scope_value,
        usage_on, provider, model, team, route, price_tier, part, quantity, cost_usd
    FROM day_parts
    UNION ALL
    SELECT
        'team' AS scope_type,
        team AS scope_value,
        usage_on, provider, model, team, route, price_tier, part, quantity, cost_usd
    FROM day_parts
),

whole AS (
    SELECT settled_through_on
    FROM mart_settlement
    WHERE scope_type = 'all'
),

-- A scope without calls of late is settled when everything is.
scopes AS (
    SELECT
        scope_parts.scope_type,
        scope_parts.scope_value,
        MAX(
            CASE
                WHEN mart_settlement.scope_type IS NULL THEN whole.settled_through_on
                ELSE mart_settlement.settled_through_on
            END
        ) AS last_on
    FROM scope_parts
    CROSS JOIN whole
    LEFT JOIN mart_settlement
        ON
            scope_parts.scope_type = mart_settlement.scope_type
            AND scope_parts.scope_value = mart_settlement.scope_value
    GROUP BY scope_parts.scope_type, scope_parts.scope_value
),

months AS (
    SELECT
        scope_type,
        scope_value,
        last_on,
        CAST(DATE_TRUNC('month', CAST(last_on AS TIMESTAMP)) AS DATE) AS month_start_on,
        CAST(DATE_TRUNC('month', CAST(last_on AS TIMESTAMP) - INTERVAL '1' MONTH) AS DATE) AS month_before_on
    FROM scopes
),

periods AS (
    SELECT
        scope_type,
        scope_value,
        'day' AS period_pair,
        last_on AS start_on,
        last_on AS end_on,
        last_on - 7 AS before_start_on,
        last_on - 7 AS before_end_on
    FROM months
    UNION ALL
    SELECT
        scope_type,
        scope_value,
        'week' AS period_pair,
        last_on - 6 AS start_on,
        last_on AS end_on,
        last_on - 13 AS before_start_on,
        last_on - 7 AS before_end_on
    FROM months
    UNION ALL
    SELECT
        scope_type,
        scope_value,
        'four_weeks' AS period_pair,
        last_on - 27 AS start_on,
        last_on AS end_on,
        last_on - 55 AS before_start_on,
        last_on - 28 AS before_end_on
    FROM months
    UNION ALL
    -- The month before may be too short to have the same days.
    SELECT
        scope_type,
        scope_value,
        'month_to_date' AS period_pair,
        month_start_on AS start_on,
        last_on AS end_on,
        month_before_on AS before_start_on,
        CAST(CAST(last_on AS TIMESTAMP) - INTERVAL '1' MONTH AS DATE) AS before_end_on
    FROM months
),

first_day AS (
    SELECT MIN(usage_on) AS first_on
    FROM day_parts
),

-- Only periods that the history covers are compared.
covered_periods AS (
    SELECT
        periods.scope_type,
        periods.scope_value,
        periods.period_pair,
        periods.start_on,
        periods.end_on,
        periods.before_start_on,
        periods.before_end_on
    FROM periods
    INNER JOIN first_day ON periods.before_start_on >= first_day.first_on
),

compared_parts AS (
    SELECT
        covered_periods.scope_type,
        covered_periods.scope_value,
        covered_periods.period_pair,
        covered_periods.before_start_on,
        covered_periods.before_end_on,
        covered_periods.start_on,
        covered_periods.end_on,
        scope_parts.provider,
        scope_parts.model,
        scope_parts.team,
        scope_parts.route,
        scope_parts.price_tier,
        scope_parts.part,
        SUM(CASE WHEN scope_parts.usage_on < covered_periods.start_on THEN scope_parts.quantity ELSE 0 END)
            AS before_quantity,
        SUM(CASE WHEN scope_parts.usage_on < covered_periods.start_on THEN 0 ELSE scope_parts.quantity END)
            AS after_quantity,
        SUM(CASE WHEN scope_parts.usage_on < covered_periods.start_on THEN scope_parts.cost_usd ELSE 0 END)
            AS before_usd,
        SUM(CASE WHEN scope_parts.usage_on < covered_periods.start_on THEN 0 ELSE scope_parts.cost_usd END)
            AS after_usd
    FROM covered_periods
    INNER JOIN scope_parts
        ON
            covered_periods.scope_type = scope_parts.scope_type
            AND covered_periods.scope_value = scope_parts.scope_value
            AND scope_parts.usage_on BETWEEN covered_periods.before_start_on AND covered_periods.end_on
    WHERE
        scope_parts.usage_on <= covered_periods.before_end_on
        OR scope_parts.usage_on >= covered_periods.start_on
    GROUP BY
        covered_periods.scope_type,
        covered_periods.scope_value,
        covered_periods.period_pair,
        covered_periods.before_start_on,
        covered_periods.before_end_on,
        covered_periods.start_on,
        covered_periods.end_on,
        scope_parts.provider,
        scope_parts.model,
        scope_parts.team,
        scope_parts.route,
        scope_parts.price_tier,
        scope_parts.part
),

-- What follows is the same for any two periods.
-- What was bought at the rates of the period before: a part that has a rate there is held against it.
rated_parts AS (
    SELECT
        scope_type, scope_value, period_pair, before_start_on, before_end_on, start_on, end_on,
        provider, model, team, part, before_quantity, after_quantity, before_usd, after_usd,
        CASE
            WHEN part IN ('call', 'other', 'unpriced') OR before_quantity <= 0 OR after_quantity <= 0 THEN after_usd
            WHEN before_quantity = after_quantity THEN before_usd
            ELSE CAST(
                CAST(before_usd AS DOUBLE) * CAST(after_quantity AS DOUBLE) / CAST(NULLIF(before_quantity, 0) AS DOUBLE)
                AS DECIMAL(38, 12)
            )
        END AS old_rate_usd
    FROM compared_parts
),

-- Costs are rounded call by call: what differs by less than a millionth is no other price.
cells AS (
    SELECT
        scope_type, scope_value, period_pair, before_start_on, before_end_on, start_on, end_on,
        provider, model, team,
        SUM(CAST(before_usd AS DECIMAL(38, 12))) AS before_usd,
        SUM(CAST(after_usd AS DECIMAL(38, 12))) AS after_usd,
        SUM(CASE WHEN part = 'call' THEN before_quantity ELSE 0 END) AS before_calls,
        SUM(CASE WHEN part = 'call' THEN after_quantity ELSE 0 END) AS after_calls,
        CAST(SUM(CASE WHEN part = 'unpriced' THEN before_quantity ELSE 0 END) AS BIGINT) AS unpriced_before_count,
        CAST(SUM(CASE WHEN part = 'unpriced' THEN after_quantity ELSE 0 END) AS BIGINT) AS unpriced_after_count,
        SUM(
            CASE
                WHEN CAST(ABS(after_usd - old_rate_usd) AS DOUBLE) * 1000000 <= CAST(ABS(after_usd) AS DOUBLE) THEN 0
                ELSE CAST(after_usd - old_rate_usd AS DECIMAL(38, 12))
            END
        ) AS price_usd
    FROM rated_parts
    GROUP BY
        scope_type, scope_value, period_pair, before_start_on, before_end_on, start_on, end_on,
        provider, model, team
),

told_cells AS (
    SELECT
        scope_type, scope_value, period_pair, before_start_on, before_end_on, start_on, end_on,
        provider, model, team, before_usd, after_usd, before_calls, after_calls, unpriced_before_count,
        unpriced_after_count, price_usd,
        before_calls = 0 AND before_usd = 0 AS is_new,
        after_calls = 0 AND after_usd = 0 AS is_gone,
        SUM(after_usd - before_usd) OVER (PARTITION BY scope_type, scope_value, period_pair) AS change_usd
    FROM cells
),

volumes AS (
    SELECT
        scope_type,
        scope_value,
        period_pair,
        SUM(before_calls) AS before_calls,
        SUM(after_calls) AS after_calls
    FROM told_cells
    WHERE NOT is_new AND NOT is_gone
    GROUP BY scope_type, scope_value, period_pair
),

-- Calls of all that goes on, at what a call cost before; whatever is left of the change is the mix.
kept_cells AS (
    SELECT
        told_cells.scope_type, told_cells.scope_value, told_cells.period_pair, told_cells.before_start_on,
        told_cells.before_end_on, told_cells.start_on, told_cells.end_on, told_cells.provider, told_cells.model,
        told_cells.team, told_cells.before_usd, told_cells.after_usd, told_cells.unpriced_before_count,
        told_cells.unpriced_after_count, told_cells.change_usd,
        CAST(told_cells.price_usd AS DECIMAL(38, 12)) AS price_usd,
        CASE
            WHEN volumes.before_calls > 0 AND volumes.after_calls <> volumes.before_calls
                THEN CAST(
                    CAST(told_cells.before_usd AS DOUBLE)
                    * CAST(volumes.after_calls - volumes.before_calls AS DOUBLE)
                    / CAST(NULLIF(volumes.before_calls, 0) AS DOUBLE) AS DECIMAL(38, 12)
                )
            ELSE CAST(0 AS DECIMAL(38, 12))
        END AS volume_usd
    FROM told_cells
    INNER JOIN volumes
        ON
            told_cells.scope_type = volumes.scope_type
            AND told_cells.scope_value = volumes.scope_value
            AND told_cells.period_pair = volumes.period_pair
    WHERE NOT told_cells.is_new AND NOT told_cells.is_gone
),

effects AS (
    SELECT
        scope_type, scope_value, period_pair, before_start_on, before_end_on, start_on, end_on,
        'price' AS effect,
        provider, model, team, price_usd AS amount_usd, before_usd, after_usd, change_usd,
        unpriced_before_count, unpriced_after_count
    FROM kept_cells
    WHERE price_usd <> 0
    UNION ALL
    SELECT
        scope_type, scope_value, period_pair, before_start_on, before_end_on, start_on, end_on,
        'volume' AS effect,
        provider, model, team, volume_usd AS amount_usd, before_usd, after_usd, change_usd,
        unpriced_before_count, unpriced_after_count
    FROM kept_cells
    WHERE volume_usd <> 0
    UNION ALL
    SELECT
        scope_type, scope_value, period_pair, before_start_on, before_end_on, start_on, end_on,
        'mix' AS effect,
        provider, model, team, after_usd - before_usd - price_usd - volume_usd AS amount_usd, before_usd, after_usd,
        change_usd, unpriced_before_count, unpriced_after_count
    FROM kept_cells
    WHERE after_usd - before_usd - price_usd - volume_usd <> 0
    UNION ALL
    SELECT
        scope_type, scope_value, period_pair, before_start_on, before_end_on, start_on, end_on,
        'new' AS effect,
        provider, model, team, after_usd AS amount_usd, before_usd, after_usd, change_usd,
        unpriced_before_count, unpriced_after_count
    FROM told_cells
    WHERE is_new AND NOT is_gone AND after_usd <> 0
    UNION ALL
    SELECT
        scope_type, scope_value, period_pair, before_start_on, before_end_on, start_on, end_on,
        'gone' AS effect,
        provider, model, team, -before_usd AS amount_usd, before_usd, after_usd, change_usd,
        unpriced_before_count, unpriced_after_count
    FROM told_cells
    WHERE is_gone AND NOT is_new AND before_usd <> 0
    UNION ALL
    SELECT
        scope_type, scope_value, period_pair, before_start_on, before_end_on, start_on, end_on,
        'unknown' AS effect,
        provider, model, team, CAST(NULL AS DECIMAL(38, 12)) AS amount_usd, before_usd, after_usd, change_usd,
        unpriced_before_count, unpriced_after_count
    FROM told_cells
    WHERE unpriced_before_count > 0 OR unpriced_after_count > 0
)

SELECT
    scope_type,
    scope_value,
    period_pair,
    effect,
    provider,
    model,
    team,
    provider || '/' || model || CASE WHEN team = '(none)' THEN '' ELSE ' of ' || team END AS subject,
    CAST(amount_usd AS DECIMAL(38, 12)) AS amount_usd,
    CAST(before_usd AS DECIMAL(38, 12)) AS before_usd,
    CAST(after_usd AS DECIMAL(38, 12)) AS after_usd,
    CAST(change_usd AS DECIMAL(38, 12)) AS change_usd,
    CAST(unpriced_before_count AS BIGINT) AS unpriced_before_count,
    CAST(unpriced_after_count AS BIGINT) AS unpriced_after_count,
    before_start_on,
    before_end_on,
    start_on,
    end_on
FROM effects
