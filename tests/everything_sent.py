"""A small run that uses all of the Snowflake warehouse once, so that every kind of statement is sent."""

import shutil
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl

from sophia_metrics.costs.budgets import Budget, set_budget
from sophia_metrics.pricing.book import PriceBook
from sophia_metrics.pricing.override import Override
from sophia_metrics.schema import core, findings, state
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.scopes import Scope
from sophia_metrics.sources.terms import SAMPLE_SOURCE
from sophia_metrics.usage.price_drift import note_price_drift
from sophia_metrics.warehouse.protocol import Observations, Query, Record, RepriceOrder, Retention
from sophia_metrics.windows import Window
from tests.forgotten import ADA, forgetter
from tests.lab import NOW, event
from tests.random_rows import random_rows
from tests.snowflake_lab import SnowflakeLab
from tests.snowflake_warehouse import SnowflakeWarehouseLab

__all__ = ["send_everything"]

DAYS = Window.of_days(date(2026, 11, 15), date(2026, 11, 19))
CHEAPER = Override.model_validate(
    {"provider": "openai", "model": "gpt-4o", "per_million": {"input": "1", "output": "5"}}
)


def rows_of(table) -> pl.DataFrame:
    """Return a row of a table, whatever it says."""
    rows = random_rows(table, 1, 7, datetime(2026, 11, 18), 1, {"time_zone": ("UTC",), "thresholds": ("[0.8]",)})
    return pl.DataFrame(rows, schema=polars_schema(table))


def send_everything(snowflake: SnowflakeLab, home: Path) -> None:
    """Collect, correct, observe, decide, publish, price again, forget, ask, and drop what is old."""
    home.parent.mkdir(parents=True)
    lab = SnowflakeWarehouseLab(home, snowflake=snowflake)
    lab.ingest(lab.write("sample.jsonl", [event("made up"), event("bad", input_tokens=-1)]), name=SAMPLE_SOURCE)
    shutil.rmtree(lab.home / "landing" / SAMPLE_SOURCE)  # whoever is forgotten must have a source that is known
    calls = [
        event("a", "2026-11-19T10:00:00Z", user=ADA, units={"web_search": 3}, latency_ms=9),
        event("old", "2026-11-15T10:00:00Z", latency_ms=9),
        event("assumed", "2026-11-19T10:00:00Z", model="gpt-4o-mini", cache_write_5m_tokens=10),
        event("bad", input_tokens=-1),
    ]
    lab.ingest(lab.write("one.jsonl", calls), lab.write("two.jsonl", [event("a", "2026-11-17T10:00:00Z", user=ADA)]))
    lab.warehouse.commit(Observations({table.name: rows_of(table) for table in core.OBSERVED}))
    lab.warehouse.record(Record({each.name: rows_of(each) for each in (*state.OPERATIONS, *findings.FINDINGS)}))
    set_budget(lab.warehouse, Budget("all", Scope("all", "all"), "month", Decimal(1)), NOW)
    lab.collector.audit(NOW)
    dear = replace(lab, book=PriceBook((CHEAPER,)))
    note_price_drift(dear.warehouse, dear.book, NOW + timedelta(days=1))
    dear.collector.price_again(NOW)
    dear.collector.reprice(RepriceOrder(DAYS, "the contract came late", "gpt-4o"), NOW)
    source = lab.source(lab.home.parent / "*.jsonl")
    dear.collector.rebuild([source], DAYS, NOW)
    forgetter(lab, source).forget(ADA, NOW)  # it forwards, builds, judges and publishes
    lab.warehouse.read(Query("SELECT sum(BilledCost) FROM focus_cost_and_usage"))
    lab.warehouse.commit(Retention(date(2026, 11, 17), date(2026, 11, 19), NOW + timedelta(days=9), NOW))
