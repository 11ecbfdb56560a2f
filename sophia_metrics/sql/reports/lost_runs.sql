-- question: Which runs of our own flows were killed lately?
-- grain: run_id
-- sources: mart_pipeline_runs
-- owner: pipeline
SELECT
    flow,
    started_at
FROM mart_pipeline_runs
WHERE run_status = 'lost' AND started_at >= CAST($since_at AS TIMESTAMP)
ORDER BY started_at DESC, run_id
