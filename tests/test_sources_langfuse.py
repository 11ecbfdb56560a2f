"""Langfuse's observations become usage events; the truth of the fixture was worked out by hand."""

import json
from decimal import Decimal

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sophia_metrics.sources.langfuse import FORMAT
from sophia_metrics.warehouse.protocol import Query
from tests.lab import Lab
from tests.landed import FIXTURES, at, defects, land, mapped, rows, units, write_jsonl

LOG = FIXTURES / "langfuse.jsonl"
OPENAI, EXPORTED, TWICE, INSIDE, GEMINI, AUDIO, FAILED, LOST, EMBEDDING, SPAN, UNCLEAR = range(11)
PARTS = ("input_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens")


def _event(row, *names):
    event = mapped([LOG], FORMAT)[row]
    return tuple(event[name] for name in names)


def _observation(ident, usage, **fields):
    observation = {"id": ident, "traceId": "t", "type": "GENERATION", "startTime": "2026-10-05T07:00:00Z"}
    return observation | {"providedModelName": "gpt-5-mini", "usageDetails": usage} | fields


def _one(tmp_path, usage, **fields):
    log = write_jsonl(tmp_path / "log.jsonl", [_observation("a", usage, **fields)])
    return mapped([log], FORMAT)[0]


def test_cached_tokens_and_reasoning_stand_beside_input_and_output():
    # 538 + 2208 cached; 177 + 20 of reasoning
    assert _event(OPENAI, *PARTS, "total_input_tokens", "output_tokens", "reasoning_tokens", "usage_quality") == (
        *(538, 2208, None, None),
        2746,
        *(197, 20, "exact"),
    )


def test_cache_writes_are_split_by_their_time_to_live():
    assert _event(EXPORTED, *PARTS, "total_input_tokens", "usage_quality") == (3, 1000, 60, 40, 1103, "exact")


def test_one_count_under_two_names_counts_once():
    assert _event(TWICE, *PARTS, "total_input_tokens", "usage_quality") == (33, None, 7, None, 40, "ttl_assumed")


def test_a_total_that_adds_up_only_without_the_parts_says_that_they_are_inside():
    # 1500 = 1000 + 500: the 300 cached tokens are among the 1000, the 120 of reasoning among the 500
    assert _event(INSIDE, *PARTS, "total_input_tokens", "output_tokens", "reasoning_tokens", "usage_quality") == (
        *(700, 300, None, None),
        1000,
        *(500, 120, "exact"),
    )


def test_a_total_can_say_so_of_the_output_alone():
    # 850 = 700 + 100 cached + 50: the 20 thoughts are among the 50
    assert _event(GEMINI, *PARTS, "output_tokens", "reasoning_tokens") == (700, 100, None, None, 50, 20)


def test_a_total_that_fits_no_reading_makes_the_usage_partial():
    assert _event(UNCLEAR, "input_tokens", "output_tokens", "usage_quality") == (10, 2, "partial")


def test_a_total_that_langfuse_summed_itself_says_nothing(tmp_path):
    # 33 + 33 + 7 + 7 + 10 + 2 searches
    usage = {"input": 33, "input_tokens": 33, "cache_read_input_tokens": 7, "input_cache_read": 7, "output": 10}
    event = _one(tmp_path, usage | {"web_search_requests": 2, "total": 92})
    assert (*(event[part] for part in PARTS[:2]), event["output_tokens"], event["usage_quality"]) == (
        33,
        7,
        10,
        "exact",
    )


def test_audio_searches_and_what_nobody_knows_are_units():
    assert units([LOG], FORMAT) == {
        (AUDIO, "input_audio_tokens"): 100,
        (AUDIO, "output_audio_tokens"): 50,
        (AUDIO, "web_searches"): 2,
        (AUDIO, "unmapped_input_magic_tokens"): 5,
    }
    assert _event(AUDIO, "input_tokens", "output_tokens") == (600, 450)


