"""A folder of poisoned files: every defect meets its rule once, every good row arrives, in any order and any steps."""

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise
from pathlib import Path
from random import Random
from shutil import copytree

import pytest

from sophia_metrics.quality.staged_usage import BEFORE_RETENTION
from sophia_metrics.sources.part import Refusal
from sophia_metrics.usage.rules import ROW_RULES, UNIT_RULES
from sophia_metrics.warehouse.protocol import Query
from tests.effort import examples
from tests.lab import NOW, Lab
from tests.poison import CORPUS, Poison, Written
from tests.poison.good_rows import FORMATS, json_line

LATER = NOW + timedelta(days=1)
IS_ROOT = os.geteuid() == 0
READ = [poison for poison in CORPUS if not (poison.is_unreadable and IS_ROOT)]
"""Nothing is unreadable to root."""
GROWING = [poison for poison in READ if poison.name.endswith(".jsonl") and "/" not in poison.name]
ALONE = [poison for poison in READ if poison not in GROWING]
"""Plain JSON lines are the same alone: the whole folder and the growing one show it."""
GROWTH_STEPS = max(4, examples(4))
BATCH_BYTES = 64 << 20
"""Few batches: what cuts of files do is tested elsewhere, and commits take time."""
PLACE = ("file_name", "rule", "line_number", "byte_start", "byte_end")


@dataclass(frozen=True)
class Outcome:
    """What became of some files: request ids in core, places in quarantine, files that were refused."""

    arrived: Counter[str]
    rejected: Counter[tuple[object, ...]]
    refused: Counter[str]
    reasons: list[str] = field(default_factory=list, compare=False)


def expected(files: Iterable[Written]) -> Outcome:
    arrived: Counter[str] = Counter()
    rejected: Counter[tuple[object, ...]] = Counter()
    for file in files:
        arrived |= Counter(file.good)  # a call of which two files have versions is one call
        for row in file.rejected:
            name = f"{file.path}!{row.member}" if row.member else str(file.path)
            rejected[name, row.rule, row.line_number, row.byte_start, row.byte_end] += 1
    return Outcome(arrived, rejected, Counter(str(file.path) for file in files if file.refused))


def gather(lab: Lab, paths: Iterable[tuple[str, Path]]) -> list[Refusal]:
    """Collect files, each given with its format, and return those that are refused."""
    by_format: dict[str, list[Path]] = {}
    for name, path in paths:
        by_format.setdefault(name, []).append(path)
    sources = [lab.source(*group, name=name, file_format=FORMATS[name]) for name, group in by_format.items()]
    return [refusal for source in sources for refusal in lab.collect(source).refused]


def collect(lab: Lab, paths: Iterable[tuple[str, Path]]) -> Outcome:
    """Collect files, each given with its format, and return all that the lab holds then."""
    refused = gather(lab, paths)
    warehouse = lab.warehouse
    return Outcome(
        Counter(str(row[0]) for row in warehouse.read(Query("SELECT request_id FROM core_usage_events")).rows()),
        Counter(warehouse.read(Query(f"SELECT {', '.join(PLACE)} FROM core_quarantine")).rows()),
        Counter(each.path.partition("!")[0] for each in refused),
        [each.reason for each in refused],
    )


def places(lab: Lab) -> list[tuple[object, ...]]:
    """Return the rows in quarantine with where they stand and what they hold."""
    sql = f"SELECT {', '.join(PLACE)}, content_sha256 FROM core_quarantine"
    return sorted(lab.warehouse.read(Query(sql)).rows(), key=repr)


def paths_of(files: Iterable[Written]) -> list[tuple[str, Path]]:
    return [(file.poison.file_format, file.path) for file in files]


def touch(path: Path, at: datetime) -> None:
    seconds = at.replace(tzinfo=UTC).timestamp()
    os.utime(path, (seconds, seconds))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> dict[Poison, Written]:
    """The whole folder, written once."""
    folder = tmp_path_factory.mktemp("poisoned").resolve()
    return {poison: poison.write(folder, NOW) for poison in READ}


@pytest.fixture(scope="module")
def empty_state(tmp_path_factory) -> Path:
    """A state folder that holds nothing; a copy is faster than another."""
    lab = Lab(tmp_path_factory.mktemp("empty") / "state", batch_bytes=BATCH_BYTES)
    assert lab.core() == []
    return lab.home


