"""The connection to Snowflake ends while a run collects, builds and publishes: nothing is lost, nothing counts twice.

Without CUT_EVERY it is cut where much depends on it. At every statement of a run, one after the other, in about an hour:
`CUT_EVERY=1 uv run pytest -n 2 --dist=worksteal -rP tests/test_snowflake_cuts.py`. Each run begins with what the one before has
left, and every so often one goes through.
"""

import os
import re
from collections import Counter
from decimal import Decimal

import pytest

from sophia_metrics.errors import ServiceUnavailableError
from sophia_metrics.quality.publishing import publish_judged
from tests.lab import event
from tests.snowflake_front import LOGIN, Fault, front_of
from tests.snowflake_warehouse import SnowflakeWarehouseLab

pytest_plugins = ("tests.snowflake_fixtures",)

EVERY = int(os.environ.get("CUT_EVERY", "0"))
"""Every so many statements of a run one is cut. 0: the moments below alone."""
HEALED_AFTER = 10
"""After so many cuts one run goes through."""
LONGEST_RUN = 600
PRICE = Decimal("0.0035")
FAULTS = pytest.mark.parametrize("fault", [Fault.CUT_BEFORE, Fault.CUT_AFTER], ids=lambda fault: fault.name.lower())
MOMENTS = {
    "a file is uploaded": ("PUT",),
    "a file is loaded": ("COPY INTO",),
    "core is merged": ("MERGE INTO core_usage_events",),
    "core is committed": ("MERGE INTO core_usage_events", "COMMIT"),
    "a mart is switched": ("INSERT INTO built_mart_cost_daily",),
    "marts are committed": ("INSERT INTO built_mart_cost_daily", "COMMIT"),
    "a version is noted": ("INSERT INTO core_versions",),
    "a version is committed": ("INSERT INTO core_versions", "COMMIT"),
    "the mirror copies": ("INSERT INTO core_versions", "COMMIT", "SELECT .*FROM built_mart_cost_daily"),
}
"""Statements that come one after the other; the last one is cut."""
COMMITS = {moment: steps for moment, steps in MOMENTS.items() if steps[-1] == "COMMIT"}
"""Of others it makes no difference whether they were done: they are rolled back, or lie in a stage table."""


class Cutter:
    """Ends the connection at one statement of a run, before Snowflake has seen it or after it was done."""

    def __init__(self):
        self.fault, self.steps, self.place, self.cut = None, [], None, None

    def arm(self, fault, *, steps=(), place=None):
        """Cut where the statements `steps` have come, or at the statement of that place."""
        self.fault, self.steps, self.place, self.cut = fault, list(steps), place, None

    def disarm(self):
        self.arm(None)

    def __call__(self, request):
        if request == LOGIN or self.fault is None or self.cut is not None:
            return None
        if self.place is not None:
            self.place -= 1
            is_here = self.place == 0
        else:
            is_step = re.match(self.steps[0], request, re.DOTALL) is not None
            is_here = is_step and len(self.steps) == 1
            self.steps = self.steps[1:] if is_step and not is_here else self.steps
        if not is_here:
            return None
        self.cut = request
        return self.fault


class CutLab:
    """Runs that are cut. `watch` sees Snowflake without a front; what it saw before tells whether a row was lost."""

    def __init__(self, lab, cutter, watch):
        self.lab, self.cutter, self.watch = lab, cutter, watch
        self.number, self.known, self.published = 0, 0, 0
        self.cuts, self.felt = Counter(), 0

    def run(self):
        """Collect one more call, and the one before corrected, and publish; say whether it went through."""
        calls = [event(f"call-{self.number}")]
        if self.number:
            calls.append(event(f"call-{self.number - 1}", source_updated_at="2026-11-19T00:00:00Z"))
        path = self.lab.write(f"calls-{self.number}.jsonl", calls)
        self.number += 1
        try:
            self.lab.collect(self.lab.source(path.parent / "calls-*.jsonl"))
            publish_judged(self.lab.warehouse, self.lab.now)
        except ServiceUnavailableError:
            return False
        return True

    def cut(self, fault, **where):
        """Run with a cut, see that nothing is lost or doubled, and return the statement that was cut."""
        self.cutter.arm(fault, **where)
        is_through = self.run()
        cut = self.cutter.cut
        self.cutter.disarm()
        if cut is not None:
            self.cuts[cut.split(maxsplit=1)[0]] += 1
            self.felt += not is_through
        else:
            assert is_through
        self.look(cut)
        return cut

    def look(self, cut):
        """See that what is there is whole: each call once, with its price, in core and in what is published."""
        core = self._sums("SELECT count(*), count(DISTINCT event_id), sum(cost_usd) FROM core_usage_events")
        assert core == (core[0], core[0], PRICE * core[0]), cut
        assert self.known <= core[0] <= self.number, cut
        marts = self._sums("SELECT sum(request_count), sum(cost_usd) FROM mart_cost_daily")
        assert marts[1] == PRICE * marts[0], cut
        assert self.published <= marts[0] <= core[0], cut
        torn = "row_count <> accepted_count + quarantined_count + duplicate_count + ignored_count"
        assert self._sums(f"SELECT count(*) FROM core_ingest_ledger WHERE {torn}") == (0,), cut
        here = self.lab.serving.query("SELECT sum(request_count), sum(cost_usd) FROM mart_cost_daily").row(0)
        assert here[1] == PRICE * here[0], cut
        self.known, self.published = core[0], int(marts[0])

    def heal(self):
        """Let a run go through: all that was ever written is there, once."""
        assert self.run()
        self.look("the healing run")
        assert (self.known, self.published) == (self.number, self.number)
        here = self.lab.serving.query("SELECT sum(request_count) FROM mart_cost_daily").row(0)
        assert here == (self.number,)

    def _sums(self, sql):
        (found,) = self.watch.execute(sql).fetchall()
        return found


@pytest.fixture
def cut(tmp_path, snowflake, snowflake_server):
    """A lab behind a front that cuts, with one call collected and published."""
    home = tmp_path / "here" / "state"
    home.parent.mkdir()
    snowflake.prepare(SnowflakeWarehouseLab.now)
    watch = snowflake.session(observe=None)
    with front_of(snowflake_server) as front:
        front.decide = cutter = Cutter()
        snowflake.settings = snowflake.settings.model_copy(update=front.place)
        made = CutLab(SnowflakeWarehouseLab(home, snowflake=snowflake), cutter, watch)
        made.heal()
        yield made
        snowflake.close()


@pytest.mark.skipif(EVERY > 0, reason="every statement is cut instead")
@FAULTS
def test_a_connection_that_ends_where_much_depends_on_it_loses_and_doubles_nothing(cut, fault):
    moments = MOMENTS if fault is Fault.CUT_BEFORE else COMMITS
    for moment, steps in moments.items():
        found = cut.cut(fault, steps=steps)
        assert found is not None, moment
    assert cut.felt == len(moments)
    cut.heal()


@pytest.mark.skipif(EVERY == 0, reason="it computes for about an hour: set CUT_EVERY")
@FAULTS
def test_a_connection_that_ends_at_any_statement_loses_and_doubles_nothing(cut, fault):
    for place in range(1, LONGEST_RUN, EVERY):
        if cut.cut(fault, place=place) is None:
            break
        if place // EVERY % HEALED_AFTER == 0:
            cut.heal()
    else:
        pytest.fail("a run has more statements than were looked at")
    cut.heal()
    print(f"\n{fault.name}: {cut.cuts.total()} cuts, {cut.felt} felt, {cut.number} calls; {dict(cut.cuts)}")
