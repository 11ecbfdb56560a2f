-- question: what do buckets of OpenAI's organisation usage hold that is billed beside the five token columns?
-- grain: landed row × unit
-- sources: landed (format openai_usage)
-- owner: sources
WITH amounts AS (
    SELECT
        row_ordinal,
        unnest([
            {
                'unit': 'input_audio_tokens',
                'quantity': greatest(0, coalesce(input_audio_tokens, 0) - coalesce(input_cached_audio_tokens, 0))
            },
            {'unit': 'output_audio_tokens', 'quantity': coalesce(output_audio_tokens, 0)},
            {
                'unit': 'input_image_tokens',
                'quantity': greatest(0, coalesce(input_image_tokens, 0) - coalesce(input_cached_image_tokens, 0))
            },
            {'unit': 'output_image_tokens', 'quantity': coalesce(output_image_tokens, 0)},
            {'unit': 'images', 'quantity': coalesce(images, 0)},
            {'unit': 'characters', 'quantity': coalesce(characters, 0)},
            {'unit': 'audio_seconds', 'quantity': coalesce("seconds", 0)},
            {'unit': 'storage_bytes', 'quantity': coalesce(usage_bytes, 0)},
            {'unit': 'sessions', 'quantity': coalesce(num_sessions, 0)},
            {
                'unit': CASE kind WHEN 'web_search_calls' THEN 'web_searches' ELSE 'file_searches' END,
                'quantity': CASE WHEN kind LIKE '%search_calls' THEN coalesce(num_requests, 0) ELSE 0 END
            }
        ]) AS amount
    FROM landed
)
SELECT
    row_ordinal,
    amount.unit AS unit,
    amount.quantity AS quantity
FROM amounts
WHERE amount.quantity <> 0
