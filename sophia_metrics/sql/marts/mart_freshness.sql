-- question: How old are the data of each source, how long ago did our flows run, and is that longer than it should be?
-- grain: subject
-- sources: core_watermarks, core_heartbeats
-- owner: pipeline
WITH collected_sources AS (
    SELECT
        source,
        collected_at,
        newest_at AS newest_event_at,
        expected_within_seconds,
        DATE_DIFF('microsecond', collected_at, CAST($now AS TIMESTAMP))
        > CAST(expected_within_seconds * 1000000 AS BIGINT) AS is_stale
    FROM core_watermarks
),

-- An idle hour is not a stale one: the table is stale when one of its sources was not collected in time.
events_table AS (
    SELECT
        MAX(newest_event_at) AS newest_at,
        COALESCE(MAX(expected_within_seconds), 0) AS expected_within_seconds,
        COALESCE(BOOL_OR(is_stale), TRUE) AS is_stale
    FROM collected_sources
),

-- A flow that was never seen on a schedule is not expected, and so never late.
scheduled_flows AS (
    SELECT
        'flow:' || flow AS subject,
        succeeded_at AS newest_at,
        expected_within_seconds,
        DATE_DIFF('microsecond', COALESCE(succeeded_at, scheduled_since_at), CAST($now AS TIMESTAMP))
        > CAST(expected_within_seconds * 1000000 AS BIGINT) AS is_stale
    FROM core_heartbeats
    WHERE expected_within_seconds IS NOT NULL
)

SELECT
    source AS subject,
    collected_at AS newest_at,
    expected_within_seconds,
    is_stale
FROM collected_sources
UNION ALL
SELECT
    'core_usage_events' AS subject,
    newest_at,
    expected_within_seconds,
    is_stale
FROM events_table
UNION ALL
SELECT
    subject,
    newest_at,
    expected_within_seconds,
    is_stale
FROM scheduled_flows
