-- question: What did the scope of each budget cost on each day of the budget's time zone, and is the day settled?
-- grain: time_zone, scope_type, scope_value, day_on
-- sources: core_budget_periods, core_budgets, core_calendar_days, core_usage_events, mart_cost_15min, mart_settlement
-- owner: costs
WITH views AS (
    -- The period that holds now and the one before it; 64 days tell what a day costs, and hold two months.
    SELECT
        core_budgets.time_zone,
        core_budgets.scope_type,
        core_budgets.scope_value,
        LEAST(MIN(core_budget_periods.start_at), CAST($now AS TIMESTAMP) - INTERVAL '64' DAY) AS first_at
    FROM core_budgets
    INNER JOIN core_budget_periods
        ON
            core_budgets.time_zone = core_budget_periods.time_zone
            AND core_budgets.period = core_budget_periods.period
            AND COALESCE(core_budgets.start_day, 1) = core_budget_periods.start_day
    WHERE COALESCE(core_budgets.valid_to_at > core_budget_periods.start_at, TRUE)
    GROUP BY core_budgets.time_zone, core_budgets.scope_type, core_budgets.scope_value
),

bounds AS (
    SELECT CAST(MIN(first_at) AS DATE) AS first_on
    FROM views
),

view_days AS (
    SELECT
        views.time_zone,
        views.scope_type,
        views.scope_value,
        core_calendar_days.day_on,
        core_calendar_days.start_at,
        core_calendar_days.end_at,
        core_calendar_days.is_weekend
    FROM views
    INNER JOIN core_calendar_days ON views.time_zone = core_calendar_days.time_zone
    WHERE
        core_calendar_days.start_at <= CAST($now AS TIMESTAMP)
        AND core_calendar_days.end_at > views.first_at
),

-- The text of a tag as it stands in the JSON of tags, behind a brace or a comma.
scopes AS (
    SELECT
        scope_type,
        scope_value,
        '"' || SUBSTRING(scope_type, 5) || '":"' || scope_value || '"' AS tag_text
    FROM views
    GROUP BY scope_type, scope_value
),

recent_events AS (
    SELECT
        tags,
        CASE
            WHEN EXTRACT(MINUTE FROM started_at) < 15 THEN DATE_TRUNC('hour', started_at)
            WHEN EXTRACT(MINUTE FROM started_at) < 30
                THEN DATE_TRUNC('hour', started_at) + INTERVAL '15' MINUTE
            WHEN EXTRACT(MINUTE FROM started_at) < 45
                THEN DATE_TRUNC('hour', started_at) + INTERVAL '30' MINUTE
            ELSE DATE_TRUNC('hour', started_at) + INTERVAL '45' MINUTE
        END AS period_at,
        cost_usd,
        CASE
            WHEN cost_usd IS NOT NULL OR price_status NOT IN ('unpriced', 'partial', 'invalid') THEN 0
            WHEN request_count > 1 THEN request_count
            ELSE 1
        END AS unpriced_count
    FROM core_usage_events
    INNER JOIN bounds ON core_usage_events.usage_on >= bounds.first_on
    WHERE
        tags IS NOT NULL
        AND source_role = 'ledger'
),

-- There are few different tags beside many events: the text is looked for once in each.
different_tags AS (
    SELECT DISTINCT tags
    FROM recent_events
),

tagged AS (
    SELECT
        scopes.scope_type,
        scopes.scope_value,
        different_tags.tags
    FROM different_tags
    INNER JOIN scopes
        ON
            CONTAINS(different_tags.tags, '{' || scopes.tag_text)
            OR CONTAINS(different_tags.tags, ',' || scopes.tag_text)
    WHERE scopes.scope_type LIKE 'tag:%'
),

recent_quarters AS (
    SELECT
        period_at,
        provider,
        model,
        team,
        project,
        environment,
        cost_usd,
        unpriced_count
    FROM mart_cost_15min
    INNER JOIN bounds ON mart_cost_15min.usage_on >= bounds.first_on
),

