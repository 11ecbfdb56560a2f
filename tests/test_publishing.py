"""Publishing: no version has core without its marts, whoever committed last."""

from datetime import datetime, timedelta

import pytest

from sophia_metrics.quality.publishing import publish_judged
from tests.lab import Lab, event

NOW = datetime(2026, 11, 20, 12)
TOTALS = (
    "SELECT (SELECT sum(output_tokens) FROM core_usage_events) AS core_tokens, "
    "(SELECT sum(output_tokens) FROM mart_cost_daily) AS mart_tokens"
)


@pytest.fixture
def lab(tmp_path):
    """One call of 50 tokens is published; another one is committed and not built, as by a run that goes on."""
    lab = Lab(tmp_path / "state", now=NOW)
    lab.collect(lab.source(lab.write("first.jsonl", [event("first", output_tokens=50)])))
    lab.publish()
    lab.collect(lab.source(lab.write("second.jsonl", [event("second", output_tokens=7)])))
    return lab


def test_what_is_committed_and_not_built_holds_a_publish_back(lab):
    publication = lab.warehouse.publish(NOW + timedelta(minutes=1))

    assert (publication.version, publication.is_new, publication.is_behind) == (1, False, True)
    assert lab.serving.query(TOTALS).rows() == [(50, 50)]


def test_publishing_builds_and_judges_what_another_run_has_committed(lab):
    publication = publish_judged(lab.warehouse, NOW + timedelta(minutes=1))

    assert (publication.version, publication.is_new, publication.is_behind) == (2, True, False)
    assert lab.serving.query(TOTALS).rows() == [(57, 57)]
    assert lab.one("SELECT count(*) FROM judged_days WHERE held_because IS NULL") == 1
