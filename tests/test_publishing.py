"""Publishing: no version has core without its marts, whoever committed last."""

import shutil
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import polars as pl
import pytest

from sophia_metrics.costs.budgets import Budget, set_budget
from sophia_metrics.marts import MARTS
from sophia_metrics.quality.publishing import publish_judged
from sophia_metrics.schema.column import Storage
from sophia_metrics.schema.findings import ANOMALIES
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.scopes import Scope
from sophia_metrics.warehouse.duckdb.serving_marts import VIEW_MARTS
from sophia_metrics.warehouse.protocol import Record
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


def served_marts(lab):
    """Return the rows of every mart that a publish computes."""
    return {
        mart.name: sorted(lab.serving.query(f"SELECT {', '.join(mart.table.names)} FROM {mart.name}").rows(), key=repr)
        for mart in MARTS
        if mart.table.storage is Storage.SERVING and mart.name not in VIEW_MARTS
    }


def grow(lab, day):
    lab.collect(lab.source(lab.write(f"{day}.jsonl", [event(day, f"{day}T10:00:00Z", team="search", user="ann")])))


def decide(lab, limit):
    set_budget(lab.warehouse, Budget("monthly", Scope("team", "search"), "month", Decimal(limit)), lab.now)


def find(lab, amount):
    row = dict.fromkeys(ANOMALIES.names) | {
        "scope_type": "team",
        "scope_value": "search",
        "usage_on": date(2026, 11, 18),
        "kind": "spend",
        "observed_usd": Decimal(amount),
        "explanation": "more than usual",
        "evidence": "{}",
        "found_at": lab.now,
    }
    lab.warehouse.record(Record({ANOMALIES.name: pl.DataFrame([row], schema=polars_schema(ANOMALIES))}))


def test_a_version_that_began_as_a_copy_says_the_same_as_one_that_is_made_from_nothing(tmp_path):
    lab, kept = Lab(tmp_path / "state", now=NOW), []
    changes = [
        (grow, "2026-11-17"),
        (decide, "0.005"),
        (grow, "2026-11-18"),
        (find, "9"),
        (decide, "0.003"),
    ]
    for change, value in changes:
        change(lab, value)
        lab.publish()
        kept.append(served_marts(lab))
    assert all(before != after for before, after in pairwise(kept))

    shutil.rmtree(lab.home / "serving")
    lab.publish()

    assert served_marts(lab) == kept[-1]
