-- question: What did we compute, what did sources report, and what is billed, by day, and what may part them?
-- grain: usage_on, provider, account_id, model
-- sources: core_usage_events, core_usage_units, core_invoice_lines, core_sellers
-- owner: invoices
WITH spelled_calls AS (
    SELECT
        event_id,
        usage_on,
        source,
        source_role,
        LOWER(REPLACE(REPLACE(REPLACE(provider, '.', '-'), '_', '-'), ' ', '-')) AS maker_spelling,
        LOWER(REPLACE(REPLACE(REPLACE(NULLIF(route, ''), '.', '-'), '_', '-'), ' ', '-')) AS route_spelling,
        CASE
            WHEN CONTAINS(model, '/')
                THEN LOWER(REPLACE(REPLACE(REPLACE(SPLIT_PART(model, '/', 1), '.', '-'), '_', '-'), ' ', '-'))
        END AS model_spelling,
        account_id,
        model,
        request_count,
        cost_computed_usd,
        cost_reported_usd,
        -- A bucket that does not say how many calls it holds still is one.
        CASE WHEN request_count > 1 THEN request_count ELSE 1 END AS call_count,
        price_status = 'subscription' AS is_subscription,
        cost_computed_usd IS NULL AND price_status IN ('unpriced', 'partial', 'invalid', 'priced') AS is_unpriced,
        usage_quality = 'tier_unknown' AS is_tier_unknown
    FROM core_usage_events
),

-- Calls are on the bill of who sells them. A route that only passes calls on sells nothing; a model's name may begin
-- with who resells it.
calls AS (
    SELECT
        spelled_calls.event_id,
        spelled_calls.usage_on,
        spelled_calls.source,
        spelled_calls.source_role,
        CASE
            WHEN spelled_calls.route_spelling IS NULL AND resellers.is_reseller THEN resellers.seller
            WHEN spelled_calls.route_spelling IS NULL OR routes.is_pass_through
                THEN COALESCE(makers.seller, spelled_calls.maker_spelling)
            ELSE COALESCE(routes.seller, spelled_calls.route_spelling)
        END AS provider,
        COALESCE(makers.seller, spelled_calls.maker_spelling) AS maker,
        spelled_calls.account_id,
        spelled_calls.model,
        spelled_calls.request_count,
        spelled_calls.cost_computed_usd,
        spelled_calls.cost_reported_usd,
        spelled_calls.call_count,
        spelled_calls.is_subscription,
        spelled_calls.is_unpriced,
        spelled_calls.is_tier_unknown
    FROM spelled_calls
    LEFT JOIN core_sellers AS makers ON spelled_calls.maker_spelling = makers.spelling
    LEFT JOIN core_sellers AS routes ON spelled_calls.route_spelling = routes.spelling
    LEFT JOIN core_sellers AS resellers ON spelled_calls.model_spelling = resellers.spelling
),

-- A line of more than a day cannot be held against one: it stays in core_invoice_lines.
spelled_bills AS (
    SELECT
        charge_on AS usage_on,
        LOWER(REPLACE(REPLACE(REPLACE(provider, '.', '-'), '_', '-'), ' ', '-')) AS seller_spelling,
        account_id,
        model,
        billed_cost_usd,
        billed_cost,
        COALESCE(cost_type IN ('web_search', 'code_execution', 'file_search', 'tool'), FALSE) AS is_tool,
        settles_at
    FROM core_invoice_lines
    WHERE is_usage AND removed_at IS NULL AND charge_end_at <= charge_start_at + INTERVAL '25' HOUR
),

bills AS (
    SELECT
        spelled_bills.usage_on,
        COALESCE(sellers.seller, spelled_bills.seller_spelling) AS provider,
        spelled_bills.account_id,
        spelled_bills.model,
        spelled_bills.billed_cost_usd,
        spelled_bills.billed_cost,
        spelled_bills.is_tool,
        spelled_bills.settles_at
    FROM spelled_bills
    LEFT JOIN core_sellers AS sellers ON spelled_bills.seller_spelling = sellers.spelling
),

