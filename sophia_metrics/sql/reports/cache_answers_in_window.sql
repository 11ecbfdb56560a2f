-- question: Of the calls between two instants that say whether a response cache answered, how many did it answer?
-- grain: one row
-- sources: core_usage_events
-- owner: dashboard
SELECT
    COUNT(is_cache_hit) AS known_count,
    CAST(COALESCE(SUM(CASE WHEN is_cache_hit THEN 1 ELSE 0 END), 0) AS BIGINT) AS hit_count
FROM core_usage_events
WHERE
    usage_on >= $first_on
    AND usage_on <= $last_on
    AND started_at >= $start_at
    AND started_at < $end_at
    AND source_role = 'ledger'
    AND record_kind = 'call'
