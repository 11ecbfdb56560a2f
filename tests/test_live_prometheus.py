"""Counters in Prometheus, from what processes counted to our tables."""

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sophia_metrics.sources.live.counters import rises
from tests.live_faults import FINAL, PASSING
from tests.live_lab import LiveLab
from tests.vendors.prometheus import Prometheus
from tests.vendors.server import VendorServer

NOW = datetime(2026, 11, 20, 12, 30)
START = datetime(2026, 11, 20)
HOUR = timedelta(hours=1)
COUNTERS = {"tokens": "llm_tokens_total", "cost": "llm_cost_usd_total"}


@pytest.fixture
def prometheus(monkeypatch):
    monkeypatch.delenv("PROMETHEUS_TOKEN", raising=False)
    vendor = Prometheus()
    vendor.now = NOW
    with VendorServer(vendor) as server:
        vendor.url = server.url
        yield vendor


def _lab(prometheus, tmp_path, **api):
    source = {"name": "prometheus", "format": "prometheus", "base_url": prometheus.url, "since": "2026-11-20"}
    return LiveLab(tmp_path, [source | {"requests_per_minute": 60000, "deadline_seconds": 0.5} | api])


@pytest.fixture
def lab(prometheus, tmp_path):
    return _lab(prometheus, tmp_path, metrics=COUNTERS)


def _sums(lab, now=NOW):
    sql = (
        "SELECT sum(request_count) AS r, sum(input_tokens) AS i, sum(cache_read_tokens) AS c, sum(output_tokens) AS o, "
        "sum(cost_usd) AS usd FROM core_usage_events"
    )
    return lab.rows(sql, now).row(0)


def _counted(prometheus):
    tokens = (prometheus.counted[f"llm_tokens_total/{kind}"] for kind in ("input", "cache_read", "output"))
    return (prometheus.counted["llm_requests_total"], *tokens, prometheus.counted["llm_cost_usd_total"])


def test_what_was_counted_is_what_we_have_however_often_processes_begin_anew(prometheus, lab):
    prometheus.use(START, hours=12, restarts=9)
    lab.collect(NOW)

    assert lab.last["prometheus"].finding is None
    assert _sums(lab) == _counted(prometheus)
    told = lab.rows(
        "SELECT DISTINCT provider, model, team, status, record_kind, cost_basis, "
        "date_diff('minute', started_at, ended_at) AS minutes FROM core_usage_events WHERE cost_usd > 0 ORDER BY model",
        NOW,
    )
    assert told.rows() == [
        ("internal", "llama", "search", "ok", "bucket", "estimated", 60),
        ("internal", "qwen", "chat", "ok", "bucket", "estimated", 60),
    ]


def test_hours_add_up_however_often_they_are_read_and_whichever_ends_a_range_has(prometheus, lab):
    prometheus.has_both_ends = True
    prometheus.use(START, hours=12)
    for minutes in (200, 215, 500, 750):
        prometheus.now = START + timedelta(minutes=minutes)
        lab.collect(prometheus.now)

    assert _sums(lab) == _counted(prometheus)


def test_what_a_series_counted_before_its_first_sample_is_no_rise(prometheus, lab):
    labels = {"provider": "internal", "model": "llama"}
    for minutes, reading in ((10, 1000), (20, 1007), (30, 2), (40, 5)):
        prometheus.sample("llm_requests_total", labels, START + timedelta(minutes=minutes), reading)
    lab.collect(NOW)

    # 7 until it began anew, then 2 and 3
    assert _sums(lab)[0] == 12


def test_the_platforms_counters_are_the_default_and_tell_no_usage(prometheus, tmp_path, monkeypatch):
    monkeypatch.setenv("PROMETHEUS_TOKEN", "token-of-the-test")
    lab = _lab(prometheus, tmp_path)
    prometheus.use(START, hours=2)
    labels = {"provider": "internal", "model": "llama", "task_type": "chat", "status": "error"}
    for minutes, reading in ((0, 0), (5, 4)):
        prometheus.sample("llm_requests_total", labels, START + timedelta(minutes=minutes), reading)
    lab.collect(NOW)

    told = lab.rows(
        "SELECT status, operation, usage_quality, sum(request_count) AS n, sum(input_tokens) AS i, sum(cost_usd) AS usd "
        "FROM core_usage_events GROUP BY ALL ORDER BY status",
        NOW,
    )
    assert told.rows() == [
        ("error", "chat", "missing", 4, None, None),
        ("ok", "chat", "missing", prometheus.counted["llm_requests_total"], None, None),
    ]
    assert {asked.headers["Authorization"] for asked in prometheus.asked} == {"Bearer token-of-the-test"}


def test_an_answer_with_warnings_is_not_taken_and_removes_nothing(prometheus, lab):
    prometheus.use(START, hours=12)
    lab.collect(NOW)
    prometheus.samples.clear()
    prometheus.warnings = ["a store is not reachable"]
    lab.collect(NOW + timedelta(minutes=5))

    assert "may be a part of the truth" in lab.last["prometheus"].finding
    assert _sums(lab) == _counted(prometheus)


def test_a_type_of_token_that_nobody_knows_is_noted(prometheus, lab):
    for minutes, reading in ((0, 0), (5, 4)):
        prometheus.sample("llm_tokens_total", {"type": "magic"}, START + timedelta(minutes=minutes), reading)
    lab.collect(NOW)

    assert "magic_tokens" in set(lab.rows("SELECT field_name FROM core_schema_changes", NOW)["field_name"])


def test_faults_on_the_way_cost_nothing_but_time(prometheus, lab):
    prometheus.use(START, hours=12)
    prometheus.faults = [*PASSING]
    lab.collect(NOW)

    assert lab.last["prometheus"].finding is None
    assert _sums(lab) == _counted(prometheus)


@pytest.mark.parametrize("fault", FINAL)
def test_what_asking_again_does_not_mend_is_a_finding_and_the_next_reading_is_whole(prometheus, lab, fault):
    prometheus.use(START, hours=2)
    prometheus.faults = [fault]
    finding = lab.pull("prometheus", NOW).finding
    lab.collect(NOW + timedelta(minutes=1))

    assert finding is not None
    assert _sums(lab) == _counted(prometheus)


def test_a_source_without_a_counter_says_what_to_set(prometheus, tmp_path):
    lab = _lab(prometheus, tmp_path, metrics={"requests": ""})

    assert "[sources.api.metrics]" in lab.pull("prometheus", NOW).finding


@given(
    steps=st.lists(st.tuples(st.integers(1, 100), st.integers(0, 50)), max_size=15),
    cuts=st.sets(st.integers(0, 24), max_size=4),
    known=st.none() | st.integers(0, 50),
)
def test_windows_add_up_to_every_rise_wherever_they_are_cut(steps, cuts, known):
    at = START
    samples = []
    for gap, reading in steps:
        at += timedelta(minutes=gap)
        samples.append((at, Decimal(reading)))
    before = None if known is None else Decimal(known)
    told = [before, *(reading for _, reading in samples)]
    rises_told = [
        later - earlier if later >= earlier else later for earlier, later in pairwise(told) if earlier is not None
    ]

    total = Decimal(0)
    for low, high in pairwise(sorted({START, *(START + cut * HOUR for cut in cuts), at + 24 * HOUR})):
        inside = [sample for sample in samples if low <= sample[0] < high]
        found = rises(inside, before, HOUR)
        assert all(low <= start < high for start in found)
        total += sum(found.values(), Decimal(0))
        before = inside[-1][1] if inside else before
    assert total == sum(rises_told, Decimal(0))
