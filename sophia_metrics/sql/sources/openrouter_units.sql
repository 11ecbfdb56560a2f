-- question: what else did a call through OpenRouter use that is billed beside the five token columns?
-- grain: landed row × unit
-- sources: landed (format openrouter)
-- owner: sources
WITH details AS (
    SELECT
        row_ordinal,
        coalesce(
            usage.server_tool_use.web_search_requests, usage.server_tool_use_details.web_search_requests, 0
        ) AS web_searches,
        coalesce(
            usage.server_tool_use.tool_calls_executed, usage.server_tool_use_details.tool_calls_executed, 0
        ) AS tool_calls,
        CASE WHEN usage IS NULL THEN generation.num_search_results END AS search_results,
        coalesce(usage.prompt_tokens_details.audio_tokens, 0) AS input_audio_tokens,
        coalesce(usage.prompt_tokens_details.video_tokens, 0) AS input_video_tokens,
        coalesce(usage.completion_tokens_details.audio_tokens, 0) AS output_audio_tokens,
        coalesce(usage.completion_tokens_details.image_tokens, generation.native_tokens_completion_images, 0)
            AS output_image_tokens,
        usage.prompt_tokens - coalesce(usage.prompt_tokens_details.cached_tokens, 0)
            - coalesce(
                usage.prompt_tokens_details.cache_write_tokens,
                coalesce(usage.cache_creation.ephemeral_5m_input_tokens, 0)
                + coalesce(usage.cache_creation.ephemeral_1h_input_tokens, 0)
            ) AS uncached_tokens,
        coalesce(usage.completion_tokens, generation.native_tokens_completion) AS completion_tokens
    FROM landed
),
amounts AS (
    SELECT
        row_ordinal,
        unnest([
            {'unit': 'web_searches', 'quantity': web_searches},
            -- A search that OpenRouter ran itself is among the tool calls, one of the provider's is not.
            {'unit': 'server_tool_calls', 'quantity': greatest(tool_calls - web_searches, 0)},
            {'unit': 'search_results', 'quantity': search_results},
            {'unit': 'input_audio_tokens', 'quantity': greatest(0, least(input_audio_tokens, uncached_tokens))},
            {
                'unit': 'input_video_tokens',
                'quantity': greatest(0, least(input_video_tokens, uncached_tokens - input_audio_tokens))
            },
            {'unit': 'output_audio_tokens', 'quantity': greatest(0, least(output_audio_tokens, completion_tokens))},
            {
                'unit': 'output_image_tokens',
                'quantity': greatest(0, least(output_image_tokens, completion_tokens - output_audio_tokens))
            }
        ]) AS amount
    FROM details
)
SELECT
    row_ordinal,
    amount.unit AS unit,
    amount.quantity AS quantity
FROM amounts
WHERE amount.quantity <> 0
