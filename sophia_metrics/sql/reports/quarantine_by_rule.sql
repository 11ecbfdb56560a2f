-- question: How many rows does each rule keep in quarantine, by source?
-- grain: source, rule
-- sources: core_quarantine
-- owner: quality
SELECT
    source,
    rule,
    MAX(reason) AS reason,
    COUNT(*) AS row_count,
    MAX(found_at) AS last_found_at
FROM core_quarantine
WHERE verdict = 'open'
GROUP BY source, rule
ORDER BY row_count DESC, source, rule
