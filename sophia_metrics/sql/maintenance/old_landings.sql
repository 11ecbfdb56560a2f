-- question: Which landed files are old and done with, and stand before what is read, or may be read, of their files?
-- grain: attempt_id
-- sources: core_ingest_ledger, file_positions
-- owner: usage
WITH attempts AS (
    SELECT
        source,
        attempt_id,
        min(CASE WHEN status IN ('committed', 'superseded') THEN 1 ELSE 0 END) = 1
        AND max(finished_at) < CAST($before AS TIMESTAMP) AS is_old
    FROM core_ingest_ledger
    WHERE file_name IS NOT NULL
    GROUP BY source, attempt_id
),

-- A reading goes on while its file may grow, and stays whole while any part of it stays.
needed AS (
    SELECT
        source,
        file_name,
        reading_id
    FROM file_positions
    WHERE prefix_sha256 IS NOT NULL AND byte_end > 0
    UNION
    SELECT
        parts.source,
        parts.file_name,
        parts.reading_id
    FROM core_ingest_ledger AS parts
    INNER JOIN attempts ON attempts.attempt_id = parts.attempt_id
    WHERE NOT attempts.is_old AND parts.status <> 'superseded'
)

SELECT
    attempts.source,
    attempts.attempt_id,
    max(CASE WHEN needed.reading_id IS NOT NULL THEN 1 ELSE 0 END) = 1 AS is_needed
FROM attempts
INNER JOIN core_ingest_ledger AS parts ON parts.attempt_id = attempts.attempt_id
LEFT JOIN needed
    ON
        needed.source = parts.source
        AND needed.file_name = parts.file_name
        AND needed.reading_id = parts.reading_id
WHERE attempts.is_old
GROUP BY attempts.source, attempts.attempt_id
ORDER BY attempts.source, attempts.attempt_id
