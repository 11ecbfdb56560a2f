-- question: What is billed for some days beside usage of models, or for longer than a day?
-- grain: provider, charge_category, is_usage
-- sources: core_invoice_lines
-- owner: invoices
SELECT
    provider,
    charge_category,
    is_usage,
    COUNT(*) AS line_count,
    SUM(billed_cost_usd) AS billed_cost_usd
FROM core_invoice_lines
WHERE
    removed_at IS NULL
    AND charge_on >= $first_on
    AND charge_on <= $last_on
    AND (NOT is_usage OR charge_end_at > charge_start_at + INTERVAL '25' HOUR)
GROUP BY provider, charge_category, is_usage
ORDER BY provider, charge_category, is_usage
