"""The sample data: what a newcomer sees first must look like a real company, and never change under them."""

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from genai_prices import Usage, calc_price

from sophia_metrics.usage.sample import write_sample

TODAY = date(2026, 11, 23)
YESTERDAY = date(2026, 11, 22)

EVENT_KEYS = {
    *("id", "started_at", "ended_at", "provider", "route", "model", "operation", "service_tier", "status"),
    *("error_class", "team", "project", "environment", "user", "api_key", "session", "tags", "input_tokens"),
    *("cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens", "output_tokens"),
    *("reasoning_tokens", "latency_ms", "ttft_ms", "is_cache_hit", "is_stream", "finish_reason"),
    *("cost", "currency"),
}


def calls_in(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def day_of(path):
    return date.fromisoformat(path.stem[-10:])


def started_on(call):
    return date.fromisoformat(call["started_at"][:10])


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_sample(tmp_path_factory.mktemp("sample"), TODAY)


@pytest.fixture(scope="module")
def calls(files):
    return [call for path in files for call in calls_in(path)]


def test_there_is_one_file_a_day_for_ninety_days_up_to_yesterday(files):
    assert [day_of(path) for path in files] == [YESTERDAY - timedelta(days=back) for back in range(89, -1, -1)]


def test_every_call_has_all_the_keys_of_the_event_format_and_no_other(calls):
    assert all(call.keys() == EVENT_KEYS for call in calls)


def test_ninety_days_hold_about_fifteen_thousand_calls_with_ids_of_their_own(calls):
    assert 12_000 < len(calls) < 18_000
    assert len({call["id"] for call in calls}) == len(calls)


def test_a_second_folder_gets_the_same_bytes(files, tmp_path):
    again = write_sample(tmp_path, TODAY)

    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in files]


def test_a_later_day_adds_a_file_and_changes_no_older_one(tmp_path):
    before = {path.name: path.read_bytes() for path in write_sample(tmp_path, TODAY)}

    after = {path.name: path.read_bytes() for path in write_sample(tmp_path, TODAY + timedelta(days=4))}

    assert len(after.keys() - before.keys()) == 4
    assert all(after[name] == before[name] for name in after.keys() & before.keys())
    assert len(list(tmp_path.iterdir())) == 94


def test_a_second_call_touches_no_file(tmp_path):
    def stamps():
        return {path.name: (path.stat().st_mtime_ns, path.stat().st_ino) for path in tmp_path.iterdir()}

    write_sample(tmp_path, TODAY)
    before = stamps()

    write_sample(tmp_path, TODAY)

    assert stamps() == before


def test_a_file_that_was_damaged_is_made_whole_again(files, tmp_path):
    newest = write_sample(tmp_path, TODAY)[-1]
    newest.write_text("half a li", encoding="utf-8")

    write_sample(tmp_path, TODAY)

    assert newest.read_bytes() == files[-1].read_bytes()


def test_weekdays_have_150_to_250_calls_and_weekends_a_good_deal_fewer(calls):
    by_day = Counter(started_on(call) for call in calls)
    weekdays = [count for day, count in by_day.items() if day.weekday() < 5]
    weekends = [count for day, count in by_day.items() if day.weekday() >= 5]

    assert min(weekdays) >= 150
    assert max(weekdays) <= 250
    assert max(weekends) < min(weekdays) / 2


def test_the_last_month_is_busier_than_the_first(calls):
    by_day = Counter(started_on(call) for call in calls)
    first = sum(by_day[YESTERDAY - timedelta(days=back)] for back in range(62, 90))
    last = sum(by_day[YESTERDAY - timedelta(days=back)] for back in range(28))

    assert 1.02 < last / first < 1.25


def test_the_last_calls_of_a_day_arrive_in_the_file_of_three_days_later(files):
    late = [(day_of(path), call) for path in files for call in calls_in(path) if started_on(call) != day_of(path)]

    assert late
    assert {arrived - started_on(call) for arrived, call in late} == {timedelta(days=3)}
    for path in files:
        own = [call["started_at"] for call in calls_in(path) if started_on(call) == day_of(path)]
        of_this_day = [call["started_at"] for _, call in late if started_on(call) == day_of(path)]
        assert not of_this_day or max(own) <= min(of_this_day)


@pytest.mark.parametrize("today", [date(2025, 3, 1), date(2026, 2, 14), date(2027, 7, 9)])
def test_whatever_the_day_there_is_a_late_day_with_its_late_calls(tmp_path, today):
    files = write_sample(tmp_path, today)

    assert any(started_on(call) != day_of(path) for path in files for call in calls_in(path))


def test_all_models_but_the_self_hosted_one_have_a_public_price(calls):
    unpriced = set()
    for provider, route, model in {(call["provider"], call["route"], call["model"]) for call in calls}:
        seller = provider if route == "direct" else route
        name = f"{provider}/{model}" if route == "openrouter" else model
        try:
            calc_price(
                Usage(input_tokens=1000),
                name,
                provider_id=seller,
                genai_request_timestamp=datetime(2026, 9, 1, tzinfo=UTC),
            )
        except LookupError:
            unpriced.add((provider, model))

    assert unpriced == {("self-hosted", "support-8b-instruct")}
    assert len({call["model"] for call in calls}) >= 7


def test_several_providers_routes_teams_and_projects_take_part(calls):
    def seen(key):
        return {call[key] for call in calls}

    assert seen("provider") == {"openai", "anthropic", "google", "self-hosted"}
    assert seen("route") == {"direct", "azure", "openrouter"}
    assert seen("team") == {"search", "support", "platform", "growth"}
    assert len(seen("project")) == 7
    assert seen("environment") == {"production", "staging"}


def test_prompt_caches_response_caches_batches_and_errors_all_occur(calls):
    assert sum(call["is_cache_hit"] for call in calls) > 500
    assert sum((call["cache_read_tokens"] or 0) > 0 for call in calls) > 2000
    assert sum((call["cache_write_5m_tokens"] or 0) > 0 for call in calls) > 100
    assert sum((call["cache_write_1h_tokens"] or 0) > 0 for call in calls) > 10
    assert 50 < sum(call["service_tier"] == "batch" for call in calls) < 500
    assert {call["error_class"] for call in calls if call["status"] == "error"} == {"rate_limit", "timeout"}
    assert 0.01 < sum(call["status"] != "ok" for call in calls) / len(calls) < 0.06


def test_what_a_call_used_that_broke_off_is_unknown_and_not_zero(calls):
    broken = [call for call in calls if call["status"] == "cancelled" or call["error_class"] == "timeout"]

    assert broken
    assert all(call["input_tokens"] is call["output_tokens"] is call["latency_ms"] is None for call in broken)


def test_tokens_and_times_of_the_other_calls_are_plausible(calls):
    whole = [call for call in calls if call["input_tokens"] is not None]

    assert all(min(call[key] for key in call if key.endswith("_tokens")) >= 0 for call in whole)
    assert all(call["reasoning_tokens"] <= call["output_tokens"] for call in whole)
    assert all(call["latency_ms"] > 0 for call in whole)
    assert all(call["ttft_ms"] is None or call["ttft_ms"] <= call["latency_ms"] for call in whole)
    assert all(call["ended_at"] > call["started_at"] for call in whole)


def test_nothing_but_the_sample_files_is_left_in_the_folder(files):
    assert sorted(Path(files[0].parent).iterdir()) == files
