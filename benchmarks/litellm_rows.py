"""Makes LiteLLM spend logs of any length: the same rows for the same number."""

from pathlib import Path

import duckdb

__all__ = ["write_rows"]

ROWS = """
SELECT
    md5(CAST(i AS VARCHAR)) AS request_id,
    'acompletion' AS call_type,
    sha256(CAST(i % 40 AS VARCHAR)) AS api_key,
    CASE WHEN i % 50 = 0 THEN 0.0 ELSE round((500 + i % 9000) * 0.000003, 8) END AS spend,
    500 + i % 9000 + i % 700 AS total_tokens,
    500 + i % 9000 AS prompt_tokens,
    CASE WHEN i % 50 = 0 THEN 0 ELSE 1 + i % 700 END AS completion_tokens,
    strftime(started, '%Y-%m-%dT%H:%M:%S.%fZ') AS "startTime",
    strftime(started + to_milliseconds(200 + i % 5000), '%Y-%m-%dT%H:%M:%S.%fZ') AS "endTime",
    strftime(started + to_milliseconds(100 + i % 500), '%Y-%m-%dT%H:%M:%S.%fZ') AS "completionStartTime",
    ['gpt-4o', 'gpt-5-mini', 'claude-sonnet-4-5-20250929', 'gemini-2.5-pro', 'gpt-4o-mini'][1 + i % 5] AS model,
    'deployment-' || (i % 5) AS model_id,
    'group-' || (i % 5) AS model_group,
    ['openai', 'openai', 'anthropic', 'gemini', 'openai'][1 + i % 5] AS custom_llm_provider,
    CASE WHEN i % 20 = 0 THEN 'True' ELSE 'False' END AS cache_hit,
    ['team-' || (i % 7)] AS request_tags,
    'user-' || (i % 500) AS "user",
    'team-' || (i % 7) AS team_id,
    'session-' || (i // 12) AS session_id,
    {
        'status': CASE WHEN i % 50 = 0 THEN 'failure' ELSE 'success' END,
        'usage_object': {
            'prompt_tokens': 500 + i % 9000,
            'completion_tokens': CASE WHEN i % 50 = 0 THEN 0 ELSE 1 + i % 700 END,
            'prompt_tokens_details': {'cached_tokens': (500 + i % 9000) // 3}
        },
        'requester_ip_address': '10.0.0.1'
    } AS metadata,
    CASE WHEN i % 50 = 0 THEN 'failure' ELSE 'success' END AS status
FROM (
    SELECT i, TIMESTAMP '2026-10-01' + to_microseconds(CAST(i AS BIGINT) * 2592000000000 // $rows) AS started
    FROM range($rows) AS numbers(i)
)
"""


def write_rows(path: Path, rows: int) -> None:
    """Write so many calls over thirty days, by five models and seven teams, as JSON Lines."""
    query = ROWS.replace("$rows", str(rows))
    duckdb.execute(f"COPY ({query}) TO '{path}' (FORMAT json)")
