"""The contract of a warehouse: what every engine does with the same changes of core. DuckDB beside Snowflake."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from sophia_metrics.quality.judging import judge_marts
from sophia_metrics.quality.publishing import publish_judged
from sophia_metrics.schema import core, state
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.warehouse.protocol import Observations, Query, Record, Retention
from sophia_metrics.windows import Window
from tests.lab import NOW, Lab, event
from tests.snowflake_warehouse import SnowflakeWarehouseLab

pytest_plugins = ("tests.snowflake_lab",)

LATER = NOW + timedelta(hours=1)
SPEND = "SELECT usage_on, cost_usd, request_count FROM mart_cost_daily ORDER BY usage_on"


@pytest.fixture(params=["duckdb", "snowflake"])
def lab(request, tmp_path):
    """An empty state folder; on Snowflake an empty schema too."""
    home = tmp_path / "here" / "state"
    home.parent.mkdir()
    if request.param == "duckdb":
        return Lab(home)
    return SnowflakeWarehouseLab(home, snowflake=request.getfixturevalue("snowflake"))


def commit(lab, name, *calls):
    """Land and commit some calls as one file; return the counts of its receipts."""
    receipts = lab.ingest(lab.write(name, calls))
    return [(count.accepted_count, count.duplicate_count, count.quarantined_count) for each in receipts for count in each.files]


def test_a_slice_is_committed_once_with_its_money(lab):
    assert commit(lab, "a.jsonl", event("a"), event("b", output_tokens=0)) == [(2, 0, 0)]
    assert commit(lab, "copy.jsonl", event("a"), event("b", output_tokens=0)) == [(0, 2, 0)]
    assert lab.rows("SELECT sum(cost_usd), count(*) FROM core_usage_events") == [(Decimal("0.006000000000"), 2)]
