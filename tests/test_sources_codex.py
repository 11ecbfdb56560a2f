"""Codex's logs become usage events; the truth of the fixtures was worked out by hand."""

import json
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from sophia_metrics.sources.codex import FORMAT
from sophia_metrics.sources.file_source import FileSource
from sophia_metrics.sources.terms import SourceTerms
from sophia_metrics.warehouse.protocol import Query
from tests.lab import Lab
from tests.landed import FIXTURES, at, land, mapped, rows, write_jsonl

LOG, FORK, RECORDS = (FIXTURES / name for name in ("codex.jsonl", "codex_fork.jsonl", "codex_records.jsonl"))
PARTS = ("input_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens")
PARENT = "019e0000-0000-7000-8000-000000000001"
CHILD = "019e0000-5000-7000-8000-000000000002"
OLD_TURN = "019e0000-0100-7000-8000-00000000000a"
NEW_TURN = "019e0000-5001-7000-8000-00000000000c"


def _calls(paths, *names):
    return [tuple(event[name] for name in names) for event in mapped(paths, FORMAT) if not event["is_ignored"]]


def _used(paths):
    return _calls(paths, "total_input_tokens", "output_tokens")


def _line(kind, **payload):
    return {"timestamp": "2026-10-05T09:00:00Z", "type": kind, "payload": payload}


def _meta(thread, parent=None):
    return _line("session_meta", id=thread, forked_from_id=parent, cwd="/home/ann/shop")


def _turn(turn_id, model="gpt-5-mini"):
    return _line("turn_context", turn_id=turn_id, model=model, cwd="/home/ann/shop")


def _usage(tokens, output=None):
    output = tokens // 10 if output is None else output
    return {"input_tokens": tokens, "cached_input_tokens": 0, "output_tokens": output, "reasoning_output_tokens": 0}


def _count(total, last, output=None):
    info = {"total_token_usage": _usage(total, output), "last_token_usage": _usage(last, output)}
    return _line("event_msg", type="token_count", info=info)


def _record(response_id, turn_id, tokens):
    return _line("token_usage_record", response_id=response_id, turn_id=turn_id, usage=_usage(tokens))


def _source(*paths):
    terms = SourceTerms("codex", FORMAT.name, billing=FORMAT.billing)
    return FileSource(terms, FORMAT, tuple(str(path) for path in paths))


def _distinct(paths):
    connection = land(paths, FORMAT)
    found = rows(
        connection,
        f"SELECT sum(total_input_tokens) AS tokens FROM (SELECT native_id, max(total_input_tokens) AS "
        f"total_input_tokens FROM ({FORMAT.mapping}) WHERE NOT is_ignored GROUP BY native_id)",
    )
    return found[0]["tokens"]


def test_a_call_is_what_the_running_totals_grew_by():
    # 1000, then 2500 - 1000 = 1500; then the totals fall to 400 and are taken as they are
    assert _calls([LOG], "total_input_tokens", "cache_read_tokens", "output_tokens", "reasoning_tokens") == [
        (1000, 300, 50, 20),
        (1500, 1000, 100, 40),
        (400, 0, 30, 0),
    ]


def test_totals_that_begin_anew_above_the_old_ones_are_taken_as_they_are(tmp_path):
    lines = [_meta("s"), _turn("t-1"), _count(100, 100), _turn("t-2"), _count(500, 500), _count(600, 100)]
    assert _used([write_jsonl(tmp_path / "log.jsonl", lines)]) == [(100, 10), (500, 50), (100, 10)]


def test_a_call_whose_line_is_missing_is_counted_with_the_next_one_and_says_so(tmp_path):
    lines = [_meta("s"), _turn("t"), _count(100, 100), _count(400, 100)]
    log = write_jsonl(tmp_path / "log.jsonl", lines)
    assert _calls([log], "total_input_tokens", "usage_quality") == [(100, "exact"), (300, "tier_unknown")]


