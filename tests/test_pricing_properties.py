"""What holds for any usage: cost adds up, never falls with usage, never becomes a silent zero."""

from datetime import timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from sophia_metrics.pricing.book import PriceBook
from sophia_metrics.pricing.override import Override
from tests.strategies import TOKEN_CLASSES, price_calls, price_keys, usages, utc

PARTS = ("cost_input_usd", "cost_cache_read_usd", "cost_cache_write_usd", "cost_output_usd", "cost_units_usd")
MODELS = [
    {"provider": "anthropic", "model": "claude-sonnet-4-5"},
    {"provider": "google", "model": "gemini-2.5-pro"},
    {"provider": "openai", "model": "gpt-5-mini", "service_tier": "flex"},
]

few = settings(max_examples=15, deadline=None)
small = st.integers(0, 20_000)


@few
@given(model=st.sampled_from(MODELS), drawn=st.lists(usages(small), min_size=1, max_size=4))
def test_cost_is_additive_over_any_split_of_a_call(model, drawn):
    # Together below every size tier; prices with at most 12 decimals a token round nothing.
    whole = {name: sum(usage[name] for usage in drawn) for name in TOKEN_CLASSES}
    events, _ = price_calls([{**model, **usage} for usage in (whole, *drawn)])
    assert events[0]["cost_usd"] == sum(event["cost_usd"] for event in events[1:])


@few
@given(
    model=st.sampled_from(MODELS),
    drawn=usages(),
    name=st.sampled_from(TOKEN_CLASSES),
    more=st.integers(1, 300_000),
)
def test_cost_never_falls_with_usage(model, drawn, name, more):
    events, _ = price_calls([{**model, **drawn}, {**model, **drawn, name: drawn[name] + more}])
    assert Decimal(0) <= events[0]["cost_usd"] <= events[1]["cost_usd"]


@few
@given(model=st.sampled_from(MODELS), drawn=usages())
def test_the_computed_cost_is_the_sum_of_its_parts(model, drawn):
    row = price_calls([{**model, **drawn}])[0][0]
    assert row["cost_computed_usd"] == sum(row[part] for part in PARTS)


@few
@given(
    changed=st.datetimes(utc("2026-01-01"), utc("2026-12-31")),
    moments=st.lists(st.timedeltas(-timedelta(days=400), timedelta(days=400)), min_size=1, max_size=8),
)
def test_a_price_change_moves_no_event_before_it(changed, moments):
    entry = Override.model_validate(
        {
            "provider": "openai",
            "model": "gpt-5-mini",
            "valid_from": changed,
            "per_million": {"input": 99, "output": 99},
        }
    )
    usage = {"input_tokens": 1_000_000, "output_tokens": 0}
    calls = [
        {**usage, "started_at": changed + moment} for moment in (*moments, timedelta(0), -timedelta(microseconds=1))
    ]
    events, _ = price_calls(calls, book=PriceBook((entry,)))
    assert [event["cost_usd"] for event in events] == [
        Decimal(99) if event["started_at"] >= changed else Decimal("0.25") for event in events
    ]


@settings(max_examples=40, deadline=None)
@given(
    key=price_keys(),
    drawn=st.fixed_dictionaries({name: st.none() | st.integers(0, 9_999) for name in TOKEN_CLASSES}),
    status=st.sampled_from(["ok", "error", "cancelled"]),
    money=st.tuples(
        st.sampled_from([None, Decimal(0), Decimal("0.5")]),
        st.sampled_from([None, "billed", "estimated"]),
        st.sampled_from([None, "api", "subscription"]),
    ),
)
def test_zero_is_never_silent(key, drawn, status, money):
    reported, basis, billing = money
    call = {
        "provider": key.provider,
        "route": key.route,
        "model": key.model,
        "service_tier": key.service_tier,
        "status": status,
        "cost_reported": reported,
        "cost_reported_currency": "USD",
        **drawn,
    }
    row = price_calls([call], reported_basis=basis, billing=billing)[0][0]
    used_nothing = not any(drawn.values())
    known = row["cost_usd"] is not None
    assert known == (row["cost_basis"] is not None)
    assert row["cost_usd"] != 0 or used_nothing
    assert row["price_status"] != "unpriced" or row["cost_computed_usd"] is None
    assert row["price_status"] != "priced" or known
