-- question: Of the calls between two instants that say whether a response cache answered, how many did it answer?
-- grain: one row
-- sources: mart_usage_15min
-- owner: dashboard
SELECT
    CAST(COALESCE(SUM(lookup_count), 0) AS BIGINT) AS known_count,
    CAST(COALESCE(SUM(hit_count), 0) AS BIGINT) AS hit_count
FROM mart_usage_15min
WHERE
    usage_on >= $first_on
    AND usage_on <= $last_on
    AND period_at >= $start_at
    AND period_at < $end_at
