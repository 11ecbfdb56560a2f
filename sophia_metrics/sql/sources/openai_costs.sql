-- question: which lines of a bill do OpenAI's costs have?
-- grain: one landed row
-- sources: landed (format openai_costs)
-- owner: sources
WITH items AS (
    SELECT
        make_timestamp(epoch_us(start_at)) AS started_at,
        make_timestamp(epoch_us(end_at)) AS ended_at,
        amount,
        upper(currency) AS currency,
        nullif(trim(line_item), '') AS item,
        nullif(project_id, '') AS project_id,
        nullif(api_key_id, '') AS key_id,
        quantity AS told_quantity,
        nullif(quantity_unit, '') AS quantity_unit
    FROM landed
)
SELECT
    'openai' AS provider,
    started_at AS charge_start_at,
    ended_at AS charge_end_at,
    -- "gpt-4o-2024-08-06, input"; what has no comma is a tool, or names no model.
    nullif(regexp_extract(item, '^([^,]+), *.+$', 1), '') AS model,
    coalesce(nullif(regexp_extract(item, '^[^,]+, *(.+)$', 1), ''), item) AS sku,
    item AS description,
    CAST(told_quantity AS DECIMAL(38, 6)) AS quantity,
    quantity_unit AS unit,
    amount AS billed_cost,
    currency,
    'Usage' AS charge_category,
    CASE
        WHEN item IS NULL THEN NULL
        WHEN lower(item) LIKE '%web%search%' THEN 'web_search'
        WHEN lower(item) LIKE '%file%search%' THEN 'file_search'
        WHEN lower(item) LIKE '%code%interpreter%' THEN 'code_execution'
        WHEN item LIKE '%,%' THEN 'tokens'
        ELSE 'other'
    END AS cost_type,
    CAST(
        json_merge_patch('{}', to_json({'api_key': key_id, 'project': project_id})) AS VARCHAR
    ) AS dimensions
FROM items
