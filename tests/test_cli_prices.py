"""`sophia-metrics prices`: models without a price, the fallback that prices them, and prices that changed."""

import json
from datetime import datetime, timedelta

import pytest

from sophia_metrics.connect import connect_collector, connect_warehouse
from sophia_metrics.pricing.book import PriceBook
from sophia_metrics.quality.publishing import publish_judged
from sophia_metrics.settings import load_settings
from sophia_metrics.usage.price_drift import note_price_drift
from tests.command_line import CommandLine, litellm_call

NOW = datetime(2026, 11, 25, 12)


@pytest.fixture(scope="module")
def sophia(tmp_path_factory):
    """A gateway with three calls of gpt-4o and one of a model that the list does not know."""
    sophia = CommandLine(tmp_path_factory.mktemp("prices"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(sophia.folder)
        patch.setenv("HOME", str(sophia.folder))
        patch.setenv("SOPHIA_HOME", str(sophia.folder / "home"))
        calls = [litellm_call(name) for name in "abc"]
        unknown = litellm_call("d", model="house-llm-9", custom_llm_provider="acme", spend=None)
        path = sophia.write("gateway.jsonl", [*calls, unknown])
        assert sophia("ingest", path, "--source", "litellm").exit_code == 0
        yield sophia


def test_models_without_a_price_stand_with_their_share_of_tokens_and_whether_the_fallback_knows_them(sophia):
    (told,) = sophia.facts("prices")["unpriced"]
    file = {"acme/house-llm-9": {"litellm_provider": "acme", "input_cost_per_token": 1e-06, "output_cost_per_token": 0}}
    (sophia.folder / "litellm.json").write_text(json.dumps(file))
    (sophia.folder / "sophia.toml").write_text('[pricing]\nlitellm_prices = "litellm.json"\n')
    (known,) = sophia.facts("prices")["unpriced"]
    page = sophia("prices")

    assert (told["usage"]["model"], told["usage"]["token_ratio"], told["fallback"]) == ("house-llm-9", 0.25, None)
    assert known["fallback"] == "acme/house-llm-9"
    assert "25.0%" in page.stdout


def test_a_run_prices_them_by_the_fallback_and_says_so(sophia):
    settings = load_settings()
    collector = connect_collector(settings, connect_warehouse(settings, NOW))
    assert collector.price_again(NOW) == 1
    publish_judged(collector.warehouse, NOW)
    gaps = sophia.facts("prices")

    assert gaps["unpriced"] == []
    assert [each["says"] for each in gaps["assumptions"] if each["model"] == "house-llm-9"] == [
        "litellm acme/house-llm-9"
    ]


def test_a_price_that_changed_is_shown(sophia):
    empty = sophia("prices", "drift")
    settings = load_settings()
    later = NOW + timedelta(hours=1)
    warehouse = connect_warehouse(settings, later)
    note_price_drift(warehouse, PriceBook(), later)
    publish_judged(warehouse, later)
    drifts = sophia.facts("prices", "drift")["drifts"]
    page = sophia("prices", "drift")

    assert "no price of a model in use has changed" in empty.stdout
    assert {(each["model"], each["rate_after_usd"]) for each in drifts} == {("house-llm-9", None)}
    assert "none" in page.stdout


def test_a_price_file_that_is_not_there_is_named(sophia):
    (sophia.folder / "sophia.toml").write_text('[pricing]\nlitellm_prices = "gone.json"\n')
    result = sophia("prices")

    assert result.exit_code == 2
    assert "pricing.litellm_prices" in result.stderr
    assert "gone.json" in result.stderr
