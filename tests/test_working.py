"""Working and reading connections: bounded, private to their state folder, and gone without a trace."""

import stat
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from sophia_metrics.working import reading_connection, working_connection


def test_what_a_killed_process_spilled_is_gone_when_the_next_one_works(tmp_path):
    program = (
        "import os, signal, sys; from pathlib import Path\n"
        "from sophia_metrics.working import reading_connection, working_connection\n"
        "with working_connection(Path(sys.argv[1]), '1GiB'):\n"
        "    spill = next((Path(sys.argv[1]) / 'tmp').iterdir()); (spill / 'rows').write_text('x')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    (left,) = (tmp_path / "tmp").iterdir()

    with working_connection(tmp_path, "1GiB"), working_connection(tmp_path, "1GiB"):
        in_use = list((tmp_path / "tmp").iterdir())

    assert left not in in_use
    assert len(in_use) == 2
    assert list((tmp_path / "tmp").iterdir()) == []


def test_working_connections_are_private_to_the_state_folder(tmp_path):
    with working_connection(tmp_path, "1GiB") as connection:
        (folder,) = connection.execute("SELECT current_setting('temp_directory')").fetchone()
        assert Path(folder).is_relative_to(tmp_path)
        assert stat.S_IMODE(Path(folder).stat().st_mode) == 0o700
        assert connection.execute("SELECT current_setting('TimeZone')").fetchone() == ("UTC",)


def settings_of(connection):
    return connection.execute(
        "SELECT current_setting('temp_directory'), current_setting('memory_limit'), current_setting('TimeZone')"
    ).fetchone()


def test_a_reading_connection_is_bounded_and_spills_to_its_state_folder_whoever_had_its_engine_before(tmp_path):
    for name in ("one", "other", "one"):
        with reading_connection(tmp_path / name, "1GiB", 0) as connection:
            folder, *others = settings_of(connection)
            assert Path(folder).is_relative_to(tmp_path / name)
            assert stat.S_IMODE(Path(folder).stat().st_mode) == 0o700
            assert others == ["1.0 GiB", "UTC"]
        assert list((tmp_path / name / "tmp").iterdir()) == []


def test_what_one_question_makes_is_unknown_to_the_next(tmp_path):
    with reading_connection(tmp_path, "1GiB", 0) as connection:
        connection.execute("CREATE TEMP VIEW rows AS SELECT 1")

    with reading_connection(tmp_path, "1GiB", 0) as connection, pytest.raises(duckdb.CatalogException):
        connection.execute("FROM rows")


def test_questions_at_once_have_an_engine_each(tmp_path):
    with reading_connection(tmp_path, "1GiB", 0) as one, reading_connection(tmp_path, "1GiB", 0) as other:
        assert settings_of(one)[0] != settings_of(other)[0]


@pytest.mark.parametrize("size_bytes", [0, 2**30])
def test_a_question_may_spill_more_than_its_memory_and_the_next_one_too(tmp_path, size_bytes):
    for _ in range(2):
        with reading_connection(tmp_path, "64MiB", size_bytes) as connection:
            (count,) = connection.execute(
                "SELECT count(*) FROM (SELECT * FROM range(6000000) AS t(a) ORDER BY hash(a) DESC, a OFFSET 1)"
            ).fetchone()
        assert count == 5_999_999
        assert list((tmp_path / "tmp").iterdir()) == []
