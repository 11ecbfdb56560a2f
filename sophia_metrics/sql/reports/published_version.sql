-- question: Which version do readers see, since when, and is it sample data?
-- grain: one row
-- sources: core_versions
-- owner: pipeline
SELECT
    version,
    published_at,
    is_sample
FROM core_versions
ORDER BY version DESC
LIMIT 1
