"""Buckets of many calls on their way: delivered again, priced again, made anew, and in a folder of an older program."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import polars as pl
import pytest

from sophia_metrics.pricing.book import PriceBook
from sophia_metrics.pricing.list_prices import list_prices
from sophia_metrics.schema.core import USAGE_EVENTS
from sophia_metrics.usage.erasing import write_landed
from sophia_metrics.usage.landing import FOOTER_KEY
from sophia_metrics.usage.repriced import PriceChange
from sophia_metrics.warehouse.protocol import RepriceOrder
from sophia_metrics.windows import Window
from tests.forgotten import ADA, files_with, forgetter, stored
from tests.lab import NOW, Lab, event

DAY = Window.of_days(date(2026, 11, 18), date(2026, 11, 18))
ORDER = RepriceOrder(DAY, "prices by size", None)
FOUND = "SELECT cost_usd, usage_quality, context_window FROM core_usage_events ORDER BY cost_usd"
LOW, HIGH = Decimal("4.5"), Decimal("8.25")
"""A million input and 100,000 output tokens: 3 + 1.50 dollars, and above 200,000 tokens 6 + 2.25."""


def bucket(ident, **fields):
    usage = {"record_kind": "bucket", "request_count": 10, "input_tokens": 1_000_000, "output_tokens": 100_000}
    return event(ident, **{"provider": "anthropic", "model": "claude-sonnet-4-5", **usage, **fields})


def one_price(key):
    """The public list, as if size did not matter."""
    return tuple(replace(card, tier_high_tokens=None) for card in list_prices(key) if card.tier_low_tokens == 0)


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path / "here" / "state")


def without_size(lab):
    return replace(lab, book=PriceBook(list_prices=one_price, list_version="without sizes"))


def test_a_bucket_that_is_delivered_again_changes_nothing(lab):
    buckets = [bucket("a"), bucket("b", context_window="200k-1M")]
    lab.ingest(lab.write("one.jsonl", buckets))
    (receipt,) = lab.ingest(lab.write("two.jsonl", buckets))

    assert [(count.accepted_count, count.duplicate_count) for count in receipt.files] == [(0, 2)]
    assert lab.rows(FOUND) == [(LOW, "tier_unknown", None), (HIGH, "exact", "200k-1M")]


@pytest.mark.parametrize("model", ["claude-sonnet-4-5", "claude-haiku-4-5"])
def test_either_order_of_versions_that_differ_in_quality_gives_the_same_core(tmp_path, model):
    versions = [bucket("a", model=model), bucket("a", model=model, usage_quality="tier_unknown")]
    cores = []
    for name, order in (("one", versions), ("other", versions[::-1])):
        lab = Lab(tmp_path / name / "state")
        lab.ingest(*[lab.write(f"{place}.jsonl", [each]) for place, each in enumerate(order)])
        cores.append(lab.core(["event_id", "cost_usd", "usage_quality"]))
    assert cores[0] == cores[1]
    assert cores[0][0][2] == "tier_unknown"


def test_a_window_that_comes_later_makes_the_tier_known(lab):
    lab.ingest(lab.write("one.jsonl", [bucket("a", source_updated_at="2026-11-18T12:00:00Z")]))
    later = bucket("a", source_updated_at="2026-11-19T12:00:00Z", context_window="200k-1M")
    lab.ingest(lab.write("two.jsonl", [later]))

    assert lab.rows(FOUND) == [(HIGH, "exact", "200k-1M")]


def test_pricing_again_says_what_pricing_says(lab):
    lab.ingest(lab.write("one.jsonl", [bucket("a"), bucket("b", context_window="200k-1M")]))
    before = lab.rows(FOUND)

    assert lab.collector.reprice(ORDER, NOW).changes == ()
    assert lab.rows(FOUND) == before


def test_a_tier_that_is_no_longer_known_is_said_so_at_the_same_cost(lab):
    without_size(lab).ingest(lab.write("one.jsonl", [bucket("a")]))
    assert lab.rows(FOUND) == [(LOW, "exact", None)]

    assert lab.collector.reprice(ORDER, NOW).changes == (
        PriceChange("anthropic", "claude-sonnet-4-5", 1, LOW, LOW, 0, 0),
    )
    assert lab.rows(FOUND) == [(LOW, "tier_unknown", None)]
    assert lab.collector.reprice(ORDER, NOW).changes == ()


def test_a_price_that_loses_its_tiers_leaves_the_quality_as_it_is(lab):
    lab.ingest(lab.write("one.jsonl", [bucket("a")]))
    without_size(lab).collector.reprice(ORDER, NOW)
    assert lab.rows(FOUND) == [(LOW, "tier_unknown", None)]


def test_a_bucket_that_gets_its_price_later_is_unsure_of_its_tier_then(lab):
    early = replace(lab, book=PriceBook(list_prices=lambda _: (), list_version="empty"))
    early.ingest(lab.write("one.jsonl", [bucket("a")]))
    assert lab.rows(FOUND) == [(None, "exact", None)]

    assert lab.collector.price_again(NOW) == 1
    assert lab.rows(FOUND) == [(LOW, "tier_unknown", None)]


@pytest.mark.parametrize("is_later_without_size", [False, True])
def test_a_rebuild_keeps_what_is_known_of_the_tier_with_the_price(lab, is_later_without_size):
    lab.ingest(lab.write("one.jsonl", [bucket("a"), bucket("b", context_window="200k-1M")]))
    before = lab.core()
    later = without_size(lab) if is_later_without_size else lab
    later.collector.rebuild([lab.source()], DAY, NOW)

    assert lab.core() == before


def leave_out(path: Path) -> None:
    """Write a Parquet file without the column, as an older program did."""
    footer = pl.read_parquet_metadata(path).get(FOOTER_KEY)
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE rows AS FROM read_parquet($1)", [str(path)])
        columns = [str(row[0]) for row in connection.execute("DESCRIBE rows").fetchall()]
        kept = ", ".join(f'"{name}"' for name in columns if name != "context_window")
        if footer is None:
            connection.execute(f"COPY (SELECT {kept} FROM rows) TO '{path}' (FORMAT parquet)")
        else:
            write_landed(connection, f"SELECT {kept} FROM rows", footer, path)


@pytest.fixture
def old_lab(lab):
    """A folder that an older program made: neither its day files nor what it landed have the column."""
    call = event("c", user="ada@example.com")
    without_size(lab).ingest(lab.write("one.jsonl", [bucket("a"), {**call, "id": None}]))
    for path in [
        *(lab.home / "landing").glob("*/*.parquet"),
        *(lab.home / USAGE_EVENTS.folder).glob("*/empty.parquet"),
    ]:
        leave_out(path)
    for path in lab.home.rglob("*.parquet"):
        assert "context_window" not in pl.read_parquet_schema(path)
    return lab


def test_a_folder_of_an_older_program_is_read_and_written_on(old_lab):
    old_lab.ingest(old_lab.write("two.jsonl", [bucket("b", context_window="200k-1M")]))
    old_lab.publish()

    expected = [(Decimal("0.0035"), "exact", None), (LOW, "exact", None), (HIGH, "exact", "200k-1M")]
    assert old_lab.rows(FOUND) == expected
    assert old_lab.serving.query(FOUND).rows() == expected


def test_what_an_older_program_landed_is_made_anew_under_the_same_ids(old_lab):
    before = old_lab.core(["event_id", "cost_usd"])
    changed = old_lab.collector.rebuild([old_lab.source()], DAY, NOW)

    assert changed.event_count == 2
    assert old_lab.core(["event_id", "cost_usd"]) == before
    assert old_lab.rows(FOUND) == [(Decimal("0.0035"), "exact", None), (LOW, "tier_unknown", None)]


def test_who_is_forgotten_goes_from_what_an_older_program_landed(old_lab):
    source = old_lab.source(old_lab.home.parent / "one.jsonl")
    before = old_lab.core(["event_id", "cost_usd"])
    forgotten = forgetter(old_lab, source).forget(ADA, NOW)

    assert forgotten.landed_file_count == 1
    assert files_with(old_lab.home, *stored(ADA)) == []
    old_lab.collector.rebuild([source], DAY, NOW)
    assert old_lab.core(["event_id", "cost_usd"]) == before
