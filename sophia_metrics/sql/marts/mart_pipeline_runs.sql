-- question: When did our own flows run, for how long, and how did they end?
-- grain: run_id
-- sources: core_pipeline_runs
-- owner: pipeline
SELECT
    run_id,
    flow,
    started_at,
    CAST(DATE_DIFF('microsecond', started_at, ended_at) AS DOUBLE) / 1000 AS duration_ms,
    row_count,
    CASE
        WHEN run_status = 'running' AND started_at < CAST($now AS TIMESTAMP) - INTERVAL 1 DAY THEN 'lost'
        ELSE run_status
    END AS run_status,
    version
FROM core_pipeline_runs
