"""Which of three figures is the cost, and what is said where there is none."""

from decimal import Decimal

import duckdb
import pytest

from sophia_metrics.errors import ProcessingError
from sophia_metrics.pricing.book import PriceBook
from sophia_metrics.pricing.override import Override
from sophia_metrics.pricing.price import load_cards, price_batch
from sophia_metrics.schema.core import USAGE_EVENTS, USAGE_UNITS
from tests.strategies import NOW, cost, load_batch, price_calls, utc

USED = {"input_tokens": 1_000_000, "output_tokens": 1_000_000}
"""gpt-5-mini: 0.25 + 2.00 dollars."""
REPORTED = {**USED, "cost_reported": "9.50", "cost_reported_currency": "USD"}
UNKNOWN = {"model": "llama-of-acme"}


def priced(call: dict[str, object], **options: object) -> dict[str, object]:
    return price_calls([call], **options)[0][0]


def outcome(call: dict[str, object], **options: object) -> tuple[object, ...]:
    row = priced(call, **options)
    return row["cost_usd"], row["cost_basis"], row["price_status"]


def test_the_columns_are_those_of_the_tables():
    events, units = price_calls([USED], units=[{"event_id": "0", "unit": "web_searches", "quantity": 1}])
    assert (tuple(events[0]), tuple(units[0])) == (USAGE_EVENTS.names, USAGE_UNITS.names)


def test_what_was_billed_wins_over_what_we_compute():
    assert outcome(REPORTED, reported_basis="billed") == (Decimal("9.5"), "billed", "priced")


def test_what_we_compute_wins_over_an_estimate():
    assert outcome(REPORTED, reported_basis="estimated") == (Decimal("2.25"), "computed", "priced")


def test_an_estimate_is_used_where_no_price_is_known():
    expected = (Decimal("9.5"), "estimated", "unpriced")
    assert outcome({**REPORTED, **UNKNOWN}, reported_basis="estimated") == expected


def test_a_report_of_unknown_meaning_is_no_cost():
    assert outcome({**REPORTED, **UNKNOWN}) == (None, None, "unpriced")


def test_an_unknown_model_has_no_cost_rather_than_zero():
    assert outcome({**USED, **UNKNOWN}) == (None, None, "unpriced")


@pytest.mark.parametrize("tier", [None, "", "auto", "default", "Standard"])
def test_a_tier_that_says_nothing_is_the_standard_one(tier):
    assert cost({**USED, "service_tier": tier}) == Decimal("2.25")


@pytest.mark.parametrize("basis", ["billed", "estimated"])
def test_a_reported_zero_with_tokens_is_unknown(basis):
    call = {**USED, **UNKNOWN, "cost_reported": 0, "cost_reported_currency": "USD"}
    assert outcome(call, reported_basis=basis) == (None, None, "unpriced")


def test_a_reported_zero_of_a_cache_hit_is_true():
    call = {**USED, "is_cache_hit": True, "cost_reported": 0, "cost_reported_currency": "USD"}
    assert outcome(call, reported_basis="billed") == (Decimal(0), "billed", "priced")


def test_a_reported_zero_of_a_free_model_is_true():
    call = {
        **USED,
        "route": "openrouter",
        "model": "acme/llama:free",
        "cost_reported": 0,
        "cost_reported_currency": "USD",
    }
    assert outcome(call, reported_basis="billed") == (Decimal(0), "billed", "free")


def test_a_cache_hit_costs_nothing_and_keeps_what_it_would_have_cost():
    row = priced({**USED, "is_cache_hit": True})
    assert (row["cost_usd"], row["cost_output_usd"], row["list_cost_usd"]) == (
        Decimal(0),
        Decimal(0),
        Decimal("2.25"),
    )


