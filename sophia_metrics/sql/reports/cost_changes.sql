-- question: By how much did all spend change over each fixed pair of periods, and by which effects?
-- grain: period_pair, effect
-- sources: mart_cost_change
-- owner: costs
SELECT
    period_pair,
    effect,
    SUM(amount_usd) AS amount_usd,
    MAX(change_usd) AS change_usd,
    MIN(before_start_on) AS before_start_on,
    MIN(before_end_on) AS before_end_on,
    MIN(start_on) AS start_on,
    MIN(end_on) AS end_on,
    CAST(SUM(CASE WHEN effect = 'unknown' THEN unpriced_before_count + unpriced_after_count ELSE 0 END) AS BIGINT)
        AS unpriced_count
FROM mart_cost_change
WHERE scope_type = 'all'
GROUP BY period_pair, effect
ORDER BY
    CASE period_pair WHEN 'day' THEN 1 WHEN 'week' THEN 2 WHEN 'four_weeks' THEN 3 ELSE 4 END,
    CASE effect WHEN 'price' THEN 1 WHEN 'volume' THEN 2 WHEN 'mix' THEN 3 WHEN 'new' THEN 4 WHEN 'gone' THEN 5 ELSE 6 END