@pytest.fixture(scope="module")
def whole(tmp_path_factory, corpus) -> tuple[Lab, Outcome]:
    """A lab that has collected the whole folder at once, and what became of it."""
    lab = Lab(tmp_path_factory.mktemp("whole") / "state", batch_bytes=BATCH_BYTES)
    return lab, collect(lab, paths_of(corpus.values()))


def test_every_row_rule_has_a_poisoned_file(corpus):
    met = {row.rule for file in corpus.values() for row in file.rejected}

    # Whether a row comes too late depends on the state, and not on its file.
    assert {rule.name for rule in (*ROW_RULES, *UNIT_RULES)} - {BEFORE_RETENTION} == met


@pytest.mark.parametrize("poison", ALONE, ids=lambda poison: poison.name)
def test_a_file_alone_meets_its_rule_once_and_every_good_row_arrives(poison, corpus, empty_state, tmp_path):
    file = corpus[poison]
    state = copytree(empty_state, tmp_path / "state")

    assert collect(Lab(state, batch_bytes=BATCH_BYTES), paths_of([file])) == expected([file])


def test_files_together_meet_the_same_rules_as_each_alone(corpus, whole):
    _, outcome = whole

    assert outcome == expected(corpus.values())


def test_a_refusal_names_the_file_and_what_is_wrong_with_it(corpus, whole):
    _, outcome = whole
    refused = [file for file in corpus.values() if file.refused]
    reasons = {file.path: [each for each in outcome.reasons if str(file.path) in each] for file in refused}

    assert [file.path for file in refused if not any(str(file.refused) in each for each in reasons[file.path])] == []


def test_every_row_that_was_read_is_accounted_for(whole):
    lab, _ = whole
    counted = "accepted_count + quarantined_count + duplicate_count + ignored_count"

    assert lab.one("SELECT sum(row_count) FROM core_ingest_ledger") > 0
    assert lab.one(f"SELECT count(*) FROM core_ingest_ledger WHERE row_count <> {counted}") == 0


def test_of_a_call_in_several_files_the_version_that_is_no_replay_and_has_most_tokens_wins(whole):
    lab, _ = whole
    versions = lab.warehouse.read(
        Query("SELECT output_tokens FROM core_usage_events WHERE starts_with(request_id, 'versions#')")
    )

    assert versions["output_tokens"].to_list() == [50, 50, 50]


@pytest.mark.parametrize("seed", range(examples(3)))
def test_files_in_any_order_give_one_and_the_same_core(seed, corpus, whole, tmp_path):
    first, _ = whole
    files = list(corpus.values())
    Random(seed).shuffle(files)  # noqa: S311 - an order, not a secret
    linked = [(file.poison.file_format, _link(tmp_path, file, place)) for place, file in enumerate(files)]
    lab = Lab(tmp_path / "state", batch_bytes=BATCH_BYTES)

    gather(lab, linked)

    assert lab.core() == first.core()
    assert _unnumbered(lab) == _unnumbered(first)


def _link(folder: Path, file: Written, place: int) -> Path:
    """Link the file under a name that is read in its place: files of a source are read by name."""
    path = folder / file.poison.file_format / f"{place:03}-{file.poison.name}"
    path.parent.mkdir(parents=True, exist_ok=True)
    source = file.path / file.poison.name.partition("/")[2] if file.path.is_dir() else file.path
    path.hardlink_to(source)
    return path.parent if file.path.is_dir() else path


def _unnumbered(lab: Lab) -> Counter[tuple[object, ...]]:
    """Return what stands in quarantine; files have the names that they had before they were linked."""
    rows = ((Path(str(row[0])).name.partition("-"), row[1:-1]) for row in places(lab))
    return Counter((name[2] or name[0], *rest) for name, rest in rows)


