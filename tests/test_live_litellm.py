"""LiteLLM's proxy over HTTP, from its ledger to ours: single calls, and its own sums by day."""

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from sophia_metrics.connect import connect_reach
from sophia_metrics.services import HealthStatus
from sophia_metrics.sources.live.litellm_daily import DaySums
from tests.live_lab import LiveLab
from tests.vendors.litellm import KEY, PROMPT, Call, LiteLLM
from tests.vendors.server import OF_PAGES, Fault, VendorServer

NOW = datetime(2026, 11, 20, 12, 30)
START = datetime(2026, 11, 20, 6)
HOUR = timedelta(hours=1)
CLAUDE = "claude-sonnet-4-5-20250929"


@pytest.fixture
def proxy(monkeypatch):
    monkeypatch.setenv("LITELLM_API_KEY", KEY)
    vendor = LiteLLM()
    vendor.now = NOW
    with VendorServer(vendor) as server:
        vendor.url = server.url
        yield vendor


def _lab(folder, proxy, form="litellm_spend", **api):
    api = {"base_url": proxy.url, "since": "2026-11-20", "requests_per_minute": 60000, "deadline_seconds": 20} | api
    return LiveLab(folder, [{"name": "gateway", "format": form, **api}])


@pytest.fixture
def lab(proxy, tmp_path):
    return _lab(tmp_path, proxy)


def _events(lab, columns):
    return lab.rows(f"SELECT {columns} FROM core_usage_events ORDER BY started_at", NOW).rows()


def _count(lab):
    return lab.rows("SELECT count(*) AS n FROM core_usage_events", NOW)["n"][0]


def _reported(lab):
    """What the proxy itself says that the calls cost."""
    return lab.rows("SELECT sum(cost_reported) AS usd FROM core_usage_events", NOW)["usd"][0]


def test_our_cost_is_the_ledgers_to_the_cent_for_both_ways_of_telling_cached_tokens(proxy, lab):
    proxy.use(START, hours=6)
    lab.collect(NOW)

    assert lab.last["gateway"].finding is None
    assert _count(lab) == len(proxy.calls)
    assert lab.usd("gateway", NOW) == proxy.usd(START, NOW)


def test_every_kind_of_token_is_the_ledgers(proxy, lab):
    proxy.calls = [Call("a", START, CLAUDE, uncached=3, read=20, written=12_304, output=550)]
    lab.collect(NOW)

    columns = "input_tokens, cache_read_tokens, cache_write_5m_tokens, output_tokens"
    assert _events(lab, columns) == [(3, 20, 12_304, 550)]


def test_failures_and_answers_from_the_proxys_cache_are_calls_without_cost(proxy, lab):
    proxy.calls = [
        Call("a", START, status="failure"),
        Call("b", START + timedelta(seconds=1), status="failure"),
        Call("c", START + timedelta(seconds=2)),
        Call("d", START + timedelta(seconds=3), cache_hit="True"),
    ]
    lab.collect(NOW)

    told = _events(lab, "request_id, status, error_class, is_cache_hit, CAST(cost_usd AS VARCHAR)")
    assert told == [
        ("a", "error", "RateLimitError", False, "0.000000000000"),
        ("b", "error", "RateLimitError", False, "0.000000000000"),
        ("c", "ok", None, False, "0.000021000000"),
        ("d", "ok", None, True, "0.000000000000"),
    ]


def test_the_hour_that_runs_waits_until_it_is_closed(proxy, lab):
    proxy.calls = [Call("a", NOW - timedelta(minutes=10))]
    lab.collect(NOW)
    assert _count(lab) == 0

    lab.collect(NOW + timedelta(minutes=36))
    assert _count(lab) == 1


def test_a_call_that_is_logged_hours_after_its_start_is_found(proxy, lab):
    proxy.use(START, hours=3)
    lab.collect(NOW)
    proxy.calls.append(Call("late", START + timedelta(minutes=7)))
    lab.collect(NOW + 4 * HOUR)

    assert lab.last["gateway"].file_count == 2  # the hour of the late call, and the mark of the newest hour
    assert lab.usd("gateway", NOW) == proxy.usd(START, NOW)


def test_a_second_reading_of_the_same_changes_nothing(proxy, lab):
    proxy.use(START, hours=3)
    lab.collect(NOW)
    lab.collect(NOW + timedelta(minutes=1))

    assert lab.last["gateway"].file_count == 0
    assert _count(lab) == len(proxy.calls)


