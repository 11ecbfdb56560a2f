"""Each row rule is broken by the row meant for it and by no other; what is unknown breaks none."""

from datetime import datetime, timedelta

import duckdb
import pytest

from sophia_metrics.schema.ddl import sql_type
from sophia_metrics.usage.rules import ROW_RULES, RowRule, first_broken_rule
from sophia_metrics.usage.staging import MAPPED_COLUMNS

NOW = datetime(2026, 11, 20, 12)
SECOND = timedelta(seconds=1)
TRILLION = 10**12

GOOD = {
    "started_at": NOW - timedelta(days=1),
    "ended_at": NOW - timedelta(days=1) + SECOND,
    "source_updated_at": NOW,
    "provider": "openai",
    "model": "gpt-4o",
    "record_kind": "call",
    "status": "ok",
    "usage_quality": "exact",
    "total_input_tokens": 100,
    "input_tokens": 60,
    "cache_read_tokens": 40,
    "cache_write_5m_tokens": 0,
    "cache_write_1h_tokens": 0,
    "output_tokens": 10,
    "reasoning_tokens": 10,
    "request_count": 1,
    "retry_ordinal": 0,
    "latency_ms": 12.5,
    "ttft_ms": 0.0,
    "cost_reported": 0,
}

BAD = [
    ("line_too_long", {"defect": "line_too_long"}),
    ("malformed_json", {"defect": "malformed_json"}),
    ("malformed_row", {"defect": "malformed_row"}),
    ("wrong_type", {"defect": "wrong_type"}),
    ("fractional_count", {"has_fraction": True}),
    ("missing_time", {"started_at": None}),
    ("time_too_early", {"started_at": datetime(2014, 12, 31, 23, 59, 59)}),
    ("before_retention", {"has_expired": True}),
    ("time_in_future", {"started_at": NOW + timedelta(hours=1) + SECOND}),
    ("update_in_future", {"source_updated_at": NOW + timedelta(hours=1) + SECOND}),
    ("missing_provider", {"provider": None}),
    ("missing_provider", {"provider": ""}),
    ("missing_model", {"model": None}),
    ("missing_model", {"model": ""}),
    ("negative_total_input_tokens", {"total_input_tokens": -1}),
    ("negative_cache_read_tokens", {"cache_read_tokens": -1}),
    ("negative_cache_write_5m_tokens", {"cache_write_5m_tokens": -1}),
    ("negative_cache_write_1h_tokens", {"cache_write_1h_tokens": -1}),
    ("cached_above_total", {"input_tokens": -1}),
    ("negative_output_tokens", {"output_tokens": -1, "reasoning_tokens": None}),
    ("negative_reasoning_tokens", {"reasoning_tokens": -1}),
    ("reasoning_above_output", {"reasoning_tokens": 11}),
    ("negative_request_count", {"request_count": -1}),
    ("negative_retry_ordinal", {"retry_ordinal": -1}),
    ("count_too_large", {"total_input_tokens": TRILLION + 1}),
    ("count_too_large", {"output_tokens": 2**63 - 1}),
    ("count_too_large", {"has_absurd_count": True}),
    ("negative_cost_reported", {"cost_reported": -0.01}),
    ("cost_too_large", {"cost_reported": TRILLION + 1}),
    ("bucket_too_long", {"record_kind": "bucket", "ended_at": NOW + SECOND}),
    ("negative_duration", {"latency_ms": -0.1}),
    ("negative_duration", {"ttft_ms": -0.1}),
    ("number_is_not_finite", {"latency_ms": float("inf")}),
    ("number_is_not_finite", {"ttft_ms": float("nan")}),
    ("unknown_record_kind", {"record_kind": "sum"}),
    ("unknown_status", {"status": "success"}),
    ("unknown_usage_quality", {"usage_quality": "good"}),
]

EDGES = [
    {"started_at": datetime(2015, 1, 1)},
    {"started_at": NOW + timedelta(hours=1)},
    {"source_updated_at": NOW + timedelta(hours=1)},
    {
        "total_input_tokens": 0,
        "input_tokens": 0,
        "cache_read_tokens": 0,
        "output_tokens": 0,
        "reasoning_tokens": 0,
    },
    {"output_tokens": TRILLION},
    {"record_kind": "bucket", "ended_at": NOW},  # exactly a day
    {"record_kind": "call", "ended_at": NOW + SECOND},  # only buckets have a width
    {"status": "cancelled"},
]

NULLABLE = [name for name in GOOD if name not in {"started_at", "provider", "model"}]


@pytest.fixture(scope="module")
def broken():
    """Return a function from a row to the names of all rules that it breaks, each judged alone."""
    with duckdb.connect() as connection:
        connection.execute("SET VARIABLE now = (SELECT $1::TIMESTAMP)", [NOW])

        def judge(**changes):
            row = {**GOOD, **changes}
            columns = ", ".join(
                f"CAST($c{place} AS {sql_type(column.kind)}) AS {column.name}"
                for place, column in enumerate(MAPPED_COLUMNS)
            )
            values = {f"c{place}": row.get(column.name) for place, column in enumerate(MAPPED_COLUMNS)}
            verdicts = ", ".join(f"coalesce({rule.broken}, false)" for rule in ROW_RULES)
            query = f"SELECT {verdicts}, {first_broken_rule()} FROM (SELECT {columns})"
            *each, first = connection.execute(query, values).fetchone()
            found = [rule.name for rule, is_broken in zip(ROW_RULES, each, strict=True) if is_broken]
            assert first == (found[0] if found else None)
            return found

        yield judge


@pytest.mark.parametrize(("name", "changes"), BAD, ids=[f"{name}-{place}" for place, (name, _) in enumerate(BAD)])
def test_a_bad_row_breaks_the_rule_meant_for_it_and_no_other(broken, name, changes):
    assert broken(**changes) == [name]


def test_every_rule_has_a_row_that_breaks_it():
    assert {rule.name for rule in ROW_RULES} == {name for name, _ in BAD}


def test_a_good_row_breaks_no_rule(broken):
    assert broken() == []


@pytest.mark.parametrize("changes", EDGES, ids=str)
def test_a_row_at_the_edge_of_what_is_allowed_is_kept(broken, changes):
    assert broken(**changes) == []


@pytest.mark.parametrize("column", NULLABLE)
def test_an_unknown_value_is_kept(broken, column):
    assert broken(**{column: None}) == []


def test_a_row_without_any_number_is_kept(broken):
    numbers = [name for name, value in GOOD.items() if isinstance(value, int | float)]

    assert broken(**dict.fromkeys(numbers)) == []


def test_a_row_that_breaks_two_rules_goes_to_the_first(broken):
    assert broken(model=None, output_tokens=-1, reasoning_tokens=None) == [
        "missing_model",
        "negative_output_tokens",
    ]


def test_rules_have_names_of_their_own():
    names = [rule.name for rule in ROW_RULES]

    assert len(set(names)) == len(names)


def test_a_rule_of_ones_own_is_judged_like_the_others():
    rules = [RowRule("odd", "n % 2 = 1", "the number is odd", "validity")]

    with duckdb.connect() as connection:
        rows = connection.execute(f"SELECT {first_broken_rule(rules)} FROM (VALUES (1), (2), (NULL)) AS t (n)")
        assert rows.fetchall() == [("odd",), (None,), (None,)]
