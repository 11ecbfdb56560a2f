"""A landed file holds allow-listed columns, with people hashed; it says whence it came, whole or absent."""

import hashlib
import hmac
import json
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from sophia_metrics.errors import ConfigurationError, ProcessingError
from sophia_metrics.sources.part import FilePart
from sophia_metrics.usage.identity import Identity
from sophia_metrics.usage.landing import FOOTER_KEY, FOOTER_VERSION, Landing, landings
from sophia_metrics.usage.landing_writer import land
from sophia_metrics.usage.rules import RULES_VERSION
from sophia_metrics.working import spill_folder, working_connection
from tests.lab import NOW, Lab, event

ROOT = Path(__file__).parent.parent
KEY = b"a key of the tests, not a secret"
PROMPT = "please summarise my divorce papers"
MAIL = "ada@example.com"

PLANTED = {
    "messages": [{"role": "user", "content": PROMPT}],
    "prompt": PROMPT,
    "response": {"choices": [PROMPT]},
    "error_message": PROMPT,
    "user": MAIL,
    "session": f"session of {MAIL}",
    "api_key": "sk-live-planted",
}


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path / "state")


def land_parts(lab, source, parts, identity=Identity(KEY), now=NOW, landing_bytes=1 << 20):  # noqa: B008 - frozen
    with working_connection(lab.home, "1GiB") as connection:
        found = land(
            connection,
            source,
            parts,
            identity=identity,
            folder=lab.home / "landing",
            scratch=spill_folder(connection),
            now=now,
            landing_bytes=landing_bytes,
        )
        assert connection.execute("SHOW TABLES").fetchall() == []
    return found


def landed(lab, *paths, **options):
    source = lab.source(*paths)
    parts = [FilePart(file, "reading") for file in source.find_files()]
    (landing,) = land_parts(lab, source, parts, **options).landings
    return landing


def digest(text):
    return hmac.new(KEY, text.encode(), hashlib.sha256).hexdigest()[:32]


def test_the_landed_file_has_one_row_a_line_in_the_order_of_the_files(lab):
    one, two = lab.write("one.jsonl", [event("a"), event("b")]), lab.write("two.jsonl", [event("c")])

    rows = pl.read_parquet(landed(lab, two, one).path).sort("row_ordinal")

    assert rows["row_ordinal"].to_list() == [0, 1, 2]
    assert rows["id"].to_list() == ["a", "b", "c"]
    assert rows["file_name"].to_list() == [str(one), str(one), str(two)]
    assert rows["defect"].to_list() == [None] * 3


def test_people_are_hashed_and_equal_people_stay_equal(lab):
    users = [MAIL, "grace", MAIL, "", None]
    path = lab.write("calls.jsonl", [event(str(place), user=user) for place, user in enumerate(users)])

    rows = pl.read_parquet(landed(lab, path).path).sort("row_ordinal")

    assert rows["user"].to_list() == [digest(MAIL), digest("grace"), digest(MAIL), None, None]


def test_where_identities_stay_plain_they_do(lab):
    path = lab.write("calls.jsonl", [event("a", user=MAIL)])

    assert pl.read_parquet(landed(lab, path, identity=Identity(None)).path)["user"].to_list() == [MAIL]


def test_prompts_and_people_are_nowhere_in_the_bytes_of_what_was_landed(lab):
    path = lab.write("calls.jsonl", [event("a", **PLANTED), event("b", **PLANTED, output_tokens="many")])

    landing = landed(lab, path)

    # Pages are compressed: what is in them is looked for in the values, the rest in the bytes.
    content = repr(pl.read_parquet(landing.path).rows()).encode() + landing.path.read_bytes()
    for planted in ("divorce", "ada@", "sk-live"):
        assert planted.encode() in path.read_bytes()
        assert planted.encode() not in content


def test_the_footer_says_where_the_rows_come_from_and_is_read_back(lab):
    one, two = lab.write("one.jsonl", [event("a"), event("b")]), lab.write("two.jsonl", [event("c")])

    landing = landed(lab, one, two)

    assert Landing.read(landing.path) == landing
    assert (landing.source, landing.format, landing.completeness) == ("app", "events", "partial")
    assert landing.path.stem == landing.attempt_id
    assert (landing.landed_at, landing.rules_version, landing.row_count) == (NOW, RULES_VERSION, 3)
    assert [(file.path, file.first_ordinal, file.row_count) for file in landing.files] == [
        (str(one), 0, 2),
        (str(two), 2, 1),
    ]
    assert landing.files[0].content_sha256 == hashlib.sha256(one.read_bytes()).hexdigest()
    assert (landing.files[0].size_bytes, landing.files[0].modified_ns) == (
        one.stat().st_size,
        one.stat().st_mtime_ns,
    )


def test_a_path_with_quotes_and_letters_of_another_alphabet_survives_the_footer(lab):
    path = lab.write('Ödö\'s "logs".jsonl', [event("a")])

    assert Landing.read(landed(lab, path).path).files[0].path == str(path)


