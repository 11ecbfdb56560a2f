-- question: Up to when is each scope settled, so that no earlier day can change by a late collection?
-- grain: scope_type, scope_value
-- sources: core_watermarks, mart_source_daily
-- owner: costs
WITH ledger_sources AS (
    SELECT
        source,
        collected_at,
        settled_through_at
    FROM core_watermarks
    WHERE source_role = 'ledger'
),

newest_usage AS (
    SELECT MAX(usage_on) AS newest_on
    FROM mart_source_daily
),

recent_slices AS (
    SELECT
        mart_source_daily.source,
        mart_source_daily.provider,
        mart_source_daily.model,
        mart_source_daily.team,
        mart_source_daily.project,
        mart_source_daily.environment
    FROM mart_source_daily
    INNER JOIN newest_usage ON mart_source_daily.usage_on > newest_usage.newest_on - 28
    GROUP BY GROUPING SETS (
        (mart_source_daily.source),
        (mart_source_daily.source, mart_source_daily.provider),
        (mart_source_daily.source, mart_source_daily.model),
        (mart_source_daily.source, mart_source_daily.team),
        (mart_source_daily.source, mart_source_daily.project),
        (mart_source_daily.source, mart_source_daily.environment)
    )
),

-- A dimension of a mart is never null: where it is, another one makes the slice.
source_scopes AS (
    SELECT
        source,
        CASE
            WHEN provider IS NOT NULL THEN 'provider'
            WHEN model IS NOT NULL THEN 'model'
            WHEN team IS NOT NULL THEN 'team'
            WHEN project IS NOT NULL THEN 'project'
            WHEN environment IS NOT NULL THEN 'environment'
            ELSE 'all'
        END AS scope_type,
        COALESCE(provider, model, team, project, environment, 'all') AS scope_value
    FROM recent_slices
    UNION ALL
    -- Before the first call every source that was collected is all there is.
    SELECT
        ledger_sources.source,
        'all' AS scope_type,
        'all' AS scope_value
    FROM ledger_sources
    INNER JOIN newest_usage ON newest_usage.newest_on IS NULL
),

scopes AS (
    SELECT
        source_scopes.scope_type,
        source_scopes.scope_value,
        COUNT(*) AS source_count,
        MIN(ledger_sources.collected_at) AS data_through_at,
        -- A source that settles no day keeps its scopes open.
        CASE
            WHEN COUNT(ledger_sources.settled_through_at) = COUNT(*) THEN MIN(ledger_sources.settled_through_at)
        END AS settled_through_at
    FROM source_scopes
    INNER JOIN ledger_sources ON source_scopes.source = ledger_sources.source
    GROUP BY source_scopes.scope_type, source_scopes.scope_value
)

SELECT
    scope_type,
    scope_value,
    source_count,
    data_through_at,
    settled_through_at,
    CASE
        WHEN settled_through_at = DATE_TRUNC('day', settled_through_at) THEN CAST(settled_through_at AS DATE) - 2
        ELSE CAST(settled_through_at AS DATE) - 1
    END AS settled_through_on
FROM scopes
