-- question: which usage events do Codex's session logs hold?
-- grain: one landed row
-- sources: landed (format codex)
-- owner: sources
WITH entries AS (
    SELECT
        row_ordinal,
        file_name,
        defect,
        "type" AS line_type,
        make_timestamp(epoch_us("timestamp")) AS started_at,
        "type" = 'event_msg' AND payload."type" = 'token_count' AS is_count,
        "type" = 'token_usage_record' AS is_record,
        CASE WHEN "type" = 'session_meta' THEN nullif(thread_id, '') END AS thread_id,
        CASE WHEN "type" = 'session_meta' THEN nullif(thread_key, '') END AS thread_key,
        CASE WHEN "type" = 'session_meta' THEN parent_key END AS parent_key,
        CASE WHEN "type" = 'session_meta' THEN nullif(thread_time, '') END AS thread_time,
        CASE WHEN "type" = 'session_meta' THEN nullif(payload.model_provider, '') END AS model_provider,
        CASE WHEN "type" = 'turn_context' THEN nullif(payload.model, '') END AS model,
        CASE WHEN "type" = 'turn_context' THEN nullif(payload.service_tier, '') END AS service_tier,
        CASE WHEN "type" IN ('session_meta', 'turn_context') THEN nullif(project_folder, '') END AS project,
        CASE
            WHEN "type" IN ('turn_context', 'token_usage_record') OR payload."type" IN ('task_started', 'turn_started')
                THEN nullif(payload.turn_id, '')
        END AS turn_id,
        nullif(payload.response_id, '') AS response_id,
        payload."usage" AS response,
        CASE WHEN defect IS NULL AND "type" = 'event_msg' THEN payload.info.total_token_usage END AS total,
        CASE WHEN defect IS NULL AND "type" = 'event_msg' THEN payload.info.last_token_usage END AS latest
    FROM landed
),
-- What a line does not say itself was said by a line before it.
placed AS (
    SELECT
        row_ordinal,
        file_name,
        defect,
        line_type,
        started_at,
        is_count,
        is_record,
        response_id,
        response,
        total,
        latest,
        first_value(thread_id IGNORE NULLS) OVER within_file AS thread_id,
        first_value(thread_key IGNORE NULLS) OVER within_file AS own_key,
        first_value(parent_key IGNORE NULLS) OVER within_file AS parent_key,
        first_value(thread_time IGNORE NULLS) OVER within_file AS thread_time,
        last_value(thread_key IGNORE NULLS) OVER within_file AS last_key,
        last_value(model_provider IGNORE NULLS) OVER within_file AS model_provider,
        last_value(model IGNORE NULLS) OVER within_file AS model,
        last_value(service_tier IGNORE NULLS) OVER within_file AS service_tier,
        last_value(project IGNORE NULLS) OVER within_file AS project,
        coalesce(turn_id, last_value(turn_id IGNORE NULLS) OVER within_file) AS turn_id
    FROM entries
    WINDOW within_file AS (PARTITION BY file_name ORDER BY row_ordinal ROWS UNBOUNDED PRECEDING)
),
compared AS (
    SELECT
        row_ordinal,
        file_name,
        defect,
        line_type,
        started_at,
        is_count,
        is_record,
        response_id,
        response,
        total,
        latest,
        thread_id,
        model_provider,
        model,
        service_tier,
        project,
        turn_id,
        coalesce(parent_key, '') <> '' AS is_fork,
        -- Without a turn, the thread whose history this is: a copy repeats the session_meta of its original.
        coalesce(turn_id, CASE WHEN last_key = own_key THEN nullif(parent_key, '') END, last_key, '') AS family,
        CASE
            WHEN turn_id LIKE '________-____-7%' AND thread_time IS NOT NULL THEN substr(turn_id, 1, 15) < thread_time
            ELSE last_key <> own_key
        END AS is_copy,
        -- A fork may open with its parent's last reading, before its first turn or in one of this name.
        coalesce(starts_with(turn_id, 'rollout-'), false)
            OR coalesce(parent_key, '') <> '' AND turn_id IS NULL AND count(turn_id) OVER (PARTITION BY file_name) > 0
            AS is_opening,
        coalesce(bool_or(is_record) OVER (PARTITION BY file_name, turn_id), false) AS has_records,
        lag(total IGNORE NULLS) OVER (PARTITION BY file_name ORDER BY row_ordinal) AS before
    FROM placed
),
counted AS (
    SELECT
        row_ordinal,
        file_name,
        defect,
        line_type,
        started_at,
        is_count,
        is_record,
        response_id,
        total,
        latest,
        thread_id,
        model_provider,
        model,
        service_tier,
        project,
        turn_id,
        family,
        is_copy,
        is_opening,
        has_records,
        CASE
            WHEN is_record THEN response
            WHEN total IS NULL THEN latest
            -- The totals of a fork begin with those of its parent.
            WHEN before IS NULL AND is_fork THEN latest
            WHEN before IS NULL THEN coalesce(latest, total)
            -- Totals fall, or are no more than the last call, when a session starts counting anew.
            WHEN total.input_tokens < before.input_tokens OR total.output_tokens < before.output_tokens
                THEN coalesce(latest, total)
            WHEN total.input_tokens <> before.input_tokens AND total.input_tokens = latest.input_tokens
                AND total.output_tokens = latest.output_tokens
                THEN latest
            ELSE struct_pack(
                input_tokens := total.input_tokens - coalesce(before.input_tokens, 0),
                cached_input_tokens := total.cached_input_tokens - coalesce(before.cached_input_tokens, 0),
                cache_write_input_tokens
                    := total.cache_write_input_tokens - coalesce(before.cache_write_input_tokens, 0),
                output_tokens := total.output_tokens - coalesce(before.output_tokens, 0),
                reasoning_output_tokens
                    := total.reasoning_output_tokens - coalesce(before.reasoning_output_tokens, 0),
                total_tokens := total.total_tokens - coalesce(before.total_tokens, 0)
            )
        END AS used
    FROM compared
),
called AS (
    SELECT
        row_ordinal,
        file_name,
        defect,
        line_type,
        started_at,
        is_record,
        response_id,
        total,
        latest,
        thread_id,
        model_provider,
        model,
        service_tier,
        project,
        turn_id,
        family,
        is_copy,
        used,
        coalesce(is_record OR is_count AND NOT has_records AND NOT is_opening, false) AS is_call,
        coalesce(total, latest) IS NULL AND NOT is_record AS is_without_counts,
        coalesce(used.input_tokens = 0 AND used.output_tokens = 0, false) AS is_nothing
    FROM counted
)
SELECT
    row_ordinal,
    file_name,
    defect,
    CASE
        WHEN defect = 'malformed_json' THEN false
        -- Lines of usage are short: one that is too long to be read is none.
        WHEN defect IS NOT NULL THEN NOT is_call
        ELSE NOT is_call OR is_without_counts OR is_nothing
    END AS is_ignored,
    coalesce(response_id, sha256(
        family || chr(31) || coalesce(CAST(total.input_tokens AS VARCHAR), '')
        || chr(31) || coalesce(CAST(total.cached_input_tokens AS VARCHAR), '')
        || chr(31) || coalesce(CAST(total.output_tokens AS VARCHAR), '')
        || chr(31) || coalesce(CAST(total.reasoning_output_tokens AS VARCHAR), '')
        || chr(31) || coalesce(CAST(latest.input_tokens AS VARCHAR), '')
        || chr(31) || coalesce(CAST(latest.output_tokens AS VARCHAR), '')
        || chr(31) || CASE WHEN is_record THEN CAST(to_json(used) AS VARCHAR) ELSE '' END
    )) AS native_id,
    used.input_tokens AS total_input_tokens,
    'call' AS record_kind,
    started_at,
    CAST(NULL AS TIMESTAMP) AS source_updated_at,
    CAST(CASE WHEN is_copy THEN -1 ELSE 0 END AS BIGINT) AS version_rank,
    project,
    thread_id AS session_id,
    response_id AS request_id,
    turn_id AS trace_id,
    CASE
        WHEN starts_with(lower(model_provider), 'azure') THEN 'openai'
        ELSE coalesce(lower(model_provider), 'openai')
    END AS provider,
    CASE
        WHEN starts_with(lower(model_provider), 'azure') THEN 'azure'
        WHEN lower(model_provider) = 'openrouter' THEN 'openrouter'
        ELSE 'direct'
    END AS route,
    coalesce(model, 'unknown') AS model,
    'chat' AS operation,
    lower(service_tier) AS service_tier,
    'ok' AS status,
    used.input_tokens - coalesce(used.cached_input_tokens, 0) - coalesce(used.cache_write_input_tokens, 0)
        AS input_tokens,
    used.cached_input_tokens AS cache_read_tokens,
    used.cache_write_input_tokens AS cache_write_5m_tokens,
    CAST(NULL AS DOUBLE) AS cache_write_1h_tokens,
    used.output_tokens AS output_tokens,
    used.reasoning_output_tokens AS reasoning_tokens,
    CAST(1 AS BIGINT) AS request_count,
    CASE
        WHEN used.input_tokens IS NULL AND used.output_tokens IS NULL THEN 'missing'
        WHEN used.input_tokens IS NULL OR used.output_tokens IS NULL THEN 'partial'
        -- More than the last call: lines are missing, and how large each call was.
        WHEN NOT is_record AND used.input_tokens > latest.input_tokens THEN 'tier_unknown'
        ELSE 'exact'
    END AS usage_quality
FROM called