def test_cached_tokens_are_taken_out_of_the_input():
    assert _calls([LOG], *PARTS) == [(700, 300, None, None), (500, 1000, None, None), (400, 0, None, None)]


def test_what_was_written_to_a_cache_is_taken_out_of_the_input_too():
    # 1000 - 600 read - 100 written = 300
    assert _calls([RECORDS], *PARTS) == [(300, 600, 100, None), (500, 1500, 0, None)]


def test_lines_without_new_counts_are_ignored():
    assert [number for number, event in enumerate(mapped([LOG], FORMAT)) if not event["is_ignored"]] == [5, 7, 9]


def test_the_model_is_that_of_the_turn():
    assert _calls([LOG], "model", "provider", "route") == [
        ("gpt-5-mini", "openai", "direct"),
        ("gpt-5-mini", "openai", "direct"),
        ("gpt-5", "openai", "direct"),
    ]


def test_a_log_without_models_keeps_its_calls_under_an_unknown_one(tmp_path):
    log = write_jsonl(tmp_path / "log.jsonl", [_meta("s"), _count(100, 100)])
    assert _calls([log], "model", "total_input_tokens") == [("unknown", 100)]


def test_calls_of_an_azure_deployment_are_billed_by_azure():
    assert _calls([RECORDS], "provider", "route")[0] == ("openai", "azure")


def test_the_time_is_naive_utc():
    assert _calls([LOG], "started_at")[0] == (at("2026-10-05T09:00:10"),)


def test_the_project_is_the_last_part_of_the_working_folder():
    assert {project for (project,) in _calls([LOG, RECORDS], "project")} == {"shop"}


def test_a_response_that_is_told_in_both_ways_counts_once():
    assert _calls([RECORDS], "native_id", "total_input_tokens") == [("resp_1", 1000), ("resp_2", 2000)]


def test_a_session_that_a_newer_version_goes_on_with_keeps_its_earlier_calls(tmp_path):
    lines = [_meta("s"), _turn("t-1"), _count(100, 100), _count(300, 200)]
    lines += [_turn("t-2"), _record("resp", "t-2", 50), _count(350, 50)]
    assert _used([write_jsonl(tmp_path / "log.jsonl", lines)]) == [(100, 10), (200, 20), (50, 5)]


def test_a_fork_gives_the_calls_of_its_parent_their_own_ids_again():
    parent = {ident for (ident,) in _calls([LOG], "native_id")}
    fork = {ident for (ident,) in _calls([FORK], "native_id")}
    # Three were copied, one is new.
    assert (len(parent), len(fork), parent & fork) == (3, 4, parent)


def test_a_copied_call_ranks_below_its_original():
    assert _calls([LOG], "version_rank") == [(0,)] * 3
    assert _calls([FORK], "version_rank", "total_input_tokens") == [(-1, 1000), (-1, 1500), (-1, 400), (0, 700)]


def test_a_subagent_that_opens_on_the_totals_of_its_parent_counts_only_its_own_work(tmp_path):
    # It repeats the last reading before its first turn, or in a turn of its own making; 550 tokens are its own.
    lines = [_meta(CHILD, PARENT), _count(3_000_000, 9_000), _turn("rollout-1"), _count(3_001_000, 1_000)]
    lines += [_turn(NEW_TURN), _count(3_001_550, 550)]
    assert [tokens for tokens, _ in _used([write_jsonl(tmp_path / "log.jsonl", lines)])] == [550]


def test_a_fork_whose_parent_is_gone_keeps_its_copy_of_the_calls():
    assert [tokens for tokens, _ in _used([FORK])] == [1000, 1500, 400, 700]


