-- question: How old are the data of each source, and is that older than it should be?
-- grain: subject
-- sources: mart_freshness
-- owner: pipeline
SELECT
    subject,
    newest_at,
    expected_within_seconds,
    is_stale
FROM mart_freshness
ORDER BY subject
