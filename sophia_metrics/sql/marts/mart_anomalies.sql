-- question: Which settled days were not as expected?
-- grain: scope_type, scope_value, usage_on, kind
-- sources: core_anomalies
-- owner: costs
SELECT
    scope_type,
    scope_value,
    usage_on,
    kind,
    observed_usd,
    expected_usd,
    score,
    impact_usd,
    explanation,
    evidence,
    found_at
FROM core_anomalies
WHERE ended_at IS NULL AND usage_on > CAST(CAST($now AS TIMESTAMP) AS DATE) - 160
