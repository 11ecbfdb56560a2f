"""Bedrock's invocation logs become usage events; the truth of the fixture was worked out by hand."""

import gzip
import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sophia_metrics.sources.bedrock import FORMAT
from sophia_metrics.warehouse.protocol import Query
from tests.lab import Lab
from tests.landed import FIXTURES, at, defects, land, mapped, rows, write_jsonl

LOG = FIXTURES / "bedrock.jsonl"
CONVERSE, STREAM, UNSPLIT, NOVA, PROFILE, THROTTLED, EMBEDDING, AGENT = range(8)
PARTS = ("input_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens")


def _event(row, *names):
    event = mapped([LOG], FORMAT)[row]
    return tuple(event[name] for name in names)


def _record(ident, counts, **fields):
    record = {
        "schemaType": "ModelInvocationLog",
        "timestamp": "2026-10-05T07:00:00Z",
        "requestId": ident,
        "modelId": "anthropic.claude-sonnet-4-5-20250929-v1:0",
        "input": counts,
        "output": {"outputTokenCount": 1},
    }
    return record | fields


def test_input_stands_beside_its_cached_tokens():
    # 1000 + 2000 read
    assert _event(CONVERSE, *PARTS, "total_input_tokens", "output_tokens", "usage_quality") == (
        *(1000, 2000, 0, 0),
        *(3000, 100, "exact"),
    )


def test_the_body_of_a_streamed_answer_tells_how_writes_split():
    # 31,814 were written: 30,000 for five minutes, 1,814 for an hour
    assert _event(STREAM, *PARTS, "total_input_tokens", "usage_quality") == (3, 0, 30_000, 1_814, 31_817, "exact")


def test_the_body_of_an_answer_tells_how_writes_split(tmp_path):
    anthropic = {"usage": {"cache_creation": {"ephemeral_5m_input_tokens": 6, "ephemeral_1h_input_tokens": 4}}}
    converse = {"usage": {"cacheDetails": [{"ttl": "1h", "inputTokens": 4}, {"ttl": "5m", "inputTokens": 6}]}}
    records = [
        _record(
            str(number),
            {"inputTokenCount": 1, "cacheWriteInputTokenCount": 10},
            output={"outputTokenCount": 1, "outputBodyJson": body},
        )
        for number, body in enumerate([anthropic, converse])
    ]
    events = mapped([write_jsonl(tmp_path / "log.jsonl", records)], FORMAT)
    assert [tuple(event[part] for part in PARTS) for event in events] == [(1, None, 6, 4)] * 2


def test_a_write_without_a_time_to_live_is_taken_for_five_minutes_and_says_so():
    assert _event(UNSPLIT, *PARTS, "usage_quality") == (7, 0, 500, 0, "ttl_assumed")


def test_counts_that_the_record_does_not_tell_are_unknown():
    assert _event(PROFILE, *PARTS) == (512, None, None, None)
    assert _event(THROTTLED, *PARTS, "total_input_tokens", "output_tokens") == (None,) * 6


def test_a_refused_call_is_an_error_with_its_class():
    assert _event(THROTTLED, "status", "error_class", "usage_quality") == ("error", "ThrottlingException", "missing")


def test_an_embedding_needs_no_output():
    assert _event(EMBEDDING, "operation", "input_tokens", "output_tokens", "usage_quality") == (
        "embedding",
        50,
        None,
        "exact",
    )