def test_many_subagents_count_the_history_of_their_parent_once(tmp_path):
    # The shape of ccusage#950: 20 subagents, each with a copy of 50 calls of 100 tokens and one call of its own.
    history = [_turn(OLD_TURN), *(_count(100 * number, 100) for number in range(1, 51))]
    logs = [write_jsonl(tmp_path / "parent.jsonl", [_meta(PARENT), *history])]
    for number in range(20):
        turn = f"019e0000-5001-7000-8000-0000000000{number:02}"
        lines = [_meta(CHILD[:-2] + f"{number:02}", PARENT), _meta(PARENT), *history, _turn(turn), _count(5_007, 7)]
        logs.append(write_jsonl(tmp_path / f"child-{number}.jsonl", lines))
    # 50 * 100 + 20 * 7; every line in every file would be 21 * 5000 + 140.
    assert _distinct(logs) == 5_140


def test_without_ids_of_turns_a_fork_of_a_fork_drops_what_it_inherited(tmp_path):
    first, second, third = _count(100, 100), _count(300, 200), _count(600, 300)
    logs = [
        write_jsonl(tmp_path / "1.jsonl", [_meta("p"), first]),
        write_jsonl(tmp_path / "2.jsonl", [_meta("f", "p"), _meta("p"), first, second]),
        write_jsonl(tmp_path / "3.jsonl", [_meta("g", "f"), _meta("f", "p"), _meta("p"), first, second, third]),
    ]
    assert _distinct(logs) == 600


def test_sessions_that_report_the_same_counts_are_different_calls(tmp_path):
    logs = [write_jsonl(tmp_path / f"{name}.jsonl", [_meta(name), _count(100, 100)]) for name in ("a", "b")]
    assert _distinct(logs) == 200


def test_a_session_that_is_kept_in_two_places_counts_once(tmp_path):
    archived = tmp_path / "archived.jsonl"
    archived.write_bytes(LOG.read_bytes())
    assert _distinct([LOG, archived]) == _distinct([LOG]) == 2900


def test_a_copy_by_a_newer_version_with_more_fields_is_the_same_call(tmp_path):
    line = _count(100, 100)
    newer = json.loads(json.dumps(line))
    for usage in newer["payload"]["info"].values():
        usage |= {"cache_write_input_tokens": 0, "total_tokens": 110}
    logs = [
        write_jsonl(tmp_path / "1.jsonl", [_meta("p"), line]),
        write_jsonl(tmp_path / "2.jsonl", [_meta("f", "p"), _meta("p"), newer]),
    ]
    assert _distinct(logs) == 100


def test_counts_that_the_log_does_not_tell_are_unknown(tmp_path):
    line = _line("event_msg", type="token_count", info={"total_token_usage": {"input_tokens": 5}})
    log = write_jsonl(tmp_path / "log.jsonl", [_meta("s"), line])
    assert _calls([log], *PARTS, "output_tokens", "usage_quality") == [(5, None, None, None, None, "partial")]


def test_counts_that_are_no_numbers_are_a_bad_call_and_not_ignored(tmp_path):
    line = _line("event_msg", type="token_count", info={"total_token_usage": {"input_tokens": "many"}})
    odd = _line("response_item", type="message", usage="none")
    events = mapped([write_jsonl(tmp_path / "log.jsonl", [_meta("s"), line, odd])], FORMAT)
    assert [(event["defect"], event["is_ignored"]) for event in events] == [
        (None, True),
        ("wrong_type", False),
        ("wrong_type", True),
    ]


def test_the_session_is_an_identifier_and_the_first_that_its_file_names():
    assert FORMAT.identity_columns == ("thread_id",)
    assert {session for (session,) in _calls([FORK], "session_id")} == {CHILD}


def test_ids_of_calls_do_not_depend_on_the_secret_of_an_installation():
    connection = land([LOG], FORMAT)
    hidden = "WITH landed AS (SELECT plain.* REPLACE ('hidden' || thread_id AS thread_id) FROM main.landed AS plain)"
    calls = f"SELECT native_id, session_id FROM ({FORMAT.mapping}) WHERE NOT is_ignored ORDER BY row_ordinal"
    found = rows(connection, f"{hidden} {calls}")
    assert found[0]["session_id"] == f"hidden{PARENT}"
    assert [(row["native_id"],) for row in found] == _calls([LOG], "native_id")


