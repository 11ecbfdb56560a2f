"""Verify, restore and doctor on the command line, over a state that is damaged in between."""

import pytest

from tests.command_line import CommandLine, litellm_call


@pytest.fixture(scope="module")
def sophia(tmp_path_factory):
    """An ingest, a backup, and a state file that was lost and made again by the next ingest."""
    sophia = CommandLine(tmp_path_factory.mktemp("recovery"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(sophia.folder)
        patch.setenv("HOME", str(sophia.folder))
        patch.setenv("SOPHIA_HOME", str(sophia.folder / "home"))
        assert sophia("ingest", sophia.write("a.jsonl", [litellm_call("a")]), "--source", "litellm").exit_code == 0
        assert sophia.facts("maintain")["backup"]["row_count"] > 0
        (sophia.folder / "home" / "warehouse.duckdb").unlink()
        assert sophia("ingest", sophia.write("b.jsonl", [litellm_call("b")]), "--source", "litellm").exit_code == 0
        yield sophia


def test_a_lost_state_file_costs_nothing(sophia):
    assert sophia.rows("SELECT count(*) AS n FROM core_usage_events") == [{"n": 2}]


def test_doctor_says_that_the_state_file_was_made_again(sophia):
    lines = " ".join(sophia("doctor").stdout.split())  # however they are wrapped
    assert "State file made again" in lines
    assert "warehouse.duckdb was gone; made again from 2" in lines


def test_verify_says_that_everything_agrees_and_then_what_does_not(sophia):
    assert sophia.facts("verify", "--deep")["is_whole"] is True
    assert "Everything agrees" in sophia("verify").stdout
    (version,) = {(sophia.folder / "home" / "serving" / "current.duckdb").resolve()}
    content = version.read_bytes()
    version.write_bytes(content[:-1])
    damaged = sophia("verify")
    version.write_bytes(content)
    assert damaged.exit_code == 1
    assert "is not as it was published" in damaged.stdout


def test_restore_lists_backups_and_goes_back_to_one_and_the_next_run_brings_the_rest(sophia):
    (backup,) = sophia.facts("restore", "--list")["backups"]
    assert backup["name"] in sophia("restore", "--list").stdout
    restored = sophia.facts("restore", backup["name"])["restored"]
    assert restored["base"] == backup["name"]
    assert sophia("ingest", str(sophia.folder / "b.jsonl"), "--source", "litellm").exit_code == 0
    assert sophia.rows("SELECT count(*) AS n FROM core_usage_events") == [{"n": 2}]


def test_restore_of_what_is_not_there_is_wrong_usage(sophia):
    result = sophia("restore", "yesterday")
    assert result.exit_code == 2
    assert "there is no backup 'yesterday'" in result.stderr
