-- question: what else did a call in LiteLLM's spend logs use that is billed beside the five token columns?
-- grain: landed row × unit
-- sources: landed (format litellm)
-- owner: sources
WITH details AS (
    SELECT
        row_ordinal,
        coalesce(
            metadata.usage_object.server_tool_use.web_search_requests,
            metadata.usage_object.prompt_tokens_details.web_search_requests
        ) AS web_searches,
        metadata.usage_object.prompt_tokens_details.audio_tokens AS input_audio_tokens,
        metadata.usage_object.completion_tokens_details.audio_tokens AS output_audio_tokens,
        metadata.usage_object.prompt_tokens_details.cached_tokens AS nested_read_tokens,
        metadata.usage_object.cache_read_input_tokens AS flat_read_tokens,
        metadata.usage_object.prompt_tokens_details.cache_creation_tokens AS nested_written_tokens,
        metadata.usage_object.cache_creation_input_tokens AS flat_written_tokens,
        prompt_tokens,
        completion_tokens
    FROM landed
),
audible AS (
    SELECT
        row_ordinal,
        input_audio_tokens,
        prompt_tokens - greatest(
            coalesce(nested_read_tokens, flat_read_tokens, 0), coalesce(flat_read_tokens, nested_read_tokens, 0)
        ) - greatest(
            coalesce(nested_written_tokens, flat_written_tokens, 0), coalesce(flat_written_tokens, nested_written_tokens, 0)
        ) AS uncached_tokens
    FROM details
    WHERE input_audio_tokens > 0
)
SELECT
    row_ordinal,
    'web_searches' AS unit,
    web_searches AS quantity
FROM details
WHERE web_searches <> 0
UNION ALL
-- Audio that was read from the prompt cache is counted there and not here.
SELECT
    row_ordinal,
    'input_audio_tokens' AS unit,
    least(input_audio_tokens, uncached_tokens) AS quantity
FROM audible
WHERE uncached_tokens > 0
UNION ALL
SELECT
    row_ordinal,
    'output_audio_tokens' AS unit,
    least(output_audio_tokens, completion_tokens) AS quantity
FROM details
WHERE output_audio_tokens > 0 AND completion_tokens > 0