@pytest.mark.parametrize(
    ("key", "column"),
    [
        ("promptTokens", "input_tokens"),
        ("prompt_token_count", "input_tokens"),
        ("input_modality_1", "input_tokens"),
        ("input_cache_read", "cache_read_tokens"),
        ("cached_content_token_count", "cache_read_tokens"),
        ("cacheReadInputTokens", "cache_read_tokens"),
        ("cache_write_tokens", "cache_write_5m_tokens"),
        ("input_cache_creation", "cache_write_5m_tokens"),
        ("ephemeral_1h_input_tokens", "cache_write_1h_tokens"),
        ("candidates_token_count", "output_tokens"),
        ("thoughts_token_count", "reasoning_tokens"),
    ],
)
def test_the_spellings_of_the_integrations_are_known(tmp_path, key, column):
    log = write_jsonl(tmp_path / "log.jsonl", [_observation("a", {key: 7})])
    assert (mapped([log], FORMAT)[0][column], units([log], FORMAT)) == (7, {})


def test_a_key_that_nobody_knows_leaves_the_price_of_its_call_unknown(tmp_path):
    log = write_jsonl(tmp_path / "log.jsonl", [_observation("a", {"input": 1, "output": 1, "output_magic_tokens": 9})])
    lab = _ingested(tmp_path, log)
    assert lab.one("SELECT price_status FROM core_usage_events") == "partial"
    assert lab.one("SELECT unit FROM core_usage_units") == "unmapped_output_magic_tokens"


def test_only_generations_and_embeddings_are_calls():
    assert [row for row, event in enumerate(mapped([LOG], FORMAT)) if event["is_ignored"]] == [SPAN]
    assert _event(EMBEDDING, "operation", "input_tokens", "output_tokens", "usage_quality") == (
        *("embedding", 50),
        *(None, "exact"),
    )


def test_a_failure_that_counted_nothing_used_nothing():
    assert _event(FAILED, "status", "input_tokens", "output_tokens") == ("error", 0, 0)


def test_a_success_without_any_usage_is_unknown_and_never_zero():
    assert _event(LOST, "status", *PARTS, "output_tokens", "usage_quality") == ("ok", *(None,) * 5, "missing")


def test_both_spellings_of_the_names_are_read():
    assert _event(
        EXPORTED, "trace_id", "project", "started_at", "ended_at", "user_hash", "session_id", "parent_id"
    ) == (
        *("trace-1", "proj-1"),
        *(at("2026-10-05T07:01:00"), at("2026-10-05T07:01:01")),
        *("ann", None, None),
    )


def test_durations_come_from_the_times_and_else_from_the_seconds(tmp_path):
    assert _event(OPENAI, "latency_ms", "ttft_ms") == (2500, 400)
    # An old export writes 1000 for the second that its times tell.
    assert _event(EXPORTED, "latency_ms") == (1000,)
    told = _one(tmp_path, {"input": 1}, latency=1.5, timeToFirstToken=0.25)
    assert (told["latency_ms"], told["ttft_ms"]) == (1500, 250)


@pytest.mark.parametrize(
    ("model", "provider", "route"),
    [
        ("gpt-5-mini", "openai", None),
        ("claude-sonnet-5", "anthropic", None),
        ("models/gemini-2.5-pro", "google", None),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic", "bedrock"),
        ("bedrock/eu.amazon.nova-pro-v1:0", "amazon", "bedrock"),
        ("openrouter/anthropic/claude-sonnet-5", "anthropic", "openrouter"),
        ("azure/gpt-4o", "openai", "azure"),
        ("vertex_ai/claude-opus-4-6", "anthropic", "vertex"),
        ("groq/llama-3.3-70b-versatile", "groq", None),
        ("house-llm", "unknown", None),
    ],
)
def test_the_name_of_the_model_tells_its_provider_and_route(tmp_path, model, provider, route):
    event = _one(tmp_path, {"input": 1}, providedModelName=model)
    assert (event["provider"], event["route"], event["model"]) == (provider, route, model)


def test_who_called_comes_from_the_observation():
    assert _event(OPENAI, "environment", "span_id", "parent_id", "session_id", "source_updated_at") == (
        *("production", "obs-1", "obs-0", "s-1"),
        at("2026-10-05T07:00:05"),
    )
    assert json.loads(_event(OPENAI, "tags")[0]) == {"beta": "true", "shop": "true"}


