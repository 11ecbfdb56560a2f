"""Prices of our own: the file, its errors, and which entry holds."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from sophia_metrics.errors import ConfigurationError
from sophia_metrics.pricing.book import PriceBook
from sophia_metrics.pricing.card import PriceKey
from sophia_metrics.pricing.override import Override
from sophia_metrics.pricing.overrides import load_overrides
from tests.strategies import cost, price_calls, utc

DOCS = Path(__file__).parent.parent / "docs" / "pricing.md"
MILLION = {"input_tokens": 1_000_000, "output_tokens": 0}


def written(folder: Path, text: str) -> Path:
    path = folder / "prices.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def book(*entries: dict[str, object]) -> PriceBook:
    return PriceBook(tuple(Override.model_validate(entry) for entry in entries))


@pytest.fixture
def documented(tmp_path: Path) -> PriceBook:
    example = re.search(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert example
    return PriceBook(load_overrides(written(tmp_path, example[1])))


@pytest.mark.parametrize(
    ("call", "dollars"),
    [
        ({"model": "gpt-5-mini"}, "0.20"),
        ({"model": "gpt-5-mini", "started_at": utc("2025-12-31 23:59:59")}, "0.25"),
        ({"model": "gpt-5-mini", "route": "azure"}, "0.25"),
        # above 200,000 the list says 6.00
        ({"provider": "anthropic", "model": "claude-sonnet-4-5"}, "5.10"),
        ({"model": "o3", "service_tier": "batch", "started_at": utc("2025-06-01")}, "5"),
        ({"model": "o3", "service_tier": "batch", "started_at": utc("2025-07-01")}, "1"),
        ({"model": "ft:gpt-4o-mini:acme:bot:1"}, "0.15"),
        ({"provider": "acme", "model": "house-llm"}, "0.20"),
    ],
)
def test_the_documented_example_does_what_its_comments_say(documented, call, dollars):
    assert cost({**MILLION, **call}, book=documented) == Decimal(dollars)


def test_a_contract_leaves_the_list_cost_as_it_was(documented):
    row = price_calls([MILLION], book=documented)[0][0]
    assert (row["cost_computed_usd"], row["list_cost_usd"]) == (Decimal("0.20"), Decimal("0.25"))


def test_a_contract_without_a_price_for_a_unit_leaves_it_at_the_lists(documented):
    searches = [{"event_id": "0", "unit": "web_searches", "quantity": 2}]
    row = price_calls([MILLION], book=documented, units=searches)[0][0]
    assert (row["cost_units_usd"], row["list_cost_usd"]) == (Decimal("0.02"), Decimal("0.27"))


def test_numbers_keep_every_digit(tmp_path):
    rate = "0.1000000000000000055511151231257827"
    text = f"prices: [{{provider: acme, model: m, per_million: {{input: {rate}, output: 1}}}}]"
    entry = load_overrides(written(tmp_path, text))[0]
    assert entry.per_million
    assert entry.per_million.input == Decimal(rate)


def test_an_empty_file_has_no_prices(tmp_path):
    assert load_overrides(written(tmp_path, "")) == ()


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (
            "provider: acme\n    model: m\n    per_million: {input: cheap}",
            ["entry 1 (acme m)", "per_million.input", "example"],
        ),
        (
            "provider: acme\n    model: m\n    per_million: {inputs: 1}",
            ["entry 1 (acme m)", "per_million.inputs"],
        ),
        (
            "provider: acme\n    model: m\n    per_million: {input: -1}",
            ["per_million.input", "greater than or equal to 0"],
        ),
        ("provider: acme\n    model: m\n    per_million: {input: .nan}", ["nan is not a decimal number"]),
        (
            "provider: acme\n    model: m\n    per_million: {input: true}",
            ["per_million.input", "decimal number"],
        ),
        ("provider: acme\n    model: m\n    per_million: {input: 1, input: 2}", ["input stands twice"]),
        ("provider: acme\n    model: m", ["entry 1 (acme m)", "give either prices"]),
        ("provider: acme\n    model: m\n    multiplier: 1\n    per_unit: {calls: 1}", ["give either prices"]),
        ("model: m\n    multiplier: 1", ["provider", "provider: openai"]),
        (
            "{provider: acme, model: m, multiplier: 1, valid_from: 2026-02-01, valid_to: 2026-01-01}",
            ["entry 1 (acme m)", "valid_to must be later"],
        ),
    ],
)
def test_an_error_names_the_file_the_entry_and_the_key(tmp_path, entry, words):
    path = written(tmp_path, f"prices:\n  - {entry}\n")
    with pytest.raises(ConfigurationError) as caught:
        load_overrides(path)
    assert [word for word in (str(path), *words) if word not in str(caught.value)] == []


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match="No such file"):
        load_overrides(tmp_path / "prices.yaml")


def test_two_entries_for_one_model_at_one_time_are_refused(tmp_path):
    text = "prices:\n" + "  - {provider: acme, model: m, multiplier: 1}\n" * 2
    with pytest.raises(ConfigurationError, match="entries 1 and 2"):
        load_overrides(written(tmp_path, text))


def test_two_equally_exact_patterns_are_refused_when_a_model_meets_both():
    prices = book(
        {"provider": "acme", "model": "house-*", "multiplier": 1},
        {"provider": "acme", "model": "*-small", "multiplier": 1},
    )
    with pytest.raises(ConfigurationError, match="name the model in full"):
        prices.resolve([PriceKey("acme", None, "house-small")])


@pytest.mark.parametrize(("day", "dollars"), [(1, "3"), (10, "1"), (20, "3")])
def test_the_more_exact_entry_holds_while_it_holds(day, dollars):
    prices = book(
        {"provider": "acme", "model": "m*", "per_million": {"input": 3, "output": 3}},
        {
            "provider": "acme",
            "model": "mini",
            "valid_from": "2026-11-10",
            "valid_to": "2026-11-20",
            "per_million": {"input": 1, "output": 1},
        },
    )
    call = {"provider": "acme", "model": "mini", "started_at": utc(f"2026-11-{day:02}"), **MILLION}
    assert cost(call, book=prices) == Decimal(dollars)


def test_an_instant_with_an_offset_is_meant():
    entry = Override.model_validate(
        {"provider": "acme", "model": "m", "multiplier": 1, "valid_from": "2026-01-01T00:00:00+02:00"}
    )
    assert entry.valid_from == utc("2025-12-31 22:00")


def test_a_price_of_our_own_at_zero_is_free():
    prices = book({"provider": "acme", "model": "m", "per_million": {"input": 0, "output": 0}})
    row = price_calls([{"provider": "acme", "model": "m", **MILLION}], book=prices)[0][0]
    assert (row["price_status"], row["cost_usd"], row["list_cost_usd"]) == ("free", Decimal(0), None)
