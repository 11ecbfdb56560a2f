-- question: How many calls of the days from $first_on to $last_on are in no row of the export, since no cost of theirs is known?
-- grain: one row
-- sources: core_usage_events
-- owner: exports
SELECT
    CAST(
        COALESCE(
            SUM(
                CASE
                    WHEN cost_usd IS NOT NULL OR price_status NOT IN ('unpriced', 'partial', 'invalid') THEN 0
                    WHEN request_count > 1 THEN request_count
                    ELSE 1
                END
            ),
            0
        ) AS BIGINT
    ) AS unpriced_count,
    CAST(
        COALESCE(
            SUM(CASE WHEN cost_usd IS NULL AND price_status = 'subscription' THEN request_count ELSE 0 END), 0
        ) AS BIGINT
    ) AS subscription_count
FROM core_usage_events
WHERE
    usage_on >= $first_on
    AND usage_on <= $last_on
    AND source_role = 'ledger'
