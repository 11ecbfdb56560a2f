-- question: What do the cards of the last 15 minutes of data say?
-- grain: metric
-- sources: mart_performance_now
-- owner: dashboard
SELECT
    metric,
    metric_value,
    text_value,
    window_minutes,
    data_through_at
FROM mart_performance_now
ORDER BY metric
