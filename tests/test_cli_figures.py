"""Figures for people and facts for machines."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from sophia_metrics.cli.facts import fact
from sophia_metrics.cli.figures import age, bytes_text, count, money, plural, spend_text
from sophia_metrics.costs.spend import Spend

NOW = datetime.fromisoformat("2026-11-20T12:00:00")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0", "0.00"),
        ("0.005", "0.0050"),
        ("0.0000012345", "0.0000012"),
        ("0.00994", "0.0099"),
        ("0.01", "0.01"),
        ("0.125", "0.13"),
        ("0.135", "0.14"),
        ("96.791325", "96.79"),
        ("1234567.895", "1,234,567.90"),
    ],
)
def test_money_is_rounded_half_up_to_the_cent_and_below_it_to_two_digits(value, text):
    assert money(Decimal(value)) == text


def test_unknown_figures_are_never_a_zero():
    assert money(None) == count(None) == spend_text(Spend(3, 3, None)) == "unknown"


def test_a_star_marks_a_spend_that_leaves_calls_out():
    assert spend_text(Spend(3, 1, Decimal("1.5"))) == "1.50*"


@pytest.mark.parametrize(
    ("past", "text"),
    [
        (timedelta(seconds=5), "just now"),
        (timedelta(minutes=5), "5 minutes ago"),
        (timedelta(hours=14), "14 hours ago"),
        (timedelta(days=1100), "1,100 days ago"),
    ],
)
def test_an_age_is_told_in_words(past, text):
    assert age(NOW - past, NOW) == text


def test_sizes_and_counts_read_well():
    assert [bytes_text(512), bytes_text(1536), bytes_text(3 * 1024**4)] == ["512 B", "1.5 KiB", "3.0 TiB"]
    assert [plural(1, "file"), plural(1200, "file")] == ["1 file", "1,200 files"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Decimal("96.791325000000"), "96.791325"),
        (Decimal("1E+3"), "1000"),
        (Decimal("0E-12"), "0"),
        (NOW, "2026-11-20T12:00:00Z"),
        (datetime(2026, 11, 20, 12, tzinfo=timezone(timedelta(hours=1))), "2026-11-20T11:00:00Z"),
        (datetime(2026, 11, 20, 12, tzinfo=UTC), "2026-11-20T12:00:00Z"),
        (date(2026, 11, 20), "2026-11-20"),
        (float("inf"), "Infinity"),
        (0.25, 0.25),
        (10**20, 10**20),
        (b"\x0a", "0a"),
        ({"a": (Decimal("1.50"), None)}, {"a": ["1.5", None]}),
        (Spend(1, 0, None), {"request_count": 1, "unpriced_count": 0, "cost_usd": None}),
    ],
)
def test_facts_are_exact(value, expected):
    assert fact(value) == expected