def test_a_file_without_rows_is_landed_as_such(lab):
    empty, full = lab.write("a.jsonl", []), lab.write("b.jsonl", [event("a")])

    landing = landed(lab, empty, full)

    assert [(file.first_ordinal, file.row_count) for file in landing.files] == [(0, 0), (0, 1)]


def test_only_the_bytes_that_were_found_are_read_and_hashed(lab):
    path = lab.write("growing.jsonl", [event("a")])
    found = lab.source(path).find_files()
    before = path.read_bytes()
    path.write_bytes(before * 2)

    (landing,) = land_parts(lab, lab.source(path), [FilePart(file, "reading") for file in found]).landings

    assert landing.row_count == 1
    assert landing.files[0].content_sha256 == hashlib.sha256(before).hexdigest()


def test_another_attempt_is_another_file_and_the_first_stays_as_it_is(lab):
    path = lab.write("calls.jsonl", [event("a")])
    first = landed(lab, path)
    before = first.path.read_bytes()

    second = landed(lab, path)

    assert second.path != first.path
    assert first.path.read_bytes() == before
    assert {each.attempt_id for each in landings(first.path.parent)} == {first.attempt_id, second.attempt_id}


def test_landings_leave_out_attempts_without_reading_them(lab):
    landing = landed(lab, lab.write("calls.jsonl", [event("a")]))
    (landing.path.parent / "two.parquet").write_text("this would be damaged")

    assert list(landings(landing.path.parent, but={"two"})) == [landing]


@pytest.mark.parametrize("content", [b"", b"this is no Parquet file", None])
def test_a_damaged_landed_file_is_named_with_what_to_do(tmp_path, content):
    path = tmp_path / "x.parquet"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ProcessingError, match="move it away, and ingest its source again") as caught:
        Landing.read(path)

    assert str(path) in str(caught.value)


def test_a_parquet_file_that_was_not_landed_is_refused(tmp_path):
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "x.parquet")

    with pytest.raises(ProcessingError, match="was not landed here"):
        Landing.read(tmp_path / "x.parquet")


def test_a_file_that_a_newer_program_landed_asks_for_that_program(tmp_path):
    footer = json.dumps({"footer_version": FOOTER_VERSION + 1, "something": "new"})
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "x.parquet", metadata={FOOTER_KEY: footer})

    with pytest.raises(ConfigurationError, match="landed by a newer sophia-metrics"):
        Landing.read(tmp_path / "x.parquet")


def test_a_source_file_that_vanishes_is_refused_by_its_name_and_the_others_are_landed(lab):
    gone, there = lab.write("gone.jsonl", [event("a")]), lab.write("there.jsonl", [event("b")])
    source = lab.source(gone, there)
    parts = [FilePart(file, "reading") for file in source.find_files()]
    gone.unlink()

    found = land_parts(lab, source, parts)

    assert [(each.path, each.reason.partition(":")[0]) for each in found.refused] == [(str(gone), f"{gone} is missing")]
    assert [file.path for landing in found.landings for file in landing.files] == [str(there)]


def test_a_process_that_is_killed_while_writing_leaves_no_landed_file(tmp_path):
    program = (
        "import os, signal, sys; from pathlib import Path; from sophia_metrics.durable import place_file\n"
        "def half(path):\n"
        "    path.write_bytes(b'half of it'); os.kill(os.getpid(), signal.SIGKILL)\n"
        "place_file(Path(sys.argv[1]) / 'one.parquet', half)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)

    assert done.returncode == -signal.SIGKILL
    assert list(landings(tmp_path)) == []
    assert [path.name[0] for path in tmp_path.iterdir()] == ["."]


def test_a_write_that_fails_leaves_nothing(lab):
    path = lab.write("calls.jsonl", [event("a")])
    folder = lab.home / "landing"
    folder.mkdir(parents=True)
    (folder / "app").write_text("a file stands in the way of the folder")
    source = lab.source(path)

    with pytest.raises(OSError):  # noqa: PT011 - by platform
        land_parts(lab, source, [FilePart(file, "reading") for file in source.find_files()])

    assert [each.name for each in folder.iterdir()] == ["app"]


def test_a_landing_keeps_microseconds_of_its_time(lab):
    now = datetime(2026, 11, 20, 12, 0, 0, 123456)

    assert Landing.read(landed(lab, lab.write("c.jsonl", [event("a")]), now=now).path).landed_at == now


def test_files_are_found_where_they_really_are_and_once(lab):
    folder = lab.home.parent / "logs"
    real = lab.write("elsewhere/a.jsonl", [event("a")])
    own = lab.write("logs/deep/er/b.jsonl", [event("b")])
    (folder / "link.jsonl").symlink_to(real)
    (folder / "loop").symlink_to(folder)
    (folder / "notes.txt").write_text("no usage")

    found = lab.source(folder, real, folder / "deep" / ".." / "deep" / "er").find_files()

    assert [file.path for file in found] == sorted(str(path.resolve()) for path in (real, own))
