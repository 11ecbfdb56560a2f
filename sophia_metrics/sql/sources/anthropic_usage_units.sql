-- question: what do buckets of Anthropic's usage report hold that is billed beside the five token columns?
-- grain: landed row × unit
-- sources: landed (format anthropic_usage)
-- owner: sources
SELECT
    row_ordinal,
    'web_searches' AS unit,
    server_tool_use_web_search_requests AS quantity
FROM landed
WHERE server_tool_use_web_search_requests <> 0
