"""OpenRouter's answers become usage events; the truth of the fixture was worked out by hand."""

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sophia_metrics.sources.openrouter import FORMAT
from sophia_metrics.warehouse.protocol import Query
from tests.lab import Lab
from tests.landed import FIXTURES, at, defects, land, mapped, rows, units, write_jsonl

LOG = FIXTURES / "openrouter.jsonl"
SOL, SONNET, _, _, _, OWN_KEY, OWN_KEY_UNTOLD, TOOLS, CHUNK, ERROR, GENERATION, CANCELLED = range(12)
PARTS = ("input_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens")


def _event(row, *names):
    event = mapped([LOG], FORMAT)[row]
    return tuple(event[name] for name in names)


def _answer(ident, usage, **fields):
    return {"id": ident, "created": 1_790_000_000, "model": "openai/gpt-5-mini", "usage": usage} | fields


def test_what_was_written_to_a_cache_is_taken_out_of_the_prompt():
    # 24,794 in the prompt - 24,791 written = 3
    assert _event(SOL, *PARTS, "output_tokens", "reasoning_tokens", "total_input_tokens") == (
        *(3, 0, 24_791, None),
        7_493,
        3_723,
        24_794,
    )


def test_a_write_without_a_time_to_live_is_taken_for_five_minutes_and_says_so():
    assert _event(SOL, "usage_quality") == ("ttl_assumed",)


def test_cached_written_and_audio_tokens_are_all_taken_out_of_the_prompt():
    # 1000 in the prompt - 300 read - 50 written (40 for five minutes, 10 for an hour) - 100 audio = 550
    assert _event(TOOLS, *PARTS, "usage_quality") == (550, 300, 40, 10, "exact")


def test_output_holds_its_reasoning_but_neither_audio_nor_images():
    # 500 - 30 audio - 20 images
    assert _event(TOOLS, "output_tokens", "reasoning_tokens") == (450, 120)


def test_searches_and_other_tools_are_units_and_no_search_counts_twice():
    # Three tool calls were executed, of which two were searches.
    assert units([LOG], FORMAT) == {
        (TOOLS, "web_searches"): 2,
        (TOOLS, "server_tool_calls"): 1,
        (TOOLS, "input_audio_tokens"): 100,
        (TOOLS, "output_audio_tokens"): 30,
        (TOOLS, "output_image_tokens"): 20,
        (CANCELLED, "search_results"): 5,
    }


def test_counts_that_the_answer_does_not_tell_are_unknown():
    assert _event(OWN_KEY, *PARTS, "reasoning_tokens") == (1000, None, None, None, None)


def test_an_answer_without_usage_is_unknown_and_never_zero(tmp_path):
    (event,) = mapped([write_jsonl(tmp_path / "log.jsonl", [_answer("a", None)])], FORMAT)
    assert (event["is_ignored"], event["input_tokens"], event["output_tokens"], event["usage_quality"]) == (
        False,
        None,
        None,
        "missing",
    )


def test_the_charge_is_what_was_billed():
    assert _event(SOL, "cost_reported", "cost_reported_currency") == (Decimal("0.1369135"), "USD")
    assert FORMAT.reported_basis == "billed"


def test_with_a_key_of_ones_own_the_fee_is_added_to_what_the_provider_takes():
    # 0.0005 of OpenRouter + 0.01 of the provider; 0.0004 + 0.0021 in the generation
    assert _event(OWN_KEY, "cost_reported") == (Decimal("0.0105"),)
    assert _event(CANCELLED, "cost_reported") == (Decimal("0.0025"),)


def test_the_fee_alone_is_not_the_cost_of_a_call():
    assert _event(OWN_KEY_UNTOLD, "cost_reported", "cost_reported_currency") == (None, None)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (SOL, ("openai", "openrouter", "openai/gpt-5.6-sol", "standard")),
        (TOOLS, ("google", "openrouter", "google/gemini-3-flash-preview", None)),
        (CANCELLED, ("deepseek", "openrouter", "deepseek/deepseek-chat", None)),
    ],
)
def test_the_model_tells_its_maker_and_the_route_who_bills(row, expected):
    assert _event(row, "provider", "route", "model", "service_tier") == expected


def test_the_host_behind_the_route_is_a_tag():
    assert json.loads(_event(2, "tags")[0]) == {"upstream": "Amazon Bedrock"}


def test_times_are_naive_utc_in_seconds_of_the_epoch_and_written():
    assert _event(SOL, "started_at") == (at("2026-09-17T10:00:00"),)
    assert _event(CANCELLED, "started_at", "latency_ms") == (at("2026-09-17T10:30:00.250000"), 1250)


