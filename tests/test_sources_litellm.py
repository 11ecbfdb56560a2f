"""LiteLLM's spend logs become usage events; the truth of the fixture was worked out by hand."""

import json
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sophia_metrics.sources.litellm import FORMAT
from tests.landed import FIXTURES, at, defects, land, mapped, rows, units, write_jsonl

LOG = FIXTURES / "litellm.jsonl"
CHAT, CLAUDE, HIT, FAILED, LOST = range(5)
PARTS = ("input_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens")


def _event(row, *names):
    event = mapped([LOG], FORMAT)[row]
    return tuple(event[name] for name in names)


def test_cached_and_audio_tokens_are_taken_out_of_the_prompt():
    # 1000 in the prompt - 300 cached - 100 audio = 600
    assert _event(CHAT, *PARTS, "total_input_tokens") == (600, 300, 0, 0, 1000)


def test_audio_is_a_unit_beside_the_token_columns():
    found = units([LOG], FORMAT)
    assert found == {
        (CHAT, "input_audio_tokens"): 100,
        (CHAT, "output_audio_tokens"): 50,
        (CLAUDE, "web_searches"): 2,
    }


def test_output_holds_its_reasoning_and_not_its_audio():
    assert _event(CHAT, "output_tokens", "reasoning_tokens") == (450, 120)


def test_cache_writes_are_split_by_their_time_to_live():
    # The golden row of litellm#9812: 12,307 in the prompt, of which 12,304 were written.
    assert _event(CLAUDE, *PARTS, "usage_quality") == (3, 0, 12000, 304, "exact")


def test_a_cache_write_without_a_time_to_live_is_taken_for_five_minutes_and_says_so():
    assert _event(HIT, *PARTS, "usage_quality") == (33, 0, 7, 0, "ttl_assumed")


def test_times_become_naive_utc_whatever_their_offset():
    assert _event(CLAUDE, "started_at", "ended_at", "source_updated_at") == (
        at("2026-10-05T16:00:00"),
        at("2026-10-05T16:00:09.575000"),
        at("2026-10-05T16:00:09.575000"),
    )


def test_latency_and_time_to_first_token_are_milliseconds():
    assert _event(CHAT, "latency_ms", "ttft_ms") == (2500.0, 400.0)


def test_an_answer_that_was_not_streamed_has_no_time_to_first_token():
    assert _event(CLAUDE, "latency_ms", "ttft_ms") == (9575.0, None)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (CHAT, ("openai", "direct", "gpt-4o", "smart")),
        (CLAUDE, ("anthropic", "bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude")),
        (
            HIT,
            ("anthropic", "openrouter", "anthropic/claude-sonnet-5", "openrouter/anthropic/claude-sonnet-5"),
        ),
        (FAILED, ("unknown", None, "smart", "smart")),
        (LOST, ("openai", "azure", "my-gpt", "smart")),
    ],
)
def test_provider_route_and_model_come_from_the_gateways_names(row, expected):
    assert _event(row, "provider", "route", "model", "model_requested") == expected


def test_a_failure_is_an_error_with_its_class_and_known_zero_usage():
    assert _event(FAILED, "status", "error_class", "input_tokens", "output_tokens", "usage_quality") == (
        "error",
        "RateLimitError",
        0,
        0,
        "exact",
    )


def test_a_success_without_any_usage_is_unknown_and_never_zero():
    assert _event(LOST, "status", *PARTS, "output_tokens", "usage_quality") == ("ok", *(None,) * 5, "missing")


def test_the_response_cache_says_hit_miss_or_nothing():
    assert [event["is_cache_hit"] for event in mapped([LOG], FORMAT)] == [False, None, True, None, False]


def test_tags_are_a_flat_map_as_json():
    assert json.loads(_event(CHAT, "tags")[0]) == {"feature": "chat", "batchable": "true"}
    assert _event(CLAUDE, "tags") == (None,)


def test_who_called_comes_from_the_row():
    assert _event(CHAT, "team", "account_id", "user_hash", "session_id", "retry_ordinal", "service_tier") == (
        "search",
        "org-1",
        "customer-9",
        "s-1",
        1,
        "standard",
    )


def test_spend_is_an_exact_estimate_in_dollars():
    assert _event(CLAUDE, "cost_reported", "cost_reported_currency") == (Decimal("0.00858"), "USD")
    assert FORMAT.reported_basis == "estimated"


