-- question: What became of every expectation, run by run?
-- grain: run_id, suite, expectation
-- sources: core_quality_verdicts
-- owner: quality
SELECT
    run_id,
    suite,
    expectation,
    judged_at,
    is_passed,
    severity,
    dimension,
    observed,
    failed_count,
    checked_count,
    checked_by
FROM core_quality_verdicts
