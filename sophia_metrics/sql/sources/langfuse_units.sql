-- question: what else did an observation of Langfuse use that is billed beside the five token columns?
-- grain: landed row × unit
-- sources: landed (format langfuse), usage_keys
-- owner: sources
WITH details AS (
    SELECT
        row_ordinal,
        unnest(map_entries(coalesce("usageDetails", usage_details))) AS detail
    FROM landed
),
amounts AS (
    SELECT
        details.row_ordinal,
        -- A unit of this name has no price: what nobody knows makes the price of its call unknown.
        coalesce(usage_keys.part, 'unmapped_' || details.detail."key") AS unit,
        details.detail."value" AS quantity
    FROM details
    LEFT JOIN usage_keys
        ON usage_keys.usage_key = lower(regexp_replace(details.detail."key", '[^A-Za-z0-9]', '', 'g'))
)
SELECT
    row_ordinal,
    unit,
    max(quantity) AS quantity
FROM amounts
WHERE unit IN (
    'input_audio_tokens', 'input_image_tokens', 'input_video_tokens', 'output_audio_tokens', 'output_image_tokens',
    'web_searches'
) OR starts_with(unit, 'unmapped_')
GROUP BY row_ordinal, unit
HAVING max(quantity) <> 0
