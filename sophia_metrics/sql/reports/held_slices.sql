-- question: Which slices does the gate hold back, and why?
-- grain: source, attempt_id
-- sources: core_ingest_ledger
-- owner: quality
SELECT
    source,
    attempt_id,
    COUNT(*) AS file_count,
    CAST(SUM(row_count) AS BIGINT) AS row_count,
    CAST(SUM(quarantined_count) AS BIGINT) AS quarantined_count,
    MAX(error) AS error,
    MAX(finished_at) AS finished_at
FROM core_ingest_ledger
WHERE status = 'held'
GROUP BY source, attempt_id
ORDER BY source, finished_at, attempt_id
