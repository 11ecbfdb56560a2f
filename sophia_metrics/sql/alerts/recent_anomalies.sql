-- question: What was not as expected in the last days before the publish?
-- grain: scope_type, scope_value, usage_on, kind
-- sources: core_anomalies, core_versions
-- owner: alerts
SELECT
    scope_type,
    scope_value,
    usage_on,
    kind,
    explanation,
    observed_usd,
    expected_usd,
    impact_usd,
    score
FROM core_anomalies
WHERE
    ended_at IS NULL
    AND usage_on >= (SELECT CAST(MAX(published_at) AS DATE) - 3 FROM core_versions)
ORDER BY scope_type, scope_value, usage_on, kind
