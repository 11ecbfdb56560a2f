"""Claude Code's logs become usage events; the truth of the fixture was worked out by hand."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from sophia_metrics.sources.claude import FORMAT
from tests.landed import FIXTURES, at, land, mapped, rows, units, write_jsonl

LOG = FIXTURES / "claude.jsonl"
SUMMARY, USER, CALL, REPLAY, SYNTHETIC, FAST = range(6)
PARTS = ("input_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens")


def _event(row, *names):
    event = mapped([LOG], FORMAT)[row]
    return tuple(event[name] for name in names)


def _line(message_id, request_id, output, **line):
    return {
        "type": "assistant",
        "timestamp": "2026-10-05T09:00:00Z",
        "requestId": request_id,
        "message": {
            "id": message_id,
            "model": "claude-sonnet-5",
            "usage": {"input_tokens": 1, "output_tokens": output},
        },
    } | line


def test_lines_that_are_not_usage_are_ignored():
    assert [event["is_ignored"] for event in mapped([LOG], FORMAT)] == [True, True, False, False, True, False]


def test_input_stands_beside_its_cached_tokens():
    assert _event(CALL, *PARTS, "total_input_tokens", "output_tokens", "usage_quality") == (
        *(3, 1000, 60, 40),
        1103,
        9,
        "exact",
    )


def test_a_write_without_a_time_to_live_is_taken_for_five_minutes_and_says_so():
    assert _event(REPLAY, *PARTS, "usage_quality") == (3, 1000, 100, 0, "ttl_assumed")


def test_counts_that_the_line_does_not_tell_are_unknown():
    assert _event(FAST, *PARTS, "total_input_tokens") == (5, None, None, None, 5)


def test_the_project_is_the_last_part_of_the_working_folder():
    assert [_event(row, "project") for row in (CALL, FAST)] == [("shop",), ("shop",)]


def test_without_a_working_folder_the_project_is_the_logs_folder(tmp_path):
    folder = tmp_path / "projects" / "-work-shop" / "session" / "subagents"
    folder.mkdir(parents=True)
    log = write_jsonl(folder / "agent-1.jsonl", [_line("m", "r", 1)])
    assert mapped([log], FORMAT)[0]["project"] == "-work-shop"


def test_the_name_in_a_home_folder_does_not_leave_the_file():
    assert "ann" not in str(rows(land([LOG], FORMAT), "SELECT * EXCLUDE (file_name) FROM landed"))


def test_model_provider_tier_and_cost_come_from_the_line():
    assert _event(CALL, "provider", "route", "model", "service_tier", "region", "finish_reason") == (
        "anthropic",
        "direct",
        "claude-sonnet-4-5-20250929",
        "standard",
        None,
        "end_turn",
    )
    assert _event(CALL, "cost_reported", "cost_reported_currency") == (Decimal("0.01"), "USD")
    assert _event(FAST, "service_tier", "cost_reported_currency") == ("fast", None)


def test_the_time_is_naive_utc():
    assert _event(CALL, "started_at", "source_updated_at") == (at("2026-10-05T09:00:01.500000"), None)


def test_web_searches_are_a_unit():
    assert units([LOG], FORMAT) == {(CALL, "web_searches"): 1}


def test_lines_of_one_answer_share_an_id_and_a_replayed_one_ranks_below():
    call, replay = _event(CALL, "native_id", "version_rank"), _event(REPLAY, "native_id", "version_rank")
    assert call[0] == replay[0]
    assert (call[1], replay[1]) == (0, -1)


def test_the_same_message_of_another_request_is_another_call(tmp_path):
    log = write_jsonl(tmp_path / "log.jsonl", [_line("m", "r-1", 1), _line("m", "r-2", 1), _line("m", None, 1)])
    assert len({event["native_id"] for event in mapped([log], FORMAT)}) == 3


def test_of_a_growing_answer_the_greatest_version_wins(tmp_path):
    # ccusage#901: the log has 9, 9 and 159 output tokens; 159 were billed. A replay with more tokens loses.
    lines = [_line("m", "r", output) for output in (9, 159, 9)]
    lines.append(_line("m", "r", 999, isSidechain=True))
    connection = land([write_jsonl(tmp_path / "log.jsonl", lines)], FORMAT)
    winner = rows(
        connection,
        f"SELECT output_tokens FROM ({FORMAT.mapping}) QUALIFY row_number() OVER "
        "(PARTITION BY native_id ORDER BY version_rank DESC, total_input_tokens + output_tokens DESC, "
        "cost_reported DESC NULLS LAST) = 1",
    )
    assert winner == [{"output_tokens": 159}]


def test_repeated_lines_are_as_many_calls_as_they_have_ids(tmp_path):
    # The shape of ClaudeBar#207: one response is logged 14 times.
    lines = [_line("m-1", "r-1", 2)] * 14 + [_line(f"m-{number}", f"r-{number}", 2) for number in range(2, 5)]
    connection = land([write_jsonl(tmp_path / "log.jsonl", lines)], FORMAT)
    assert rows(connection, f"SELECT count(DISTINCT native_id) AS calls FROM ({FORMAT.mapping})") == [{"calls": 4}]


def test_a_line_of_another_shape_is_ignored_and_not_a_bad_call(tmp_path):
    lines = [{"type": "system", "message": "compacted"}, _line("m", "r", 5)]
    events = mapped([write_jsonl(tmp_path / "log.jsonl", lines)], FORMAT)
    assert [event["is_ignored"] for event in events] == [True, False]


def test_an_answer_whose_counts_are_no_numbers_is_a_bad_call_and_not_ignored(tmp_path):
    line = _line("m", "r", 5)
    line["message"]["usage"] = {"input_tokens": "many"}
    (event,) = mapped([write_jsonl(tmp_path / "log.jsonl", [line])], FORMAT)
    assert (event["defect"], event["is_ignored"]) == ("wrong_type", False)


def test_no_prompt_text_leaves_the_file(tmp_path):
    planted = "PLANTED-PROMPT"
    line = _line("m", "r", 5, toolUseResult=planted, summary=planted, gitBranch=planted, content=planted)
    line["message"] |= {"content": [{"type": "text", "text": planted}], "role": planted}
    connection = land([write_jsonl(tmp_path / "log.jsonl", [line])], FORMAT)
    assert planted not in str(rows(connection, "SELECT * FROM landed"))


COUNTS = st.integers(min_value=0, max_value=10**6)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(COUNTS, COUNTS, COUNTS, COUNTS, st.booleans()), min_size=1, max_size=40))
def test_the_parts_of_the_input_add_up_to_what_the_log_said(tmp_path_factory, usages):
    lines = []
    for number, (fresh, read, five, hour, is_split) in enumerate(usages):
        line = _line(str(number), None, 1)
        usage = {
            "input_tokens": fresh,
            "cache_read_input_tokens": read,
            "cache_creation_input_tokens": five + hour,
        }
        if is_split:
            usage["cache_creation"] = {"ephemeral_5m_input_tokens": five, "ephemeral_1h_input_tokens": hour}
        line["message"]["usage"] = usage
        lines.append(line)
    log = write_jsonl(tmp_path_factory.mktemp("claude") / "log.jsonl", lines)
    for event, (fresh, read, five, hour, is_split) in zip(mapped([log], FORMAT), usages, strict=True):
        writes = (five, hour) if is_split else (five + hour, 0)
        assert tuple(event[part] for part in PARTS) == (fresh, read, *writes)
        assert event["total_input_tokens"] == fresh + read + five + hour
