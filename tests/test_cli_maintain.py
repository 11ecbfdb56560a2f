"""`sophia-metrics maintain`: sentences for people, facts for machines, and foreign files named."""

import pytest

from sophia_metrics.errors import ServiceUnavailableError
from tasks import maintenance
from tests.command_line import CommandLine, litellm_call


@pytest.fixture
def sophia(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    sophia = CommandLine(tmp_path)
    assert sophia("ingest", sophia.write("log.jsonl", [litellm_call("a")]), "--source", "litellm").exit_code == 0
    (tmp_path / ".sophia" / "landing" / "litellm" / "mine.txt").write_text("mine")
    return sophia


def test_it_says_what_it_did_and_names_foreign_files_and_keeps_them(sophia):
    result = sophia("maintain")
    assert result.exit_code == 0, result.stderr
    assert "usage kept" in result.stdout
    assert "for ever" in result.stdout
    assert "landing/litellm/mine.txt" in result.stdout
    assert (sophia.folder / ".sophia" / "landing" / "litellm" / "mine.txt").exists()


def test_json_has_the_same_facts(sophia):
    facts = sophia.facts("maintain", "--dry-run")
    assert facts["is_dry_run"] is True
    assert facts["expired"]["usage_from_on"] is None
    assert facts["swept"]["orphans"] == ["landing/litellm/mine.txt"]
    assert facts["problems"] == []


def test_a_failed_step_is_told_with_what_was_done_and_exits_with_1(sophia, monkeypatch):
    def fails(*_):
        raise ServiceUnavailableError("the disk is full")

    monkeypatch.setattr(maintenance, "connect_upkeep", fails)
    result = sophia("maintain")
    assert result.exit_code == 1
    assert "rows of core dropped" in result.stdout
    assert "the sweep failed: the disk is full" in result.stderr


def test_a_retention_that_marts_need_to_look_back_further_than_is_refused(sophia):
    (sophia.folder / "sophia.toml").write_text("[retention]\nusage_days = 90\n")
    result = sophia("maintain")
    assert result.exit_code == 2
    assert "retention.usage_days" in result.stderr
