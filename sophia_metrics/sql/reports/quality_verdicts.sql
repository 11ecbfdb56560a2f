-- question: What was last found of each expectation, the failed ones first?
-- grain: suite, expectation
-- sources: mart_data_quality
-- owner: dashboard
SELECT
    suite,
    expectation,
    severity,
    dimension,
    is_passed,
    failed_count,
    checked_count,
    judged_at
FROM mart_data_quality
QUALIFY ROW_NUMBER() OVER (PARTITION BY suite, expectation ORDER BY judged_at DESC, run_id) = 1
ORDER BY is_passed, CASE severity WHEN 'error' THEN 0 ELSE 1 END, suite, expectation
