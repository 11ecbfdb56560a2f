"""OpenRouter's activity and generations, from the vendor's ledger to ours."""

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.live_faults import FINAL, PASSING
from tests.live_lab import LiveLab
from tests.vendors.openrouter import KEY, MANAGEMENT_KEY, OpenRouter
from tests.vendors.server import VendorServer

NOW = datetime(2026, 11, 20, 12, 30)
TODAY = datetime(2026, 11, 20)
START = datetime(2026, 11, 17)


@pytest.fixture
def openrouter(monkeypatch):
    monkeypatch.setenv("OPENROUTER_MANAGEMENT_KEY", MANAGEMENT_KEY)
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    vendor = OpenRouter()
    vendor.now = NOW
    with VendorServer(vendor) as server:
        vendor.url = f"{server.url}/api/v1"
        yield vendor


@pytest.fixture
def lab(openrouter, tmp_path):
    source = {"name": "openrouter", "format": "openrouter_activity", "base_url": openrouter.url}
    pace = {"since": "2026-11-17", "requests_per_minute": 60000, "deadline_seconds": 0.5}
    return LiveLab(tmp_path, [source | pace])


def _days(openrouter):
    return [asked.one("date") for asked in openrouter.asked]


def test_spend_is_what_openrouter_charged_and_what_providers_bill_for_keys_of_ones_own(openrouter, lab):
    openrouter.use(START, hours=80)
    lab.collect(NOW)

    assert lab.last["openrouter"].finding is None
    assert any(call.is_byok for call in openrouter.calls)
    assert lab.usd("openrouter", NOW) == openrouter.usd(START, TODAY)
    bases = lab.rows("SELECT DISTINCT cost_basis, usage_quality, record_kind, route FROM core_usage_events", NOW)
    assert bases.rows() == [("billed", "partial", "bucket", "openrouter")]
    calls = [call for call in openrouter.calls if call.at < TODAY]
    sums = lab.rows(
        "SELECT sum(input_tokens) AS i, sum(output_tokens) AS o, sum(request_count) AS n FROM core_usage_events", NOW
    )
    assert sums.rows() == [
        (sum(call.prompt_tokens for call in calls), sum(call.completion_tokens for call in calls), len(calls))
    ]


def test_the_day_that_runs_is_not_asked_for_and_has_no_rows(openrouter, lab):
    openrouter.use(START, hours=80)
    lab.collect(NOW)

    ends = lab.rows("SELECT DISTINCT started_at, ended_at FROM core_usage_events ORDER BY started_at", NOW).rows()
    assert ends == [(START + timedelta(days=day), START + timedelta(days=day + 1)) for day in range(3)]
    assert _days(openrouter) == ["2026-11-17", "2026-11-18", "2026-11-19"]


def test_no_day_is_asked_for_that_openrouter_no_longer_tells(openrouter, tmp_path):
    source = {"name": "openrouter", "format": "openrouter_activity", "base_url": openrouter.url, "since": "2026-01-01"}
    lab = LiveLab(tmp_path, [source | {"requests_per_minute": 60000}])
    openrouter.use(datetime(2026, 10, 21), hours=24)
    lab.collect(NOW)

    assert lab.last["openrouter"].finding is None
    assert (min(_days(openrouter)), len(_days(openrouter))) == ("2026-10-21", 30)
    assert lab.usd("openrouter", NOW) == openrouter.usd(datetime(2026, 10, 21), TODAY)


def test_a_restated_day_replaces_what_was_read_of_it(openrouter, lab):
    openrouter.use(START, hours=72)
    lab.collect(NOW)
    gone = {call.model for call in openrouter.calls if call.at.date() == date(2026, 11, 19)}.pop()
    openrouter.calls = [call for call in openrouter.calls if (call.at.date(), call.model) != (date(2026, 11, 19), gone)]
    openrouter.calls[-1].completion_tokens += 1000
    lab.collect(NOW + timedelta(hours=1))

    assert lab.usd("openrouter", NOW) == openrouter.usd(START, TODAY)


