-- question: which lines of a bill does Anthropic's cost report have?
-- grain: one landed row
-- sources: landed (format anthropic_costs)
-- owner: sources
SELECT
    'anthropic' AS provider,
    make_timestamp(epoch_us(start_at)) AS charge_start_at,
    make_timestamp(epoch_us(end_at)) AS charge_end_at,
    nullif(model, '') AS model,
    coalesce(nullif(token_type, ''), nullif(cost_type, '')) AS sku,
    nullif(description, '') AS description,
    amount AS billed_cost,
    currency,
    'Usage' AS charge_category,
    CASE
        WHEN cost_type IN ('tokens', 'web_search', 'code_execution') THEN cost_type
        WHEN cost_type <> '' THEN 'other'
    END AS cost_type,
    nullif(lower(service_tier), '') AS service_tier,
    CAST(
        json_merge_patch(
            '{}',
            to_json({
                'context_window': nullif(context_window, ''),
                'cost_type': nullif(cost_type, ''),
                'inference_geo': nullif(inference_geo, ''),
                'speed': nullif(speed, ''),
                'workspace': coalesce(nullif(workspace_id, ''), 'default')
            })
        ) AS VARCHAR
    ) AS dimensions
FROM landed