def test_csv_and_parquet_exports_hold_the_same_events(tmp_path):
    entries = [json.loads(line) for line in LOG.read_text(encoding="utf-8").splitlines()]
    names = list(dict.fromkeys(name for entry in entries for name in entry))
    cells = {
        name: [
            json.dumps(entry[name]) if isinstance(entry.get(name), dict | list) else _text(entry.get(name))
            for entry in entries
        ]
        for name in names
    }
    frame = pl.DataFrame(cells, schema=dict.fromkeys(names, pl.String))
    frame.write_csv(tmp_path / "log.csv")
    frame.write_parquet(tmp_path / "log.parquet")

    expected = [_without_file(event) for event in mapped([LOG], FORMAT)]
    assert [_without_file(event) for event in mapped([tmp_path / "log.csv"], FORMAT)] == expected
    assert [_without_file(event) for event in mapped([tmp_path / "log.parquet"], FORMAT)] == expected


def test_a_typed_parquet_export_holds_the_same_events(tmp_path):
    land([LOG], FORMAT).execute(
        f"COPY (SELECT * EXCLUDE (row_ordinal, file_name, defect) FROM landed) TO '{tmp_path}/log.parquet'"
    )
    expected = [_without_file(event) for event in mapped([LOG], FORMAT)]
    assert [_without_file(event) for event in mapped([tmp_path / "log.parquet"], FORMAT)] == expected


def test_no_prompt_text_leaves_the_file(tmp_path):
    planted = "PLANTED-PROMPT"
    entry = json.loads(LOG.read_text(encoding="utf-8").splitlines()[0])
    entry |= {name: {"content": planted} for name in ("messages", "response", "proxy_server_request")}
    entry |= {"requester_ip_address": planted, "api_base": planted, "cache_key": planted}
    entry["metadata"] |= {"spend_logs_metadata": {"note": planted}, "user_api_key_alias": planted}
    entry["metadata"]["error_information"] = {"error_message": planted, "traceback": planted}
    entry["metadata"]["usage_object"]["anything"] = planted
    connection = land([write_jsonl(tmp_path / "log.jsonl", [entry])], FORMAT)
    assert planted not in str(rows(connection, "SELECT * FROM landed"))


def test_a_count_that_is_no_number_is_a_defect_of_its_row_alone(tmp_path):
    entries = [json.loads(line) for line in LOG.read_text(encoding="utf-8").splitlines()]
    entries[1]["metadata"]["usage_object"]["prompt_tokens_details"]["cached_tokens"] = "many"
    log = write_jsonl(tmp_path / "log.jsonl", entries)
    assert defects([log], FORMAT) == [None, "wrong_type", None, None, None]
    assert [event["native_id"] for event in mapped([log], FORMAT)] == [
        "chat-1",
        "claude-1",
        "hit-1",
        "failed-1",
        "lost-1",
    ]


COUNTS = st.integers(min_value=0, max_value=10**6)


@st.composite
def _usages(draw):
    read, five, hour, rest, audio = (draw(COUNTS) for _ in range(5))
    details, usage = {}, {}
    if draw(st.booleans()):
        details["cached_tokens"] = read
    if draw(st.booleans()) or not details:
        usage["cache_read_input_tokens"] = read
    if draw(st.booleans()):
        usage["cache_creation_input_tokens"] = five + hour
    else:
        details["cache_creation_tokens"] = five + hour
    if draw(st.booleans()):
        usage["cache_creation"] = {"ephemeral_5m_input_tokens": five, "ephemeral_1h_input_tokens": hour}
    if draw(st.booleans()):
        details["audio_tokens"] = min(audio, rest)
    return {"prompt_tokens": read + five + hour + rest, "usage": usage | {"prompt_tokens_details": details}}


@settings(max_examples=20, deadline=None)
@given(st.lists(_usages(), min_size=1, max_size=40))
def test_the_parts_of_the_input_add_up_to_what_the_source_said(tmp_path_factory, usages):
    entries = [
        {
            "request_id": str(number),
            "startTime": "2026-10-05T00:00:00Z",
            "prompt_tokens": usage["prompt_tokens"],
            "completion_tokens": 1,
            "metadata": {"usage_object": usage["usage"]},
        }
        for number, usage in enumerate(usages)
    ]
    log = write_jsonl(tmp_path_factory.mktemp("litellm") / "log.jsonl", entries)
    audio = units([log], FORMAT)
    for number, event in enumerate(mapped([log], FORMAT)):
        parts = sum(event[part] for part in PARTS) + audio.get((number, "input_audio_tokens"), 0)
        assert parts == event["total_input_tokens"] == usages[number]["prompt_tokens"]


def _text(value):
    return None if value is None else str(value)


def _without_file(event):
    return {name: value for name, value in event.items() if name != "file_name"}
