"""Makes LiteLLM spend logs of any length: the same rows for the same numbers."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

__all__ = ["Calls", "write_calls", "write_csv_calls"]

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
    SELECT
        i,
        CAST($since AS TIMESTAMP)
            + to_microseconds(CAST(CAST(i - $first AS HUGEINT) * $days * 86400000000 // $rows AS BIGINT)) AS started
    FROM range(CAST($first AS BIGINT), CAST($first + $rows AS BIGINT)) AS numbers(i)
)
"""


@dataclass(frozen=True, slots=True)
class Calls:
    """So many calls, by five models and seven teams, evenly over some days.

    Attributes:
        rows: how many.
        since: the first UTC day.
        days: how many days they fill.
        first: number of the first call; calls of different numbers have different request ids.
    """

    rows: int
    since: date
    days: int
    first: int = 0


def write_calls(path: Path, calls: Calls) -> None:
    """Write the calls as JSON Lines, in order of their start."""
    _write(path, calls, ROWS, "FORMAT json")


def write_csv_calls(path: Path, calls: Calls) -> None:
    """Write the same calls as CSV; what is nested is JSON in a cell."""
    rows = f"SELECT * REPLACE (to_json(request_tags) AS request_tags, to_json(metadata) AS metadata) FROM ({ROWS})"
    _write(path, calls, rows, "FORMAT csv")


def _write(path: Path, calls: Calls, rows: str, options: str) -> None:
    parameters = {"rows": calls.rows, "since": calls.since, "days": calls.days, "first": calls.first}
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({rows}) TO '{path}' ({options})", parameters)
