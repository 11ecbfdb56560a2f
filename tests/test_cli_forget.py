"""`sophia-metrics forget`, as a person or a program sees it."""

import pytest
from typer.testing import CliRunner

from sophia_metrics.cli.app import app
from tests.command_line import CommandLine, litellm_call
from tests.forgotten import files_with

ADA = "ada@example.com"


@pytest.fixture
def command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOPHIA_HOME", str(tmp_path / "home"))
    command = CommandLine(tmp_path)
    rows = [litellm_call("a"), litellm_call("b", user="bob@example.com")]
    command.facts("ingest", command.write("log.jsonl", rows), "--source", "litellm")
    return command


def test_a_person_is_forgotten_and_the_totals_are_as_they_were(command):
    users = "SELECT count(user_hash) AS n, count(*) AS calls, sum(cost_usd) AS cost_usd FROM core_usage_events"
    before = command.rows(users)[0]

    counted = command.facts("forget", "--user", ADA, "--dry-run")
    done = command.facts("forget", "--user", ADA)

    assert (counted["core_row_count"], counted["landed_row_count"], counted["is_dry_run"]) == (1, 1, True)
    assert (done["erased_row_count"], done["erased_file_count"], done["version"]) == (1, 1, 2)
    assert command.rows(users) == [{**before, "n": 1}]


def test_the_hash_that_sql_shows_is_enough_and_the_output_names_nobody(command):
    (shown,) = [row["user_hash"] for row in command.rows("SELECT min(user_hash) AS user_hash FROM core_usage_events")]

    result = command("forget", "--user-hash", shown)

    assert result.exit_code == 0, result.stderr
    assert "erased 1 row in core and 1 landed file; version 2 is published" in result.stdout
    assert shown not in result.output
    assert files_with(command.folder / "home", shown) == []


def test_an_identifier_is_read_from_standard_input(command):

    result = CliRunner().invoke(app, ["forget", "--user", "-"], input=f"{ADA}\n")

    assert result.exit_code == 0, result.stderr
    assert ADA not in result.output


@pytest.mark.parametrize("more", [[], ["--dry-run"]])
def test_somebody_unknown_is_said_so_without_being_named(command, more):
    result = command("forget", "--user", "carol@example.com", *more)

    assert result.exit_code == 1
    assert "nobody has that identifier" in result.stderr
    assert "carol" not in result.output


@pytest.mark.parametrize("given", [[], ["--user", ADA, "--user-hash", "x"], ["--user", ""]])
def test_who_is_meant_must_be_said_once(command, given):
    result = command("forget", *given)

    assert result.exit_code == 2
    assert "say who" in result.stderr


def test_plain_identifiers_are_forgotten_with_a_key_that_is_made_for_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOPHIA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SOPHIA_IDENTITY", "plain")
    command = CommandLine(tmp_path)
    command.facts("ingest", command.write("log.jsonl", [litellm_call("a")]), "--source", "litellm")
    assert files_with(tmp_path / "home", ADA)

    command.facts("forget", "--user", ADA)
    command.facts("ingest", command.write("more.jsonl", [litellm_call("a"), litellm_call("c")]), "--source", "litellm")

    assert files_with(tmp_path / "home", ADA) == []
    assert command.rows("SELECT count(*) AS n FROM core_usage_events") == [{"n": 2}]