told_accounts AS (
    SELECT
        usage_on,
        provider,
        account_id
    FROM calls
    WHERE source_role = 'ledger'
    UNION ALL
    SELECT
        usage_on,
        provider,
        account_id
    FROM bills
),

account_levels AS (
    SELECT
        usage_on,
        provider,
        CASE
            WHEN COUNT(account_id) = 0 THEN '(none)'
            WHEN COUNT(account_id) < COUNT(*) THEN '(all)'
        END AS account_level
    FROM told_accounts
    GROUP BY usage_on, provider
),

placed_calls AS (
    SELECT
        calls.event_id,
        calls.usage_on,
        calls.source,
        calls.source_role,
        calls.provider,
        COALESCE(account_levels.account_level, calls.account_id, '(none)') AS account_id,
        calls.account_id AS told_account_id,
        calls.maker,
        calls.model,
        calls.request_count,
        calls.cost_computed_usd,
        calls.cost_reported_usd,
        calls.call_count,
        calls.is_subscription,
        calls.is_unpriced,
        calls.is_tier_unknown
    FROM calls
    LEFT JOIN account_levels
        ON calls.usage_on = account_levels.usage_on AND calls.provider = account_levels.provider
),

placed_bills AS (
    SELECT
        bills.usage_on,
        bills.provider,
        COALESCE(account_levels.account_level, bills.account_id, '(none)') AS account_id,
        bills.model,
        bills.billed_cost_usd,
        bills.billed_cost,
        bills.is_tool,
        bills.settles_at
    FROM bills
    INNER JOIN account_levels
        ON bills.usage_on = account_levels.usage_on AND bills.provider = account_levels.provider
),

billed_accounts AS (
    SELECT
        usage_on,
        provider,
        account_id,
        COUNT(model) < COUNT(*) AS has_unnamed_model,
        MAX(settles_at) AS settles_at
    FROM placed_bills
    GROUP BY usage_on, provider, account_id
),

-- Two sources tell of the same calls only where they tell of the same provider's, sold by the same one.
ledger_accounts AS (
    SELECT DISTINCT
        usage_on,
        provider,
        account_id,
        told_account_id,
        maker,
        source
    FROM placed_calls
    WHERE source_role = 'ledger'
),

-- Who tells no account may tell of the calls of any.
shared_accounts AS (
    SELECT
        usage_on,
        provider,
        account_id,
        source,
        COUNT(*) OVER (PARTITION BY usage_on, provider, account_id, maker, told_account_id) > 1
        OR (
            SUM(CASE WHEN told_account_id IS NULL THEN 1 ELSE 0 END)
                OVER (PARTITION BY usage_on, provider, account_id, maker) > 0
            AND MIN(source) OVER (PARTITION BY usage_on, provider, account_id, maker)
            < MAX(source) OVER (PARTITION BY usage_on, provider, account_id, maker)
        ) AS is_shared
    FROM ledger_accounts
),

told_sources AS (
    SELECT
        usage_on,
        provider,
        account_id,
        source,
        MAX(CASE WHEN is_shared THEN 1 ELSE 0 END) AS shared_count
    FROM shared_accounts
    GROUP BY usage_on, provider, account_id, source
),

called_accounts AS (
    SELECT
        usage_on,
        provider,
        account_id,
        CASE WHEN SUM(shared_count) > 1 THEN SUM(shared_count) ELSE 1 END AS ledger_source_count,
        CASE WHEN SUM(shared_count) > 1 THEN SUM(shared_count) ELSE COUNT(*) END AS named_count,
        CASE
            WHEN SUM(shared_count) > 1 THEN MIN(CASE WHEN shared_count = 1 THEN source END)
            ELSE MIN(source)
        END AS first_source,
        CASE
            WHEN SUM(shared_count) > 1 THEN MAX(CASE WHEN shared_count = 1 THEN source END)
            ELSE MAX(source)
        END AS last_source
    FROM told_sources
    GROUP BY usage_on, provider, account_id
),

named_models AS (
    SELECT
        usage_on,
        provider,
        account_id,
        model,
        CASE WHEN source_role = 'ledger' THEN 1 ELSE 0 END AS is_called,
        0 AS is_billed
    FROM placed_calls
    UNION ALL
    SELECT
        usage_on,
        provider,
        account_id,
        COALESCE(model, '(all)') AS model,
        0 AS is_called,
        1 AS is_billed
    FROM placed_bills
),