def test_parts_of_a_stream_and_bodies_of_errors_are_ignored():
    ignored = [number for number, event in enumerate(mapped([LOG], FORMAT)) if event["is_ignored"]]
    assert ignored == [CHUNK, ERROR]


def test_a_generation_is_a_lesser_version_of_its_response():
    assert _event(SONNET, "native_id", "version_rank") == ("gen-s1", 0)
    assert _event(GENERATION, "native_id", "version_rank", "usage_quality") == ("gen-s1", -1, "partial")


def test_a_generation_tells_what_became_of_the_call():
    assert _event(CANCELLED, *PARTS, "output_tokens", "reasoning_tokens", "status", "is_stream", "finish_reason") == (
        *(60, 40, None, None),
        *(30, 5),
        *("cancelled", True, "stop"),
    )


def test_the_user_is_an_identifier():
    assert FORMAT.identity_columns == ("external_user",)
    assert _event(CANCELLED, "user_hash") == ("ann",)


def test_a_json_array_holds_the_same_events(tmp_path):
    array = tmp_path / "log.json"
    array.write_text(json.dumps([json.loads(line) for line in LOG.read_text(encoding="utf-8").splitlines()], indent=2))
    expected = [event | {"file_name": str(array)} for event in mapped([LOG], FORMAT)]
    assert mapped([array], FORMAT) == expected


def test_no_text_of_prompts_or_answers_leaves_the_file(tmp_path):
    planted = "PLANTED-PROMPT"
    answer = _answer("a", {"prompt_tokens": 1, "note": planted}, choices=[{"message": {"content": planted}}])
    answer |= {"error": {"code": 400, "message": planted, "metadata": {"raw": planted}}, "output": planted}
    generation = {"data": {"id": "b", "created_at": "2026-09-17T10:00:00Z", "origin": planted, "prompt": planted}}
    connection = land([write_jsonl(tmp_path / "log.jsonl", [answer, generation])], FORMAT)
    assert planted not in str(rows(connection, "SELECT * FROM landed"))


def test_a_count_that_is_no_number_is_a_defect_of_its_row_alone(tmp_path):
    answers = [_answer("a", {"prompt_tokens": 1}), _answer("b", {"prompt_tokens": "many"})]
    assert defects([write_jsonl(tmp_path / "log.jsonl", answers)], FORMAT) == [None, "wrong_type"]


def test_our_price_is_what_openrouter_billed(tmp_path):
    lab = Lab(tmp_path / "home")
    lab.collect(lab.source(LOG, file_format=FORMAT))

    sql = (
        "SELECT request_id, cost_computed_usd, cost_usd, cost_basis FROM core_usage_events ORDER BY started_at LIMIT 5"
    )
    assert lab.warehouse.read(Query(sql)).rows() == [
        (ident, Decimal(dollars), Decimal(dollars), "billed")
        for ident, dollars in [
            ("gen-sol", "0.1369135"),
            ("gen-s1", "0.005972"),
            ("gen-s2", "0.005936"),
            ("gen-s3", "0.006504"),
            ("gen-s4", "0.057754"),
        ]
    ]


def test_a_response_and_its_generation_are_one_call(tmp_path):
    lab = Lab(tmp_path / "home")
    lab.collect(lab.source(LOG, file_format=FORMAT))
    # Twelve lines: two are ignored, and one repeats a call.
    assert lab.one("SELECT count(*) FROM core_usage_events") == 9
    assert lab.one("SELECT version_rank FROM core_usage_events WHERE request_id = 'gen-s1'") == 0


COUNTS = st.integers(min_value=0, max_value=10**6)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(COUNTS, COUNTS, COUNTS, COUNTS, COUNTS), min_size=1, max_size=40))
def test_the_parts_of_the_input_add_up_to_what_the_answer_said(tmp_path_factory, usages):
    answers = [
        _answer(
            str(number),
            {
                "prompt_tokens": fresh + read + written + audio + video,
                "completion_tokens": 1,
                "prompt_tokens_details": {
                    "cached_tokens": read,
                    "cache_write_tokens": written,
                    "audio_tokens": audio,
                    "video_tokens": video,
                },
            },
        )
        for number, (fresh, read, written, audio, video) in enumerate(usages)
    ]
    log = write_jsonl(tmp_path_factory.mktemp("openrouter") / "log.jsonl", answers)
    media = units([log], FORMAT)
    for number, event in enumerate(mapped([log], FORMAT)):
        beside = sum(media.get((number, unit), 0) for unit in ("input_audio_tokens", "input_video_tokens"))
        assert sum(event[part] or 0 for part in PARTS) + beside == event["total_input_tokens"] == sum(usages[number])
