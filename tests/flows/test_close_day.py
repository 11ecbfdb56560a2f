"""The day is closed under Prefect, on its own server: what is found is in the tables, and the forecast an artifact."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from prefect.client.schemas.objects import StateType

from flows.close_day import close_day
from flows.collect_usage import collect_usage
from sophia_metrics.costs.forecasts import make_forecasts
from sophia_metrics.pricing.book import PriceBook
from sophia_metrics.pricing.list_prices import list_prices
from sophia_metrics.settings import load_settings
from tasks.clock import utc_now
from tests.flows.place import Place, call
from tests.flows.test_prefect_runs import artifacts_of, task_runs_of
from tests.lab import Lab

pytestmark = [pytest.mark.prefect, pytest.mark.usefixtures("prefect_server")]

SPIKE_DAYS_AGO = 4
STEPS = [
    "note the start",
    "build marts",
    "judge core and marts",
    "make forecasts",
    "find anomalies",
    "find suggestions",
    "look for prices that changed",
    "note the baselines",
    "note the end",
    "publish",
    "show the forecast",
]


def dearer(key):
    """The list of a week ago: output at twice its price."""
    return tuple(
        replace(card, rates=replace(card.rates, output=card.rates.output and card.rates.output * 2))
        for card in list_prices(key)
    )


def calls_of(day: date, *, count=2):
    """The same prompt, several times a day."""
    fields = {"input_tokens": 1_000_000, "output_tokens": 0, "prompt_hash": "the same"}
    return [call(f"{day}-{number}", day=str(day), **fields) for number in range(count)]


@pytest.fixture(scope="module")
def closed(prefect_server, tmp_path_factory):
    """Forecasts were made a week ago, at other prices; a day since then was unusual: where, when, the final state."""
    place = Place.at(tmp_path_factory.mktemp("closed"))
    (place.folder / "usage" / "usage.jsonl").unlink()
    today = utc_now().date()
    days = [today - timedelta(days=back) for back in range(40, 0, -1)]
    a_week_ago = utc_now() - timedelta(days=7)
    lab = Lab(load_settings(place.folder).home, PriceBook(list_prices=dearer, list_version="dearer"), a_week_ago)
    before = place.write("before.jsonl", *(each for day in days[:-7] for each in calls_of(day)))
    lab.ingest(before, name="gateway")
    lab.warehouse.build()
    make_forecasts(lab.warehouse, a_week_ago)
    spike_on = today - timedelta(days=SPIKE_DAYS_AGO)
    since = (each for day in days[-7:] for each in calls_of(day, count=20 if day == spike_on else 2))
    place.write("since.jsonl", *since)
    collect_usage.fn(config=place.config)
    state = close_day(config=place.config, return_state=True)
    return place, spike_on, state


def test_closing_the_day_has_one_task_run_a_step(closed):
    *_, state = closed
    assert state.type is StateType.COMPLETED
    runs = task_runs_of(str(state.state_details.flow_run_id), len(STEPS))
    assert [run.name for run in runs] == STEPS


def test_what_is_found_is_in_the_version_that_it_publishes(closed):
    place, spike_on, state = closed
    found = state.result().findings

    assert found.forecasts.made_count > 0
    assert place.serve("SELECT count(*) FROM mart_cost_forecast WHERE scope_type = 'all'") == [(35,)]
    unusual = "SELECT usage_on, kind FROM mart_anomalies WHERE scope_type = 'all' AND observed_usd = 50"
    assert place.serve(unusual) == [(spike_on, "spend_spike")]
    assert ("repeated_prompts",) in place.serve("SELECT DISTINCT kind FROM mart_suggestions")
    assert place.serve("SELECT model, price_kind, rate_before_usd, rate_after_usd FROM core_price_drifts") == [
        ("gpt-4o", "output", Decimal("0.00002"), Decimal("0.00001"))
    ]


def test_the_forecasts_of_a_week_ago_are_scored(closed):
    place, *_ = closed
    scored = place.serve("SELECT sum(scored_count) FROM mart_forecast_accuracy WHERE scope_type = 'all'")
    assert scored[0][0] > 0


def test_the_forecast_is_an_artifact_with_its_chart(closed):
    *_, state = closed
    artifact = artifacts_of(str(state.state_details.flow_run_id), 1)["forecast"]
    assert "data:image/svg+xml;base64," in artifact.data
    assert "| UTC day | one in ten below |" in artifact.data