models AS (
    SELECT
        usage_on,
        provider,
        account_id,
        model,
        MAX(is_called) AS is_called,
        MAX(is_billed) AS is_billed
    FROM named_models
    GROUP BY usage_on, provider, account_id, model
),

-- Where both sides name a model that the other does not, they may mean the same one by other names.
strangers AS (
    SELECT
        usage_on,
        provider,
        account_id,
        SUM(CASE WHEN is_called = 1 AND is_billed = 0 THEN 1 ELSE 0 END) > 0
        AND SUM(CASE WHEN is_billed = 1 AND is_called = 0 THEN 1 ELSE 0 END) > 0 AS are_together
    FROM models
    GROUP BY usage_on, provider, account_id
),

places AS (
    SELECT
        models.usage_on,
        models.provider,
        models.account_id,
        models.model,
        CASE
            WHEN COALESCE(billed_accounts.has_unnamed_model, FALSE) THEN '(all)'
            WHEN strangers.are_together AND models.is_called + models.is_billed = 1 THEN '(other)'
            ELSE models.model
        END AS place
    FROM models
    INNER JOIN strangers
        ON
            models.usage_on = strangers.usage_on
            AND models.provider = strangers.provider
            AND models.account_id = strangers.account_id
    LEFT JOIN billed_accounts
        ON
            models.usage_on = billed_accounts.usage_on
            AND models.provider = billed_accounts.provider
            AND models.account_id = billed_accounts.account_id
),

compared_sources AS (
    SELECT
        placed_calls.usage_on,
        placed_calls.provider,
        placed_calls.account_id,
        places.place,
        placed_calls.source,
        SUM(
            CAST(COALESCE(placed_calls.cost_reported_usd, placed_calls.cost_computed_usd) AS DECIMAL(38, 12))
        ) AS compared_usd
    FROM placed_calls
    INNER JOIN places
        ON
            placed_calls.usage_on = places.usage_on
            AND placed_calls.provider = places.provider
            AND placed_calls.account_id = places.account_id
            AND placed_calls.model = places.model
    WHERE placed_calls.source_role = 'reconcile'
    GROUP BY
        placed_calls.usage_on, placed_calls.provider, placed_calls.account_id, places.place, placed_calls.source
),

compared AS (
    SELECT
        usage_on,
        provider,
        account_id,
        place,
        MAX(compared_usd) AS compared_usd
    FROM compared_sources
    GROUP BY usage_on, provider, account_id, place
),

tool_units AS (
    SELECT
        event_id,
        COUNT(*) AS unit_count
    FROM core_usage_units
    WHERE
        unit IN (
            'web_searches', 'web_search_calls', 'search_results', 'server_tool_calls', 'code_executions',
            'code_interpreter_sessions', 'file_searches', 'file_search_calls'
        )
    GROUP BY event_id
),

computed AS (
    SELECT
        placed_calls.usage_on,
        placed_calls.provider,
        placed_calls.account_id,
        places.place,
        SUM(CAST(placed_calls.cost_computed_usd AS DECIMAL(38, 12))) AS computed_usd,
        SUM(CAST(placed_calls.cost_reported_usd AS DECIMAL(38, 12))) AS reported_usd,
        SUM(placed_calls.request_count) AS request_count,
        SUM(CASE WHEN placed_calls.is_unpriced THEN placed_calls.call_count ELSE 0 END) AS unpriced_count,
        SUM(CASE WHEN placed_calls.is_subscription THEN placed_calls.call_count ELSE 0 END) AS subscription_count,
        SUM(CASE WHEN placed_calls.is_tier_unknown THEN placed_calls.call_count ELSE 0 END) AS tier_unknown_count,
        SUM(tool_units.unit_count) AS tool_unit_count
    FROM placed_calls
    INNER JOIN places
        ON
            placed_calls.usage_on = places.usage_on
            AND placed_calls.provider = places.provider
            AND placed_calls.account_id = places.account_id
            AND placed_calls.model = places.model
    LEFT JOIN tool_units ON placed_calls.event_id = tool_units.event_id
    WHERE placed_calls.source_role = 'ledger'
    GROUP BY placed_calls.usage_on, placed_calls.provider, placed_calls.account_id, places.place
),