@pytest.mark.parametrize("billing", ["subscription", None])
def test_a_subscription_has_a_list_cost_and_no_spend(billing):
    row = priced(REPORTED, billing=billing, reported_basis="billed")
    spend = [row[name] for name in ("cost_usd", "cost_basis", "cost_computed_usd", "cost_input_usd", "cost_units_usd")]
    assert (row["price_status"], row["list_cost_usd"], spend) == ("subscription", Decimal("2.25"), [None] * 5)


def test_a_subscription_to_an_unknown_model_is_unpriced():
    assert outcome({**USED, **UNKNOWN}, billing="subscription") == (None, None, "unpriced")


def test_tokens_of_a_class_without_a_price_make_the_cost_unknown():
    call = {"model": "text-embedding-3-small", "input_tokens": 1_000_000, "output_tokens": 5}
    row = priced(call)
    assert (row["price_status"], row["cost_computed_usd"], row["cost_input_usd"]) == (
        "partial",
        None,
        Decimal("0.02"),
    )


def test_an_embedding_that_tells_no_output_is_priced():
    assert cost({"model": "text-embedding-3-small", "input_tokens": 1_000_000}) == Decimal("0.02")


@pytest.mark.parametrize("missing", ["input_tokens", "output_tokens"])
def test_a_call_whose_usage_is_not_known_has_no_cost(missing):
    assert outcome({**USED, missing: None}) == (None, None, "partial")


def test_a_source_that_tells_no_cache_tokens_had_none():
    row = priced(USED)
    assert (row["cost_cache_read_usd"], row["cost_cache_write_usd"]) == (Decimal(0), Decimal(0))


def test_a_failed_call_that_used_nothing_cost_nothing():
    call = {**UNKNOWN, "status": "error", "input_tokens": 0, "output_tokens": 0}
    assert outcome(call) == (Decimal(0), "computed", "priced")


def test_a_failed_call_that_tells_no_usage_is_neither_free_nor_unpriced():
    assert outcome({**UNKNOWN, "status": "error"}) == (None, None, "partial")


def test_a_failed_call_that_used_tokens_costs_what_they_cost():
    assert outcome({**USED, "status": "error"}) == (Decimal("2.25"), "computed", "priced")


@pytest.mark.parametrize("defect", [{"input_tokens": -1}, {"output_tokens": 10**18}, {"cost_reported": -1}])
def test_impossible_numbers_have_no_cost(defect):
    call = {**USED, "cost_reported_currency": "USD", **defect}
    assert outcome(call, reported_basis="billed") == (None, None, "invalid")


def test_a_foreign_currency_is_changed_at_the_known_rate():
    call = {**REPORTED, "cost_reported_currency": "eur"}
    row = priced(call, reported_basis="billed", fx_rates={"EUR": "1.0825"})
    assert (row["cost_usd"], row["fx_rate"]) == (Decimal("10.28375"), Decimal("1.0825"))


@pytest.mark.parametrize("currency", ["EUR", None])
def test_a_currency_without_a_rate_is_not_taken_for_dollars(currency):
    row = priced({**REPORTED, "cost_reported_currency": currency}, reported_basis="billed")
    assert (row["cost_reported_usd"], row["cost_usd"], row["cost_basis"]) == (
        None,
        Decimal("2.25"),
        "computed",
    )


@pytest.mark.parametrize(("count", "dollars"), [(1, "0.75"), (2, "0.375")])
def test_a_bucket_of_many_calls_takes_the_lowest_size_tier(count, dollars):
    bucket = {
        "provider": "google",
        "model": "gemini-2.5-pro",
        "record_kind": "bucket",
        "request_count": count,
    }
    # 300,000 tokens: 1.25 a million up to 200,000 in one call, 2.50 above
    assert cost({**bucket, "input_tokens": 300_000, "output_tokens": 0}) == Decimal(dollars)


@pytest.mark.parametrize(("second", "dollars"), [("00:29:59", "0.135"), ("00:30:00", "0.27"), ("16:30:00", "0.135")])
def test_a_daily_band_begins_and_ends_on_the_second(second, dollars):
    at = utc(f"2025-06-20T{second}")
    call = {"provider": "deepseek", "model": "deepseek-chat", "started_at": at}
    assert cost({**call, "input_tokens": 1_000_000, "output_tokens": 0}) == Decimal(dollars)


