"""A person of any format is forgotten: nothing is left, money stays, and landing makes the same core again."""

import shutil
from datetime import datetime

import pytest

from sophia_metrics.sources.registry import find_format
from sophia_metrics.usage.identity import keyed_hash
from sophia_metrics.warehouse.protocol import Query
from sophia_metrics.windows import Window
from tests.forgotten import KEY, files_with, forgetter
from tests.lab import Lab
from tests.landed import FIXTURES

NOW = datetime(2026, 11, 20, 12)
PEOPLE = {
    "claude": ("claude.jsonl", "s-1"),
    "codex": ("codex_fork.jsonl", None),
    "bedrock": ("bedrock.jsonl", "arn:aws:sts::123456789012:assumed-role/app/ann"),
    "langfuse": ("langfuse.jsonl", "ann"),
    "litellm": ("litellm.jsonl", "customer-9"),
    "litellm's own user": ("litellm.jsonl", "u-1"),
    "events": ("events.jsonl", "ann"),
}
MONEY = "SELECT event_id, usage_on, provider, model, input_tokens, output_tokens, cost_usd, list_cost_usd FROM core_usage_events ORDER BY ALL"


@pytest.mark.parametrize("case", PEOPLE)
def test_a_person_of_a_format_is_forgotten(tmp_path, case):
    name, identifier = PEOPLE[case]
    lab = Lab(tmp_path / "home", now=NOW)
    path = tmp_path / name
    shutil.copy(FIXTURES / name, path)
    source = lab.source(path, name="app", file_format=find_format(name.partition(".")[0].partition("_")[0]))
    lab.collect(source)
    lab.publish()
    money = lab.warehouse.read(Query(MONEY)).rows()
    known = identifier or lab.one("SELECT min(session_id) FROM core_usage_events")
    left = [known] if identifier is None else [keyed_hash(KEY, known)]
    assert files_with(lab.home, *left)

    forgotten = forgetter(lab, source).forget(known, NOW)

    assert forgotten.landed_file_count == 1
    assert files_with(lab.home, *left) == []
    assert lab.warehouse.read(Query(MONEY)).rows() == money
    erased = lab.core()
    days = lab.warehouse.read(Query("SELECT min(usage_on), max(usage_on) FROM core_usage_events")).row(0)
    lab.collector.rebuild([source], Window.of_days(*days), NOW)
    assert lab.core() == erased
    shutil.copy(path, tmp_path / f"again-{name}")
    lab.collect(lab.source(tmp_path / f"again-{name}", name="app", file_format=source.format))
    assert lab.core() == erased
    assert files_with(lab.home / "landing", *left) == []
