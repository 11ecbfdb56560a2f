"""Rows with nothing wrong, in each format of the corpus; each is found again by its request id."""

import json
from typing import Any

from sophia_metrics.sources import claude, events, litellm
from sophia_metrics.sources.column_mapping import ColumnMapping
from sophia_metrics.sources.format import Format
from sophia_metrics.sources.mapped import mapped_format

__all__ = ["EVENTS_HEADER", "FORMATS", "MAPPED_HEADER", "csv_row", "json_line", "json_row", "mapped_row"]

STARTED_AT = "2026-11-18T10:00:00Z"

FORMATS: dict[str, Format] = {
    "events": events.FORMAT,
    "litellm": litellm.FORMAT,
    "claude": claude.FORMAT,
    "mapped": mapped_format(
        ColumnMapping.model_validate(
            {
                "convention": "inclusive",
                "native_id": "Request",
                "columns": {
                    "started_at": "When",
                    "provider": {"constant": "openai"},
                    "model": "Model",
                    "request_id": "Request",
                    "input_tokens": "Prompt",
                    "cache_read_tokens": "Cached",
                    "output_tokens": "Answer",
                    "cost_reported": "Cost",
                    "cost_reported_currency": {"constant": "USD"},
                },
                "reported_basis": "billed",
            }
        )
    ),
}

EVENTS_HEADER = b"id,request_id,started_at,provider,model,input_tokens,output_tokens,team"
MAPPED_HEADER = b"When,Request,Model,Prompt,Cached,Answer,Cost"


def json_row(file_format: str, request_id: str, **fields: Any) -> dict[str, Any]:
    """Return a call in a format that is written as JSON; a field that is `...` is left out."""
    rows: dict[str, dict[str, Any]] = {
        "events": {
            "id": request_id,
            "request_id": request_id,
            "started_at": STARTED_AT,
            "provider": "openai",
            "model": "gpt-4o",
            "input_tokens": 1000,
            "output_tokens": 100,
        },
        "litellm": {
            "request_id": request_id,
            "call_type": "acompletion",
            "startTime": STARTED_AT,
            "endTime": "2026-11-18T10:00:02Z",
            "model": "gpt-4o",
            "custom_llm_provider": "openai",
            "prompt_tokens": 1000,
            "completion_tokens": 100,
            "spend": 0.0035,
            "status": "success",
            "metadata": {"usage_object": {"prompt_tokens_details": {"cached_tokens": 400}}},
        },
        "claude": {
            "type": "assistant",
            "timestamp": STARTED_AT,
            "sessionId": "s-1",
            "requestId": request_id,
            "cwd": "/work/project",
            "message": {
                "id": f"message of {request_id}",
                "model": "claude-sonnet-4-5",
                "usage": {"input_tokens": 10, "cache_read_input_tokens": 90, "output_tokens": 20},
            },
        },
    }
    return {key: value for key, value in {**rows[file_format], **fields}.items() if value is not ...}


def json_line(file_format: str, request_id: str, **fields: Any) -> bytes:
    """Return the call as a line of JSON without its line end."""
    return json.dumps(json_row(file_format, request_id, **fields), ensure_ascii=False).encode()


def csv_row(
    request_id: str, *, model: str = "gpt-4o", output_tokens: str = "100", team: str = "search", delimiter: str = ","
) -> bytes:
    """Return a call under EVENTS_HEADER; a cell that needs quotes brings them."""
    cells = (request_id, request_id, STARTED_AT, "openai", model, "1000", output_tokens, team)
    return delimiter.join(cells).encode()


def mapped_row(
    request_id: str,
    *,
    when: str = "2026-11-18 10:00:00",
    model: str = "gpt-4o",
    prompt: str = "1000",
    cached: str = "400",
    answer: str = "100",
    cost: str = "0.0035",
) -> bytes:
    """Return a call under MAPPED_HEADER."""
    return f"{when},{request_id},{model},{prompt},{cached},{answer},{cost}".encode()