def test_a_second_reading_of_the_same_changes_nothing(openrouter, lab):
    openrouter.use(START, hours=72)
    lab.collect(NOW)
    lab.collect(NOW + timedelta(minutes=1))

    assert lab.last["openrouter"].file_count == 0
    assert lab.usd("openrouter", NOW) == openrouter.usd(START, TODAY)


def test_a_date_may_have_a_time_and_a_new_count_is_noted(openrouter, lab):
    openrouter.is_dated_with_time = True
    openrouter.extra = {"magic_tokens": 4}
    openrouter.use(START, hours=24)
    lab.collect(NOW)

    assert lab.usd("openrouter", NOW) == openrouter.usd(START, TODAY)
    assert "magic_tokens" in set(lab.rows("SELECT * FROM core_schema_changes", NOW)["field_name"])


def test_faults_on_the_way_cost_nothing_but_time(openrouter, lab):
    openrouter.use(START, hours=72)
    openrouter.faults = [*PASSING]
    lab.collect(NOW)

    assert lab.last["openrouter"].finding is None
    assert lab.usd("openrouter", NOW) == openrouter.usd(START, TODAY)


@pytest.mark.parametrize("fault", FINAL)
def test_what_asking_again_does_not_mend_is_a_finding_and_the_next_reading_is_whole(openrouter, lab, fault):
    openrouter.use(START, hours=72)
    openrouter.faults = [fault]
    finding = lab.pull("openrouter", NOW).finding
    lab.collect(NOW + timedelta(minutes=1))

    assert finding is not None
    assert MANAGEMENT_KEY not in finding
    assert lab.usd("openrouter", NOW) == openrouter.usd(START, TODAY)


def test_a_key_that_is_no_management_key_is_a_finding_that_names_the_variable(openrouter, lab, monkeypatch):
    monkeypatch.setenv("OPENROUTER_MANAGEMENT_KEY", KEY)
    lab.collect(NOW)

    assert "OPENROUTER_MANAGEMENT_KEY" in lab.last["openrouter"].finding


def test_calls_are_asked_for_by_the_ids_of_a_file_and_one_that_nobody_knows_stops_nothing(openrouter, tmp_path):
    openrouter.use(START, hours=3)
    for call in openrouter.calls:
        call.ident = f"gen-{int(call.at.replace(tzinfo=UTC).timestamp())}-{call.ident}"
    openrouter.calls[0].ident = "resp-1"
    first = f'{{"id": "resp-1", "created": {openrouter.calls[0].at.replace(tzinfo=UTC).timestamp()}}}'
    dated = [call.ident for call in openrouter.calls[1:]]
    ids = tmp_path / "ids.txt"
    ids.write_text("\n".join([first, *dated, dated[0], "gen-1763510400-unknown", "no id", "{no json", ""]))
    source = {"name": "openrouter", "format": "openrouter_generations", "base_url": openrouter.url}
    pace = {"since": "2026-11-17", "requests_per_minute": 60000, "deadline_seconds": 0.5, "ids_path": str(ids)}
    lab = LiveLab(tmp_path, [source | pace])
    lab.collect(NOW)

    assert lab.last["openrouter"].finding is None
    assert lab.usd("openrouter", NOW) == openrouter.usd(START, TODAY)
    told = lab.rows("SELECT count(*) AS n, min(cost_basis) AS b, max(user_hash) AS u FROM core_usage_events", NOW).row(
        0
    )
    assert told[:2] == (len(openrouter.calls), "billed")
    assert "ada" not in told[2]


def test_generations_without_a_file_of_ids_say_what_to_do(openrouter, tmp_path):
    source = {"name": "openrouter", "format": "openrouter_generations", "base_url": openrouter.url}
    finding = LiveLab(tmp_path, [source]).pull("openrouter", NOW).finding

    assert finding is not None
    assert "ids_path" in finding