def test_no_call_is_lost_where_calls_arrive_between_two_pages(proxy, lab):
    proxy.rows_a_page = 100
    proxy.calls = [Call(f"c{number}", START + timedelta(seconds=number)) for number in range(150)]
    proxy.arriving = [Call(f"new{number}", START + timedelta(milliseconds=number)) for number in range(30)]
    lab.collect(NOW)

    assert lab.last["gateway"].finding is None
    sql = "SELECT count(*) AS n FROM core_usage_events WHERE request_id LIKE 'c%'"
    assert lab.rows(sql, NOW)["n"][0] == 150

    proxy.arriving.clear()
    lab.collect(NOW + timedelta(minutes=1))
    assert _count(lab) == len(proxy.calls)


def test_an_hour_with_more_calls_than_the_proxy_counts_is_parted(proxy, lab):
    proxy.count_cap = 40
    proxy.calls = [Call(f"c{number}", START + timedelta(seconds=13 * number)) for number in range(200)]
    lab.collect(NOW)

    assert lab.last["gateway"].finding is None
    assert _count(lab) == 200


def test_a_second_with_more_calls_than_the_proxy_counts_is_a_finding_that_names_the_database(proxy, lab):
    proxy.count_cap = 40
    proxy.calls = [Call(f"c{number}", START + timedelta(seconds=90.5)) for number in range(41)]
    pulled = lab.pull("gateway", NOW)

    assert "2026-11-20 06:01:30" in pulled.finding
    assert "litellm_database" in pulled.finding


def test_a_call_at_the_edge_of_two_hours_counts_once(proxy, lab):
    proxy.calls = [Call("edge", START + HOUR), Call("before", START + HOUR - timedelta(milliseconds=1))]
    lab.collect(NOW)

    assert _count(lab) == 2


def test_nothing_that_people_wrote_is_in_any_file(proxy, lab):
    proxy.use(START, hours=2)
    proxy.calls.append(Call("tagged", START, tags=("feature:chat", PROMPT * 9)))
    lab.collect(NOW)
    proxy.use(START + 3 * HOUR, hours=1)
    lab.pull("gateway", NOW + HOUR)  # what waits in the spool is a file too

    files = [path for path in (lab.folder / ".sophia").rglob("*") if path.is_file()]
    frames = [repr(pl.read_parquet(path).rows()) for path in files if path.suffix == ".parquet"]
    assert len(frames) > 3
    assert not [path for path in files if PROMPT.encode() in path.read_bytes()]
    assert not [text for text in frames if "Zwiebel" in text]


def test_numbers_of_the_usage_object_that_nobody_reads_are_noted_as_fields(proxy, lab):
    extra = {"image_tokens": 5, "output_details": {"video_tokens": 7}, "note": PROMPT, PROMPT: 5}
    proxy.calls = [Call("a", START, extra_usage=extra)]
    lab.collect(NOW)

    found = lab.rows("SELECT field_name FROM core_schema_changes ORDER BY field_name", NOW)["field_name"].to_list()
    usage = [name for name in found if name.startswith("metadata.usage_object.")]
    assert usage == ["metadata.usage_object.image_tokens", "metadata.usage_object.output_details.video_tokens"]


def test_metadata_and_tags_may_be_texts_of_json(proxy, lab, monkeypatch):
    row = Call.row.fget
    as_text = property(lambda call: row(call) | {"metadata": '{"usage_object": {"cache_read_input_tokens": 40}}'})
    monkeypatch.setattr(Call, "row", as_text)
    proxy.calls = [Call("a", START, uncached=60, read=40)]
    lab.collect(NOW)

    assert _events(lab, "input_tokens, cache_read_tokens") == [(60, 40)]


WAYS = [("litellm_spend", fault) for fault in Fault] + [
    ("litellm_daily", fault) for fault in (*sorted(OF_PAGES), Fault.CHANGED_SCHEMA)
]


@pytest.mark.parametrize(("form", "fault"), WAYS)
def test_after_any_fault_the_next_pull_ends_with_the_right_total(proxy, tmp_path, form, fault):
    lab = _lab(tmp_path, proxy, form, deadline_seconds=2 if fault is Fault.HANG else 20)
    proxy.rows_a_page = 3
    proxy.use(START, hours=2)
    (proxy.page_faults if fault in OF_PAGES else proxy.faults).append(fault)
    lab.collect(NOW)
    lab.collect(NOW + timedelta(minutes=1))

    assert lab.last["gateway"].finding is None
    assert _reported(lab) == proxy.usd(START, NOW)


