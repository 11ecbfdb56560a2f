"""Makes a folder of Claude Code session logs of any size: the same files for the same numbers.

As in real logs, an answer is streamed in one to three lines whose output tokens grow; every fiftieth session resumes
an earlier one and repeats its first turns under its own session id; subagents write sidechain lines, some of which
repeat their parent's answers. No answer lies across midnight. What the calls add up to is known by construction.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from benchmarks.claude_lines import Call, Session, answer_lines, said_line

__all__ = ["CLASSES", "Log", "Totals", "grow", "grown", "make", "restore"]

Totals = dict[str, dict[str, int]]
"""Tokens by UTC day and by class."""

CLASSES = ("input", "output", "cache_read", "cache_write")
END = datetime(2026, 11, 1)  # noqa: DTZ001 - naive UTC, as everywhere in the pipeline
DAYS = 90
PROJECTS = 50
RESUMED = 50  # every so many sessions, one goes on where the one before it in its project began
GROWN = 100  # every so many sessions, one grows: 1 %
MORE_TURNS = 4
MODELS = ("claude-sonnet-4-5-20250929", "claude-opus-4-5-20251101", "claude-haiku-4-5-20251001")
WORDS = "the cache of the build is read again before a test may run and its figures are written to the log " * 100


@dataclass(frozen=True, slots=True)
class Log:
    """A folder of logs.

    Attributes:
        root: the folder that CLAUDE_CONFIG_DIR names.
        files: how many sessions.
        file_bytes: how large a session is, about.
    """

    root: Path
    files: int
    file_bytes: int

    @property
    def facts_path(self) -> Path:
        """Where the truth about the log stands, beside it."""
        return self.root.with_suffix(".json")


@dataclass(frozen=True, slots=True)
class Turn:
    """A prompt or the result of a tool, and the answer to it."""

    call: Call
    text: str
    answers: tuple[str, ...]
    of_tool: str | None
    is_sidechain: bool
    is_replayed: bool


def make(log: Log) -> tuple[Totals, int]:
    """Write the log, or use the one that is there; return what it adds up to, and its size in bytes."""
    if not log.facts_path.exists():
        truth, sizes = _write(log)
        log.facts_path.write_text(json.dumps({"truth": truth, "sizes": sizes}), encoding="utf-8")
    restore(log)
    facts = json.loads(log.facts_path.read_text(encoding="utf-8"))
    return facts["truth"], sum(facts["sizes"].values())


def restore(log: Log) -> None:
    """Cut off what the log has grown since it was made."""
    facts = json.loads(log.facts_path.read_text(encoding="utf-8"))
    for name, size in facts["sizes"].items():
        if (path := log.root / name).stat().st_size != size:
            os.truncate(path, size)


def grow(log: Log) -> None:
    """Let 1 % of the sessions go on for some turns."""
    for number in range(0, log.files, GROWN):
        with _path(log, number).open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in _lines(_session(number), list(_more_turns(log, number))))


def grown(log: Log, truth: Totals) -> Totals:
    """Return what the log adds up to after it has grown."""
    totals = {day: dict(counts) for day, counts in truth.items()}
    for number in range(0, log.files, GROWN):
        for turn in _more_turns(log, number):
            _add(totals, turn.call)
    return totals


def _add(totals: Totals, call: Call) -> None:
    """Count a call once, on the day of its first line."""
    day = totals.setdefault(call.at.date().isoformat(), dict.fromkeys(CLASSES, 0))
    counts = (call.input_tokens, call.output_tokens[-1], call.read_tokens, call.written_tokens)
    for name, count in zip(CLASSES, counts, strict=True):
        day[name] += count


def _write(log: Log) -> tuple[Totals, dict[str, int]]:
    truth: Totals = {}
    sizes: dict[str, int] = {}
    for number in range(log.files):
        path = _path(log, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        session = _session(number)
        lines: list[str] = []
        if number % RESUMED == RESUMED - 1 and number >= PROJECTS:
            lines += _lines(session, list(_turns(log, number - PROJECTS))[:MORE_TURNS])
        turns = list(_turns(log, number))
        lines += _lines(session, turns)
        for turn in turns:
            _add(truth, turn.call)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        sizes[str(path.relative_to(log.root))] = path.stat().st_size
    return truth, sizes


def _path(log: Log, number: int) -> Path:
    return log.root / "projects" / f"-home-ada-project-{number % PROJECTS}" / f"{_session(number).session_id}.jsonl"


def _session(number: int) -> Session:
    return Session(f"{number:08x}-0000-4000-8000-{number:012x}", f"/home/ada/project-{number % PROJECTS}")


def _turns(log: Log, number: int) -> Iterator[Turn]:
    """Yield the turns of a session until they fill its file."""
    random = Random(number)  # noqa: S311 - the same log every time
    at = END - timedelta(days=DAYS) + timedelta(days=DAYS - 1) * number / log.files
    size = 0
    while size < log.file_bytes:
        at += timedelta(seconds=random.randint(2, 40))
        turn = _turn(random, at)
        size += sum(map(len, turn.answers)) + len(turn.text) + 700 * (1 + len(turn.answers))
        yield turn


def _more_turns(log: Log, number: int) -> Iterator[Turn]:
    """Yield what a session goes on with, hours later."""
    random = Random(log.files + number)  # noqa: S311 - the same log every time
    at = END - timedelta(hours=12)
    for _ in range(MORE_TURNS):
        at += timedelta(seconds=random.randint(2, 40))
        yield _turn(random, at)


def _turn(random: Random, at: datetime) -> Turn:
    output_tokens = random.randint(1, 1500)
    parts = random.choice((1, 2, 2, 3))
    number = random.getrandbits(96)
    call = Call(
        message_id=f"msg_01{number:024x}",
        request_id=f"req_01{number:024x}",
        at=at.replace(microsecond=0),
        model=random.choice(MODELS),
        input_tokens=random.randint(3, 2000),
        read_tokens=random.randint(0, 90_000),
        written_tokens=random.randint(0, 9000),
        output_tokens=tuple(output_tokens * (part + 1) for part in range(parts)),
    )
    is_sidechain = random.random() < 0.08
    return Turn(
        call=call,
        text=WORDS[: random.randint(200, 6000)],
        answers=tuple(WORDS[: random.randint(100, 3000)] for _ in range(parts)),
        of_tool=f"toolu_01{number:024x}" if random.random() < 0.8 else None,
        is_sidechain=is_sidechain,
        is_replayed=not is_sidechain and random.random() < 0.03,
    )


def _lines(session: Session, turns: list[Turn]) -> list[str]:
    aside = Session(session.session_id, session.folder, is_sidechain=True)
    lines: list[str] = []
    for turn in turns:
        who = aside if turn.is_sidechain else session
        lines.append(said_line(who, turn.call.at, turn.text, of_tool=turn.of_tool))
        lines += answer_lines(who, turn.call, turn.answers)
        if turn.is_replayed:
            lines += answer_lines(aside, turn.call, turn.answers)
    return lines