invoiced AS (
    SELECT
        placed_bills.usage_on,
        placed_bills.provider,
        placed_bills.account_id,
        places.place,
        SUM(CAST(placed_bills.billed_cost_usd AS DECIMAL(38, 12))) AS invoiced_usd,
        SUM(CASE WHEN placed_bills.is_tool THEN CAST(placed_bills.billed_cost_usd AS DECIMAL(38, 12)) END)
            AS tool_invoiced_usd,
        SUM(
            CASE WHEN placed_bills.billed_cost IS NOT NULL AND placed_bills.billed_cost_usd IS NULL THEN 1 ELSE 0 END
        ) AS unconverted_count
    FROM placed_bills
    INNER JOIN places
        ON
            placed_bills.usage_on = places.usage_on
            AND placed_bills.provider = places.provider
            AND placed_bills.account_id = places.account_id
            AND COALESCE(placed_bills.model, '(all)') = places.model
    GROUP BY placed_bills.usage_on, placed_bills.provider, placed_bills.account_id, places.place
),

cells AS (
    SELECT DISTINCT
        usage_on,
        provider,
        account_id,
        place
    FROM places
)

SELECT
    cells.usage_on,
    cells.provider,
    cells.account_id,
    cells.place AS model,
    -- No call of a ledger is a zero; calls without a known cost are unknown.
    CASE WHEN computed.request_count IS NULL THEN 0 ELSE computed.computed_usd END AS computed_usd,
    computed.reported_usd,
    -- A bill that does not name a model bills nothing for it.
    CASE
        WHEN invoiced.place IS NOT NULL THEN invoiced.invoiced_usd
        WHEN billed_accounts.account_id IS NOT NULL THEN 0
    END AS invoiced_usd,
    compared.compared_usd,
    CAST(COALESCE(computed.request_count, 0) AS BIGINT) AS request_count,
    CAST(COALESCE(computed.unpriced_count, 0) AS BIGINT) AS unpriced_count,
    CAST(COALESCE(computed.subscription_count, 0) AS BIGINT) AS subscription_count,
    CAST(COALESCE(computed.tier_unknown_count, 0) AS BIGINT) AS tier_unknown_count,
    CAST(COALESCE(called_accounts.ledger_source_count, 0) AS BIGINT) AS ledger_source_count,
    CASE
        WHEN called_accounts.named_count = 1 THEN called_accounts.first_source
        WHEN called_accounts.named_count = 2 THEN called_accounts.first_source || ', ' || called_accounts.last_source
        WHEN called_accounts.named_count > 2 THEN called_accounts.first_source || ', …, ' || called_accounts.last_source
    END AS ledger_sources,
    invoiced.tool_invoiced_usd,
    CAST(COALESCE(computed.tool_unit_count, 0) AS BIGINT) AS tool_unit_count,
    CAST(COALESCE(invoiced.unconverted_count, 0) AS BIGINT) AS unconverted_count,
    billed_accounts.settles_at
FROM cells
LEFT JOIN computed
    ON
        cells.usage_on = computed.usage_on
        AND cells.provider = computed.provider
        AND cells.account_id = computed.account_id
        AND cells.place = computed.place
LEFT JOIN invoiced
    ON
        cells.usage_on = invoiced.usage_on
        AND cells.provider = invoiced.provider
        AND cells.account_id = invoiced.account_id
        AND cells.place = invoiced.place
LEFT JOIN compared
    ON
        cells.usage_on = compared.usage_on
        AND cells.provider = compared.provider
        AND cells.account_id = compared.account_id
        AND cells.place = compared.place
LEFT JOIN billed_accounts
    ON
        cells.usage_on = billed_accounts.usage_on
        AND cells.provider = billed_accounts.provider
        AND cells.account_id = billed_accounts.account_id
LEFT JOIN called_accounts
    ON
        cells.usage_on = called_accounts.usage_on
        AND cells.provider = called_accounts.provider
        AND cells.account_id = called_accounts.account_id