@pytest.mark.parametrize(
    ("row", "provider", "model"),
    [
        (CONVERSE, "anthropic", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        (STREAM, "anthropic", "global.anthropic.claude-opus-4-6-v1"),
        (UNSPLIT, "anthropic", "anthropic.claude-sonnet-4-5-20250929-v1:0"),
        (NOVA, "amazon", "eu.amazon.nova-pro-v1:0"),
        (PROFILE, "bedrock", "application-inference-profile/x1y2z3"),
        (THROTTLED, "meta", "meta.llama3-3-70b-instruct-v1:0"),
    ],
)
def test_a_model_keeps_the_region_of_its_profile_and_loses_its_arn(row, provider, model):
    assert _event(row, "provider", "route", "model") == (provider, "bedrock", model)


def test_a_latency_optimised_answer_is_no_standard_one():
    assert _event(PROFILE, "service_tier") == ("latency_optimized",)
    assert _event(CONVERSE, "service_tier") == (None,)


def test_durations_are_those_of_the_body():
    assert _event(CONVERSE, "latency_ms", "ttft_ms", "is_stream") == (3640, None, False)
    assert _event(STREAM, "latency_ms", "ttft_ms", "is_stream") == (2500, 700, True)


def test_who_called_comes_from_the_record():
    assert _event(CONVERSE, "account_id", "region", "request_id", "started_at") == (
        "123456789012",
        "us-east-1",
        "req-1",
        at("2026-10-05T07:00:00"),
    )
    assert json.loads(_event(CONVERSE, "tags")[0]) == {"team": "search"}


def test_the_role_that_called_is_an_identifier():
    assert FORMAT.identity_columns == ("identity_arn",)
    assert _event(CONVERSE, "user_hash") == ("arn:aws:sts::123456789012:assumed-role/app/ann",)


def test_records_of_another_kind_are_ignored():
    assert [event["is_ignored"] for event in mapped([LOG], FORMAT)] == [False] * 7 + [True]


def test_a_packed_log_holds_the_same_events(tmp_path):
    packed = tmp_path / "log.json.gz"
    packed.write_bytes(gzip.compress(LOG.read_bytes()))
    plain, unpacked = mapped([LOG], FORMAT), mapped([packed], FORMAT)
    assert [event | {"file_name": ""} for event in unpacked] == [event | {"file_name": ""} for event in plain]


def test_no_text_of_prompts_or_answers_leaves_the_file(tmp_path):
    planted = "PLANTED-PROMPT"
    spoof = {"usage": {"cache_creation": {"ephemeral_5m_input_tokens": planted}}, "metrics": {"latencyMs": planted}}
    bodies = [spoof, [{"delta": {"text": planted}}], planted, {"output": {"message": {"content": planted}}}]
    records = [
        _record(
            str(number),
            {"inputTokenCount": 1, "inputBodyJson": {"messages": planted}},
            output={"outputTokenCount": 1, "outputBodyJson": body},
            requestMetadata={"note": planted * 10},
            errorMessage=planted,
        )
        for number, body in enumerate(bodies)
    ]
    connection = land([write_jsonl(tmp_path / "log.jsonl", records)], FORMAT)
    found = rows(connection, "SELECT * FROM landed")
    assert (len(found), planted in str(found)) == (4, False)


def test_a_count_that_is_no_number_is_a_defect_of_its_row_alone(tmp_path):
    records = [_record("a", {"inputTokenCount": 1}), _record("b", {"inputTokenCount": "many"})]
    assert defects([write_jsonl(tmp_path / "log.jsonl", records)], FORMAT) == [None, "wrong_type"]


def test_a_regional_profile_costs_a_tenth_more(tmp_path):
    lab = Lab(tmp_path / "home")
    lab.collect(lab.source(LOG, file_format=FORMAT))

    sql = (
        "SELECT cost_usd, cost_basis FROM core_usage_events WHERE request_id IN ('req-1', 'req-3') ORDER BY request_id"
    )
    # us.: 3.30, 0.33 and 16.50 dollars a million: 1000 * 3.30 + 2000 * 0.33 + 100 * 16.50 = 5610 of a million;
    # without a profile too: 7 * 3.30 + 500 * 4.125 + 9 * 16.50 = 2234.1
    assert lab.warehouse.read(Query(sql)).rows() == [
        (Decimal("0.00561"), "computed"),
        (Decimal("0.0022341"), "computed"),
    ]


COUNTS = st.integers(min_value=0, max_value=10**6)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(COUNTS, COUNTS, COUNTS, COUNTS, st.booleans()), min_size=1, max_size=40))
def test_the_parts_of_the_input_are_what_the_record_said(tmp_path_factory, usages):
    records = []
    for number, (fresh, read, five, hour, is_split) in enumerate(usages):
        counts = {
            "inputTokenCount": fresh,
            "cacheReadInputTokenCount": read,
            "cacheWriteInputTokenCount": five + hour,
        }
        split = {"ephemeral_5m_input_tokens": five, "ephemeral_1h_input_tokens": hour}
        body = {"usage": {"cache_creation": split}} if is_split else {}
        records.append(_record(str(number), counts, output={"outputTokenCount": 1, "outputBodyJson": body}))
    log = write_jsonl(tmp_path_factory.mktemp("bedrock") / "log.jsonl", records)
    for event, (fresh, read, five, hour, is_split) in zip(mapped([log], FORMAT), usages, strict=True):
        writes = (five, hour) if is_split else (five + hour, 0)
        assert tuple(event[part] for part in PARTS) == (fresh, read, *writes)
        assert event["total_input_tokens"] == fresh + read + five + hour