@pytest.mark.parametrize(("tokens", "dollars"), [(1, "0.000000000001"), (2, "0.000000000001"), (3, "0.000000000002")])
def test_half_a_step_is_rounded_away_from_zero(tokens, dollars):
    # 0.0000005 dollars a million: half of the last decimal that money has
    entry = Override.model_validate(
        {"provider": "acme", "model": "tiny", "per_million": {"input": "0.0000005", "output": 0}}
    )
    call = {"provider": "acme", "model": "tiny", "input_tokens": tokens, "output_tokens": 0}
    assert cost(call, book=PriceBook((entry,))) == Decimal(dollars)


def test_the_cost_is_the_sum_of_its_rounded_parts():
    parts = {"input": "0.0000005", "cache_read": "0.0000005", "output": "0.0000005"}
    entry = Override.model_validate({"provider": "acme", "model": "tiny", "per_million": parts})
    usage = {"input_tokens": 1, "cache_read_tokens": 1, "output_tokens": 1}
    # three halves of a step are one and a half; three rounded ones are three
    assert cost({"provider": "acme", "model": "tiny", **usage}, book=PriceBook((entry,))) == Decimal("0.000000000003")


def test_units_are_priced_beside_the_tokens():
    events, units = price_calls([USED], units=[{"event_id": "0", "unit": "web_searches", "quantity": 3}])
    row = events[0]
    assert (units[0]["cost_usd"], row["cost_units_usd"], row["cost_usd"]) == (
        Decimal("0.03"),
        Decimal("0.03"),
        Decimal("2.28"),
    )


def test_a_unit_without_a_price_makes_the_cost_unknown():
    events, units = price_calls([USED], units=[{"event_id": "0", "unit": "moon_landings", "quantity": 1}])
    assert (units[0]["price_status"], events[0]["price_status"], events[0]["cost_usd"]) == (
        "unpriced",
        "partial",
        None,
    )


def test_a_token_class_in_units_without_a_price_of_its_own_costs_what_its_class_costs():
    _, units = price_calls([USED], units=[{"event_id": "0", "unit": "input_image_tokens", "quantity": 1_000_000}])
    assert units[0]["cost_usd"] == Decimal("0.25")


def test_a_price_by_the_request_becomes_a_unit_of_the_event():
    call = {"provider": "perplexity", "model": "sonar-pro", "input_tokens": 0, "output_tokens": 0}
    events, units = price_calls([call])
    # 14 dollars for 1,000 requests
    assert (units[0]["unit"], units[0]["quantity"], events[0]["cost_usd"]) == (
        "requests",
        1,
        Decimal("0.014"),
    )


def test_a_failed_call_does_not_pay_by_the_request():
    call = {
        "provider": "perplexity",
        "model": "sonar-pro",
        "status": "error",
        "input_tokens": 0,
        "output_tokens": 0,
    }
    assert cost(call) == Decimal(0)


def test_a_model_priced_by_the_second_is_not_free_where_nobody_counted_seconds():
    call = {"model": "whisper-1", "input_tokens": 0, "output_tokens": 0}
    assert outcome(call) == (None, None, "partial")


def test_two_terms_of_one_source_are_refused():
    with duckdb.connect() as connection:
        load_batch(connection, [USED])
        connection.execute(
            "CREATE TEMP TABLE source_terms AS"
            " SELECT 'test' AS source, 'api' AS billing, '' AS reported_basis FROM range(2)"
        )
        connection.execute("CREATE TEMP TABLE fx_rates (currency VARCHAR, rate DECIMAL(38, 18))")
        load_cards(connection, PriceBook().resolve([]), NOW)
        with pytest.raises(ProcessingError, match="two rows of one source"):
            price_batch(connection)