def test_a_refused_key_is_said_with_its_variable(proxy, lab, monkeypatch):
    monkeypatch.setenv("LITELLM_API_KEY", "sk-wrong")

    finding = lab.pull("gateway", NOW).finding
    assert "LITELLM_API_KEY" in finding
    assert "sk-wrong" not in finding


@pytest.mark.parametrize("form", ["litellm_spend", "litellm_daily"])
def test_doctor_says_what_can_be_read(proxy, tmp_path, form):
    lab = _lab(tmp_path, proxy, form)
    health = asyncio.run(connect_reach(lab.settings, lab.source("gateway"), NOW).health_check())

    assert health.status is HealthStatus.HEALTHY
    assert len(proxy.asked) == 1


def test_the_sums_of_a_day_are_the_ledgers_by_key_and_model(proxy, tmp_path):
    lab = _lab(tmp_path, proxy, "litellm_daily")
    proxy.use(START, hours=6)
    lab.collect(NOW)

    assert lab.last["gateway"].finding is None
    assert _reported(lab) == proxy.usd(START, NOW)
    sums = "CAST(sum(request_count) AS BIGINT) AS calls, CAST(sum(output_tokens) AS BIGINT) AS tokens"
    counted = lab.rows(f"SELECT {sums} FROM core_usage_events", NOW).row(0)
    assert counted == (len(proxy.calls), sum(call.row["completion_tokens"] for call in proxy.calls))


def test_a_day_is_parted_by_provider_where_a_key_used_several(proxy, tmp_path):
    lab = _lab(tmp_path, proxy, "litellm_daily")
    proxy.calls = [
        Call("a", START, api_key="one"),
        Call("b", START, CLAUDE, api_key="one"),
        Call("c", START, CLAUDE, api_key="one", provider="vertex_ai"),
        Call("d", START, api_key="two"),
    ]
    lab.collect(NOW)

    told = lab.rows("SELECT provider, route, model FROM core_usage_events ORDER BY provider, route, model", NOW).rows()
    gpt = "gpt-4o-mini-2024-07-18"
    assert told == [
        *(("anthropic", "direct", CLAUDE), ("anthropic", "vertex", CLAUDE)),
        *(("openai", "direct", gpt), ("openai", "direct", gpt)),
    ]


def test_a_page_of_daily_sums_is_a_part_of_the_day(proxy, tmp_path):
    lab = _lab(tmp_path, proxy, "litellm_daily")
    proxy.rows_a_page = 3
    proxy.use(START, hours=6)
    lab.collect(NOW)

    assert _reported(lab) == proxy.usd(START, NOW)


def test_a_day_of_which_the_proxy_forgot_a_key_loses_it_here_too(proxy, tmp_path):
    lab = _lab(tmp_path, proxy, "litellm_daily")
    proxy.calls = [Call("a", START, api_key="one"), Call("b", START, api_key="two")]
    lab.collect(NOW)
    del proxy.calls[0]
    lab.collect(NOW + timedelta(minutes=1))

    assert _count(lab) == 1
    assert _reported(lab) == proxy.usd(START, NOW)


def test_teams_are_asked_for_one_by_one(proxy, tmp_path):
    lab = _lab(tmp_path, proxy, "litellm_daily", kinds=["team"])
    proxy.use(START, hours=6)
    proxy.calls.append(Call("alone", START, team_id=""))
    lab.collect(NOW)

    told = lab.rows("SELECT team, sum(cost_reported) AS usd FROM core_usage_events GROUP BY team", NOW).rows()
    teams = ("t-search", "t-chat", "")
    assert {team or "": usd for team, usd in told} == {
        team: sum(call.usd for call in proxy.calls if call.team_id == team) for team in teams
    }


def test_calls_of_a_key_without_a_model_are_what_its_models_leave():
    def sums(requests, usd):
        return {"k": {"metrics": {"api_requests": requests, "spend": Decimal(usd)}}}

    found = DaySums()
    found.add({"models": {"gpt": {"metrics": {}, "api_key_breakdown": sums(3, "0.5")}}, "api_keys": sums(5, "0.7")})

    assert list(found.without_model()) == [("k", {"api_requests": 2, "spend": Decimal("0.2")})]


def test_several_kinds_in_one_source_would_count_calls_twice_and_are_refused(proxy, tmp_path):
    lab = _lab(tmp_path, proxy, "litellm_daily", kinds=["user", "team"])

    assert "a source of its own" in lab.pull("gateway", NOW).finding