def test_the_name_in_a_home_folder_does_not_leave_the_file():
    assert "ann" not in str(rows(land([LOG, RECORDS], FORMAT), "SELECT * EXCLUDE (file_name) FROM landed"))


def test_no_prompt_text_leaves_the_file(tmp_path):
    planted = "PLANTED-PROMPT"
    lines = [
        _meta("s") | {"instructions": planted},
        _line("response_item", type="message", content=[{"text": planted}], arguments=planted, name=planted),
        _line("event_msg", type="user_message", message=planted, info={"note": planted}),
        _line("turn_context", turn_id="t", model="gpt-5", user_instructions=planted, summary=planted),
        _line("compacted", message=planted, replacement_history=[planted]),
    ]
    lines[0]["payload"] |= {"base_instructions": {"text": planted}, "git": {"branch": planted}}
    connection = land([write_jsonl(tmp_path / "log.jsonl", lines)], FORMAT)
    assert planted not in str(rows(connection, "SELECT * FROM landed"))


def test_a_history_that_was_copied_is_paid_once(tmp_path):
    lab = Lab(tmp_path / "home")
    lab.collect(_source(LOG, FORK))

    sql = "SELECT started_at, list_cost_usd, cost_usd FROM core_usage_events ORDER BY started_at"
    # gpt-5-mini takes 0.25, 0.025 and 2 dollars a million, gpt-5 1.25 and 10:
    # 700 * 0.25 + 300 * 0.025 + 50 * 2 = 282.5; 500 * 0.25 + 1000 * 0.025 + 100 * 2 = 350;
    # 400 * 1.25 + 30 * 10 = 800; 600 * 0.25 + 100 * 0.025 + 40 * 2 = 232.5, all of a million
    assert lab.warehouse.read(Query(sql)).rows() == [
        (at("2026-10-05T09:00:10"), Decimal("0.0002825"), None),
        (at("2026-10-05T09:00:20"), Decimal("0.00035"), None),
        (at("2026-10-05T09:01:10"), Decimal("0.0008"), None),
        (at("2026-10-06T11:00:09"), Decimal("0.0002325"), None),
    ]


def test_the_order_of_a_fork_and_its_parent_makes_no_difference(tmp_path):
    found = []
    for name, paths in (("one", (LOG, FORK)), ("other", (FORK, LOG))):
        lab = Lab(tmp_path / name / "home")
        for path in paths:
            lab.collect(_source(path))
        found.append(lab.core())
    assert found[0] == found[1]


COUNTS = st.integers(min_value=0, max_value=10**6)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(COUNTS, COUNTS, COUNTS, st.integers(1, 3)), min_size=1, max_size=40))
def test_the_calls_add_up_to_the_last_total_however_often_a_line_is_repeated(tmp_path_factory, growth):
    lines, total = [_meta("s"), _turn("t")], dict.fromkeys(_usage(0), 0)
    for fresh, cached, output, times in growth:
        last = {"input_tokens": fresh + cached, "cached_input_tokens": cached, "output_tokens": output}
        last |= {"reasoning_output_tokens": output // 2}
        total = {name: total[name] + last[name] for name in total}
        info = {"total_token_usage": total, "last_token_usage": last}
        lines += [_line("event_msg", type="token_count", info=info)] * times
    log = write_jsonl(tmp_path_factory.mktemp("codex") / "log.jsonl", lines)
    calls = _calls([log], "input_tokens", "cache_read_tokens", "output_tokens", "reasoning_tokens")
    sums = [sum(column) for column in zip(*calls, strict=True)] or [0, 0, 0, 0]
    fresh, cached, output, reasoning = sums
    # A call of cached tokens alone has input; one without input and output is none.
    assert (fresh + cached, cached, output, reasoning) == tuple(total.values())