-- Days of every time zone begin with a quarter of an hour: quarters hold their spend exactly.
scope_quarters AS (
    SELECT
        scopes.scope_type,
        scopes.scope_value,
        recent_quarters.period_at,
        SUM(CAST(recent_quarters.cost_usd AS DECIMAL(38, 12))) AS cost_usd,
        SUM(recent_quarters.unpriced_count) AS unpriced_count
    FROM recent_quarters
    INNER JOIN scopes ON scopes.scope_type = 'all'
    GROUP BY scopes.scope_type, scopes.scope_value, recent_quarters.period_at
    UNION ALL
    SELECT
        scopes.scope_type,
        scopes.scope_value,
        recent_quarters.period_at,
        SUM(CAST(recent_quarters.cost_usd AS DECIMAL(38, 12))) AS cost_usd,
        SUM(recent_quarters.unpriced_count) AS unpriced_count
    FROM recent_quarters
    INNER JOIN scopes ON recent_quarters.provider = scopes.scope_value AND scopes.scope_type = 'provider'
    GROUP BY scopes.scope_type, scopes.scope_value, recent_quarters.period_at
    UNION ALL
    SELECT
        scopes.scope_type,
        scopes.scope_value,
        recent_quarters.period_at,
        SUM(CAST(recent_quarters.cost_usd AS DECIMAL(38, 12))) AS cost_usd,
        SUM(recent_quarters.unpriced_count) AS unpriced_count
    FROM recent_quarters
    INNER JOIN scopes ON recent_quarters.model = scopes.scope_value AND scopes.scope_type = 'model'
    GROUP BY scopes.scope_type, scopes.scope_value, recent_quarters.period_at
    UNION ALL
    SELECT
        scopes.scope_type,
        scopes.scope_value,
        recent_quarters.period_at,
        SUM(CAST(recent_quarters.cost_usd AS DECIMAL(38, 12))) AS cost_usd,
        SUM(recent_quarters.unpriced_count) AS unpriced_count
    FROM recent_quarters
    INNER JOIN scopes ON recent_quarters.team = scopes.scope_value AND scopes.scope_type = 'team'
    GROUP BY scopes.scope_type, scopes.scope_value, recent_quarters.period_at
    UNION ALL
    SELECT
        scopes.scope_type,
        scopes.scope_value,
        recent_quarters.period_at,
        SUM(CAST(recent_quarters.cost_usd AS DECIMAL(38, 12))) AS cost_usd,
        SUM(recent_quarters.unpriced_count) AS unpriced_count
    FROM recent_quarters
    INNER JOIN scopes ON recent_quarters.project = scopes.scope_value AND scopes.scope_type = 'project'
    GROUP BY scopes.scope_type, scopes.scope_value, recent_quarters.period_at
    UNION ALL
    SELECT
        scopes.scope_type,
        scopes.scope_value,
        recent_quarters.period_at,
        SUM(CAST(recent_quarters.cost_usd AS DECIMAL(38, 12))) AS cost_usd,
        SUM(recent_quarters.unpriced_count) AS unpriced_count
    FROM recent_quarters
    INNER JOIN scopes ON recent_quarters.environment = scopes.scope_value AND scopes.scope_type = 'environment'
    GROUP BY scopes.scope_type, scopes.scope_value, recent_quarters.period_at
    UNION ALL
    SELECT
        tagged.scope_type,
        tagged.scope_value,
        recent_events.period_at,
        SUM(CAST(recent_events.cost_usd AS DECIMAL(38, 12))) AS cost_usd,
        SUM(recent_events.unpriced_count) AS unpriced_count
    FROM recent_events
    INNER JOIN tagged ON recent_events.tags = tagged.tags
    GROUP BY tagged.scope_type, tagged.scope_value, recent_events.period_at
),

spent_days AS (
    SELECT
        view_days.time_zone,
        view_days.scope_type,
        view_days.scope_value,
        view_days.day_on,
        SUM(CAST(scope_quarters.cost_usd AS DECIMAL(38, 12))) AS known_cost_usd,
        SUM(scope_quarters.unpriced_count) AS unpriced_count
    FROM view_days
    INNER JOIN scope_quarters
        ON
            view_days.scope_type = scope_quarters.scope_type
            AND view_days.scope_value = scope_quarters.scope_value
            AND scope_quarters.period_at >= view_days.start_at
            AND scope_quarters.period_at < view_days.end_at
    GROUP BY view_days.time_zone, view_days.scope_type, view_days.scope_value, view_days.day_on
),

whole AS (
    SELECT
        data_through_at,
        settled_through_at
    FROM mart_settlement
    WHERE scope_type = 'all'
),

-- A tag, and a scope without calls of late, is settled when everything is.
settled_scopes AS (
    SELECT
        scopes.scope_type,
        scopes.scope_value,
        CASE
            WHEN mart_settlement.scope_type IS NULL THEN whole.data_through_at
            ELSE mart_settlement.data_through_at
        END AS data_through_at,
        CASE
            WHEN mart_settlement.scope_type IS NULL THEN whole.settled_through_at
            ELSE mart_settlement.settled_through_at
        END AS settled_through_at
    FROM scopes
    LEFT JOIN whole ON TRUE
    LEFT JOIN mart_settlement
        ON scopes.scope_type = mart_settlement.scope_type AND scopes.scope_value = mart_settlement.scope_value
)

SELECT
    view_days.time_zone,
    view_days.scope_type,
    view_days.scope_value,
    view_days.day_on,
    view_days.is_weekend,
    -- A day without calls is a zero once it was collected, and so is one that a subscription paid.
    CASE
        WHEN spent_days.day_on IS NULL AND settled_scopes.data_through_at > view_days.start_at
            THEN CAST(0 AS DECIMAL(38, 12))
        WHEN spent_days.known_cost_usd IS NULL AND spent_days.unpriced_count = 0 THEN CAST(0 AS DECIMAL(38, 12))
        ELSE CAST(spent_days.known_cost_usd AS DECIMAL(38, 12))
    END AS cost_usd,
    CAST(COALESCE(spent_days.unpriced_count, 0) AS BIGINT) AS unpriced_count,
    spent_days.day_on IS NOT NULL AS has_calls,
    COALESCE(view_days.end_at < settled_scopes.settled_through_at, FALSE) AS is_settled,
    settled_scopes.data_through_at
FROM view_days
INNER JOIN settled_scopes
    ON view_days.scope_type = settled_scopes.scope_type AND view_days.scope_value = settled_scopes.scope_value
LEFT JOIN spent_days
    ON
        view_days.time_zone = spent_days.time_zone
        AND view_days.scope_type = spent_days.scope_type
        AND view_days.scope_value = spent_days.scope_value
        AND view_days.day_on = spent_days.day_on
