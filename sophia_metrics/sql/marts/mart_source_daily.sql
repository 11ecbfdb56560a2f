-- question: Which source told of which usage, by UTC day?
-- grain: usage_on, source, provider, model, team, project, environment
-- sources: core_usage_events
-- owner: costs
WITH ledger_events AS (
    SELECT
        usage_on,
        source,
        provider,
        model,
        COALESCE(team, '(none)') AS team,
        COALESCE(project, '(none)') AS project,
        COALESCE(environment, '(none)') AS environment,
        request_count,
        cost_usd,
        CASE
            WHEN cost_usd IS NOT NULL OR price_status NOT IN ('unpriced', 'partial', 'invalid') THEN 0
            WHEN request_count > 1 THEN request_count
            ELSE 1
        END AS unpriced_count
    FROM core_usage_events
    WHERE source_role = 'ledger'
)

SELECT
    usage_on,
    source,
    provider,
    model,
    team,
    project,
    environment,
    CAST(SUM(request_count) AS BIGINT) AS request_count,
    SUM(CAST(cost_usd AS DECIMAL(38, 12))) AS cost_usd,
    CAST(SUM(unpriced_count) AS BIGINT) AS unpriced_count
FROM ledger_events
GROUP BY usage_on, source, provider, model, team, project, environment
