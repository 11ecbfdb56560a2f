-- question: Which UTC days are made of other files than when they were last judged, or were held back then?
-- grain: day_on
-- sources: manifest, judged_days, damaged_days, core_retention
-- owner: quality
WITH listed AS (
    SELECT
        day_on,
        sha256($suites || string_agg(chr(10) || path, '' ORDER BY path)) AS inputs_sha256,
        CAST(sum(row_count) AS BIGINT) AS row_count
    FROM manifest
    WHERE list_contains($tables, table_name)
    GROUP BY day_on
)

SELECT
    coalesce(listed.day_on, judged_days.day_on) AS day_on,
    listed.inputs_sha256,
    coalesce(listed.row_count, 0) AS row_count
FROM listed
FULL JOIN judged_days ON judged_days.day_on = listed.day_on
WHERE
    (
        (CAST($every_day AS BOOLEAN) AND listed.day_on IS NOT NULL)
        OR judged_days.inputs_sha256 IS DISTINCT FROM listed.inputs_sha256
        OR judged_days.held_because IS NOT NULL
    )
    AND coalesce(listed.day_on, judged_days.day_on) NOT IN (SELECT damaged_days.day_on FROM damaged_days)
    -- A day that is copied from another warehouse was judged there, and is held as long as it is held there.
    AND coalesce(listed.day_on, judged_days.day_on) NOT IN (
        SELECT manifest.day_on FROM manifest
        WHERE list_contains($tables, manifest.table_name) AND starts_with(manifest.attempt_id, 'mirrored-')
    )
    -- Of a day that has expired there is nothing left with which its rollups could be compared.
    AND coalesce(listed.day_on, judged_days.day_on) >= coalesce(
        (SELECT max(kept_from_on) FROM core_retention WHERE table_name = 'core_usage_events'),
        CAST('0001-01-01' AS DATE)
    )
ORDER BY day_on
