"""The connection to Snowflake ends at any statement: no row is lost, none counts twice, and the next run heals.

It takes many minutes: `CUT_EVERY=13 uv run pytest -n 0 tests/test_snowflake_cuts.py` cuts at every 13th statement of a
run, `CUT_EVERY=1` at each.
"""

import os
from decimal import Decimal

import pytest

from sophia_metrics.errors import ServiceUnavailableError
from sophia_metrics.quality.publishing import publish_judged
from tests.lab import event
from tests.snowflake_front import LOGIN, Fault, front_of
from tests.snowflake_warehouse import SnowflakeWarehouseLab

pytest_plugins = ("tests.snowflake_fixtures",)

pytestmark = pytest.mark.skipif("CUT_EVERY" not in os.environ, reason="it takes many minutes: set CUT_EVERY")
EVERY = int(os.environ.get("CUT_EVERY", "1"))
"""Every so many statements of a run one is cut."""
PRICE = Decimal("0.0035")


class Cutter:
    """Ends the connection at one statement of a run, before Snowflake has seen it or after it was done."""

    def __init__(self):
        self.place, self.fault, self.count = None, None, 0

    def arm(self, place, fault):
        self.place, self.fault, self.count = place, fault, 0

    def __call__(self, request):
        if request == LOGIN:
            return None
        self.count += 1
        return self.fault if self.count == self.place else None


@pytest.fixture
def cut(tmp_path, snowflake, snowflake_server):
    """A lab behind a front that cuts, with one call collected and published."""
    home = tmp_path / "here" / "state"
    home.parent.mkdir()
    cutter = Cutter()
    with front_of(snowflake_server) as front:
        front.decide = cutter
        snowflake.settings = snowflake.settings.model_copy(update=front.place)
        lab = SnowflakeWarehouseLab(home, snowflake=snowflake)
        run(lab, 0)
        yield lab, cutter
        snowflake.close()


def run(lab, number):
    """Collect one more call, which corrects the call before, and publish."""
    calls = [event(f"call-{number}", output_tokens=100)]
    if number:
        calls.append(event(f"call-{number - 1}", output_tokens=100, source_updated_at="2026-11-19T00:00:00Z"))
    lab.collect(lab.source(lab.write(f"calls-{number}.jsonl", calls)))
    publish_judged(lab.warehouse, lab.now)


def is_cut(lab, number):
    """Run, and say whether the cut was felt."""
    try:
        run(lab, number)
    except ServiceUnavailableError:
        return True
    return False


@pytest.mark.parametrize("fault", [Fault.CUT_BEFORE, Fault.CUT_AFTER], ids=lambda fault: fault.name.lower())
def test_a_connection_that_ends_at_any_statement_loses_and_doubles_nothing(cut, fault):
    lab, cutter = cut
    cutter.arm(None, None)
    run(lab, 1)
    statements, felt = cutter.count, 0
    assert statements > 40
    for number, place in enumerate(range(1, statements + 1, EVERY), start=2):
        cutter.arm(place, fault)
        felt += is_cut(lab, number)
        cutter.arm(None, None)
        run(lab, number)
        calls, spend = number + 1, PRICE * (number + 1)
        core = "SELECT count(*), count(DISTINCT event_id), sum(cost_usd) FROM core_usage_events"
        assert lab.rows(core) == [(calls, calls, spend)], f"cut at statement {place}"
        marts = "SELECT sum(request_count), sum(cost_usd) FROM mart_cost_daily"
        assert lab.serving.query(marts).rows() == [(calls, spend)], f"cut at statement {place}"
        torn = "row_count <> accepted_count + quarantined_count + duplicate_count + ignored_count"
        assert lab.one(f"SELECT count(*) FROM core_ingest_ledger WHERE {torn}") == 0
    assert felt > 0
