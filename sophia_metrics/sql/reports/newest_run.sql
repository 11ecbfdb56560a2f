-- question: Which run of our own flows began last, and how did it end?
-- grain: at most one row
-- sources: mart_pipeline_runs
-- owner: dashboard
SELECT
    flow,
    started_at,
    duration_ms,
    run_status
FROM mart_pipeline_runs
ORDER BY started_at DESC, run_id
LIMIT 1
