-- question: How do the KPI of the plan stand?
-- grain: kpi
-- sources: mart_kpi
-- owner: costs
SELECT
    kpi,
    baseline_value,
    current_value,
    target_ratio,
    change_ratio,
    kpi_state,
    is_met,
    baseline_start_on,
    baseline_end_on,
    window_start_on,
    window_end_on
FROM mart_kpi
ORDER BY kpi
