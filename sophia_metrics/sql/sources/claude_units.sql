-- question: what else did a call in Claude Code's session logs use that is billed beside the five token columns?
-- grain: landed row × unit
-- sources: landed (format claude)
-- owner: sources
SELECT
    row_ordinal,
    'web_searches' AS unit,
    message.usage.server_tool_use.web_search_requests AS quantity
FROM landed
WHERE message.usage.server_tool_use.web_search_requests <> 0