def test_people_are_identifiers():
    assert FORMAT.identity_columns == ("userId", "user_id", "sessionId", "session_id")


def test_of_the_parameters_of_a_model_only_the_tier_is_read(tmp_path):
    for parameters in ({"service_tier": "flex", "system": "be brief"}, '{"service_tier": "flex"}'):
        assert _one(tmp_path, {"input": 1}, modelParameters=parameters)["service_tier"] == "flex"
    assert _one(tmp_path, {"input": 1}, modelParameters={"service_tier": "be brief"})["service_tier"] is None


def test_the_cost_is_langfuses_estimate():
    assert _event(OPENAI, "cost_reported", "cost_reported_currency") == (Decimal("0.0006"), "USD")
    assert FORMAT.reported_basis == "estimated"


@pytest.mark.parametrize("kind", ["csv", "parquet", "json"])
def test_other_kinds_of_export_hold_the_same_events(tmp_path, kind):
    entries = [json.loads(line) for line in LOG.read_text(encoding="utf-8").splitlines()]
    names = list(dict.fromkeys(name for entry in entries for name in entry))
    cells = {name: [_cell(entry.get(name)) for entry in entries] for name in names}
    frame = pl.DataFrame(cells, schema=dict.fromkeys(names, pl.String))
    frame.write_csv(tmp_path / "log.csv")
    frame.write_parquet(tmp_path / "log.parquet")
    (tmp_path / "log.json").write_text(json.dumps(entries, indent=2))

    expected = [_without_file(event) for event in mapped([LOG], FORMAT)]
    assert [_without_file(event) for event in mapped([tmp_path / f"log.{kind}"], FORMAT)] == expected


def test_a_typed_parquet_export_holds_its_events(tmp_path):
    log = tmp_path / "log.parquet"
    duckdb.execute(
        "COPY (SELECT 'a' AS id, 't' AS trace_id, 'GENERATION' AS type, TIMESTAMP '2026-10-05 07:00:00.25' AS start_time, "
        "'gpt-5-mini' AS provided_model_name, MAP {'input': 5::UBIGINT, 'output': 7::UBIGINT} AS usage_details, "
        f"0.00001::DOUBLE AS total_cost, ['beta'] AS tags) TO '{log}' (FORMAT parquet)"
    )
    (event,) = mapped([log], FORMAT)
    assert (event["started_at"], event["input_tokens"], event["output_tokens"], event["cost_reported"]) == (
        at("2026-10-05T07:00:00.250000"),
        *(5, 7),
        Decimal("0.00001"),
    )


@pytest.mark.parametrize(
    "usage",
    [
        "MAP {'input': 5::UBIGINT, 'input_cached_tokens': 3::UBIGINT, 'output': 7::UBIGINT}",
        "{'input': 5::UBIGINT, 'input_cached_tokens': 3::UBIGINT, 'output': 7::UBIGINT}",
        """'{"input": 5, "input_cached_tokens": 3, "output": 7}'""",
    ],
    ids=["map", "struct", "text"],
)
def test_a_parquet_export_to_a_bucket_holds_its_events_however_it_writes_usage(tmp_path, usage):
    log = tmp_path / "observations.parquet"
    duckdb.execute(
        "COPY (SELECT 'a' AS id, 't' AS trace_id, 'p' AS project_id, 'production' AS environment, "
        "'GENERATION' AS type, NULL::VARCHAR AS parent_observation_id, 'answer' AS name, 'DEFAULT' AS level, "
        "TIMESTAMP '2026-10-05 07:00:00.25' AS start_time, TIMESTAMP '2026-10-05 07:00:01.75' AS end_time, "
        "TIMESTAMP '2026-10-05 07:00:00.65' AS completion_start_time, TIMESTAMP '2026-10-05 07:00:02' AS updated_at, "
        "'ada' AS user_id, 's' AS session_id, 'gpt-5-mini' AS provided_model_name, "
        """'{"service_tier": "flex"}' AS model_parameters, """
        f"{usage} AS usage_details, MAP {{'total': 0.00001::DECIMAL(18, 12)}} AS cost_details, "
        "0.00001::DECIMAL(18, 12) AS total_cost, 1.5::DOUBLE AS latency, 0.4::DOUBLE AS time_to_first_token) "
        f"TO '{log}' (FORMAT parquet)"
    )
    (event,) = mapped([log], FORMAT)
    names = ("started_at", "source_updated_at", "input_tokens", "cache_read_tokens", "output_tokens", "cost_reported")
    assert tuple(event[name] for name in (*names, "latency_ms", "ttft_ms", "service_tier", "project")) == (
        at("2026-10-05T07:00:00.250000"),
        at("2026-10-05T07:00:02"),
        *(5, 3, 7, Decimal("0.00001")),
        *(1500, 400, "flex", "p"),
    )