def test_files_that_grow_in_unequal_steps_give_the_same_core_as_whole_ones(corpus, tmp_path):
    steady = tmp_path / "events" / "steady.jsonl"
    random = Random(3)  # noqa: S311 - steps, not secrets
    files = {tmp_path / poison.file_format / poison.name: corpus[poison].path.read_bytes() for poison in GROWING}
    cuts = {path: _cuts(random, content) for path, content in files.items()}
    files[steady], cuts[steady] = _steady_rows()
    lab = Lab(tmp_path / "state", batch_bytes=BATCH_BYTES)
    for step in range(GROWTH_STEPS):
        for path, content in files.items():
            _append(path, content[slice(*cuts[path][step])], NOW - timedelta(seconds=GROWTH_STEPS - step))
        gather(lab, _of_format(files))

    grown = collect(replace(lab, now=LATER), _of_format(files))
    again = Lab(tmp_path / "whole", now=LATER, batch_bytes=BATCH_BYTES)

    assert grown == collect(again, _of_format(files))
    assert lab.core() == again.core()
    assert places(lab) == places(again)


def _of_format(paths: Iterable[Path]) -> list[tuple[str, Path]]:
    return [(path.parent.name, path) for path in paths]


def _cuts(random: Random, content: bytes) -> list[tuple[int, int]]:
    """Cut a file into steps: one in three ends within three bytes of a line end, where most can go wrong."""
    ends = [place for place, byte in enumerate(content) if byte == ord("\n")] if len(content) < 1 << 20 else []
    places = [
        max(0, random.choice(ends) + random.randint(-2, 3))
        if ends and step % 3 == 0
        else random.randint(0, len(content))
        for step in range(GROWTH_STEPS - 1)
    ]
    return list(pairwise([0, *sorted(min(place, len(content)) for place in places), len(content)]))


def _steady_rows() -> tuple[bytes, list[tuple[int, int]]]:
    """Return a file that grows by 60 good rows in each step: without them the gate would hold steps of bad ones."""
    rows = [
        b"".join(json_line("events", f"steady {step}-{number}") + b"\n" for number in range(60))
        for step in range(GROWTH_STEPS)
    ]
    return b"".join(rows), list(pairwise(accumulate(map(len, rows), initial=0)))


def _append(path: Path, content: bytes, at: datetime) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(content)
    touch(path, at)


def test_a_file_that_grows_byte_by_byte_about_its_line_ends_gives_the_same_core_as_a_whole_one(tmp_path):
    # Equal rows without an id are told apart by their place among their like, wherever a reading begins.
    row = b'{"provider":"o","model":"m","started_at":"2026-11-18"}'
    content = row + b'\r\n{"x":\n' + row
    path = tmp_path / "events" / "grown.jsonl"
    lab = Lab(tmp_path / "state", batch_bytes=BATCH_BYTES)
    ends = [len(row) - 3, *range(len(row) - 1, len(row) + 9), len(content) - 4, *range(len(content) - 2, len(content))]
    for start, end in pairwise([0, *ends, len(content)]):
        _append(path, content[start:end], NOW)
        gather(lab, [("events", path)])
    whole = Lab(tmp_path / "whole", batch_bytes=BATCH_BYTES)

    assert collect(lab, [("events", path)]) == collect(whole, [("events", path)])
    assert (len(lab.core()), lab.core()) == (2, whole.core())


@pytest.fixture
def half(tmp_path) -> Path:
    """A fresh file whose second line is half written."""
    path = tmp_path / "half.jsonl"
    _append(path, json_line("events", "one") + b"\n" + json_line("events", "two")[:50], NOW)
    return path


def test_a_half_written_line_arrives_when_it_is_written(half, tmp_path):
    lab = Lab(tmp_path / "state", batch_bytes=BATCH_BYTES)

    waiting = collect(lab, [("events", half)])
    _append(half, json_line("events", "two")[50:], NOW)
    written = collect(lab, [("events", half)])

    assert (waiting.arrived, waiting.rejected) == (Counter(["one"]), Counter())
    assert (written.arrived, written.rejected) == (Counter(["one", "two"]), Counter())


def test_a_half_written_line_that_nobody_finishes_is_rejected_once(half, tmp_path):
    lab = Lab(tmp_path / "state", batch_bytes=BATCH_BYTES)
    gather(lab, [("events", half)])
    later = replace(lab, now=LATER)

    gather(later, [("events", half)])
    outcome = collect(later, [("events", half)])

    start = len(json_line("events", "one")) + 1
    assert outcome.rejected == Counter([(str(half), "malformed_json", 2, start, start + 50)])
    assert outcome.arrived == Counter(["one"])
