-- question: how many tokens did a call of AI_USAGE_ANALYTICS use in all?
-- grain: landed row × unit
-- sources: landed (format snowflake_analytics)
-- owner: sources
SELECT
    row_ordinal,
    'total_tokens' AS unit,
    CAST(tokens_used AS DECIMAL(38, 6)) AS quantity
FROM landed
WHERE tokens_used <> 0