def test_no_text_of_prompts_or_answers_leaves_the_file(tmp_path):
    planted = "PLANTED PROMPT"
    observation = _observation("a", {"input": 1, planted: 5})
    observation |= dict.fromkeys(("input", "output", "metadata", "name", "statusMessage", "toolCalls"), planted)
    observation |= {"modelParameters": {"service_tier": planted, "system": planted}, "tags": [planted * 20]}
    log = write_jsonl(tmp_path / "log.jsonl", [observation])
    assert planted not in str(rows(land([log], FORMAT), "SELECT * FROM landed"))
    # The count under that name is not lost.
    assert list(units([log], FORMAT).values()) == [5]


def test_a_count_that_is_no_number_is_a_defect_of_its_row_alone(tmp_path):
    log = write_jsonl(tmp_path / "log.jsonl", [_observation("a", {"input": 1}), _observation("b", {"input": "many"})])
    assert defects([log], FORMAT) == [None, "wrong_type"]


def test_a_call_is_priced_by_its_own_tokens_and_not_by_the_estimate(tmp_path):
    lab = _ingested(tmp_path, LOG)
    sql = "SELECT cost_usd, cost_basis, cost_reported_usd FROM core_usage_events WHERE span_id = 'obs-1'"
    # logfire#1316: 538 * 0.25 + 2208 * 0.025 + 197 * 2 = 583.7 of a million
    assert lab.warehouse.read(Query(sql)).rows() == [(Decimal("0.0005837"), "computed", Decimal("0.0006"))]


def test_a_newer_export_of_an_observation_replaces_it(tmp_path):
    lab = Lab(tmp_path / "home")
    for number, tokens in enumerate((5, 3)):
        observation = _observation("a", {"input": tokens, "output": 1}, updatedAt=f"2026-10-05T07:00:0{number}Z")
        log = write_jsonl(tmp_path / f"{number}.jsonl", [observation])
        lab.collect(lab.source(log, file_format=FORMAT))
    assert lab.core(["input_tokens"]) == [(3,)]


COUNTS = st.integers(min_value=0, max_value=10**6)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS), min_size=1, max_size=40), st.booleans())
def test_the_parts_add_up_to_the_total_that_langfuse_said(tmp_path_factory, usages, has_total):
    names = ("input", "input_cached_tokens", "input_cache_creation_5m", "input_cache_creation_1h")
    names += ("output", "output_reasoning_tokens")
    observations = []
    for number, counts in enumerate(usages):
        usage = dict(zip(names, counts, strict=True))
        observations.append(_observation(str(number), usage | ({"total": sum(counts)} if has_total else {})))
    log = write_jsonl(tmp_path_factory.mktemp("langfuse") / "log.jsonl", observations)
    for event, counts in zip(mapped([log], FORMAT), usages, strict=True):
        if sum(counts) > 0:
            parts = tuple(event[part] for part in PARTS)
            assert (*parts, event["output_tokens"]) == (*counts[:4], counts[4] + counts[5])
            assert event["total_input_tokens"] == sum(counts[:4])


def _ingested(tmp_path, path):
    lab = Lab(tmp_path / "home")
    lab.collect(lab.source(path, file_format=FORMAT))
    return lab


def _cell(value):
    if isinstance(value, dict | list):
        return json.dumps(value)
    return None if value is None else str(value)


def _without_file(event):
    return {name: value for name, value in event.items() if name != "file_name"}
