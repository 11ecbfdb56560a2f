-- question: Which anomalies were found on days that are tested again?
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
    found_at,
    ended_at
FROM core_anomalies
WHERE usage_on BETWEEN $first_on AND $last_on
