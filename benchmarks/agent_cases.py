"""Where ccusage and we count Claude Code logs differently, and who is right: `python -m benchmarks.agent_cases`.

Each case is a log of a few lines with its truth worked out by hand. The table shows what both make of it: tokens in
and out by day. It is no measurement of speed: that is `python -m benchmarks.agent_logs`.
"""

import argparse
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import ccusage
from benchmarks.agent_logs import read_ours
from benchmarks.claude_lines import Call, Session, answer_lines, said_line
from benchmarks.claude_logs import Totals
from benchmarks.table import print_table
from benchmarks.whole_way import go
from sophia_metrics.settings import SourceSettings

DAY, NEXT_DAY = "2026-10-05", "2026-10-06"
AT = datetime(2026, 10, 5, 10)  # noqa: DTZ001 - naive UTC, as everywhere in the pipeline
NOW = AT + timedelta(days=2)
HERE = Session("11111111-0000-4000-8000-000000000001", "/home/ada/project")
RESUMED = replace(HERE, session_id="11111111-0000-4000-8000-000000000002")
ASIDE = replace(HERE, is_sidechain=True)
ASIDE_ELSEWHERE = replace(RESUMED, is_sidechain=True)
CALL = Call("msg_1", "req_1", AT, "claude-sonnet-4-5-20250929", 100, 0, 0, (10,))
RETRIED = replace(CALL, request_id="req_2")
LARGER = replace(CALL, output_tokens=(30,))


@dataclass(frozen=True, slots=True)
class Case:
    """A small log.

    Attributes:
        name: what is special about it.
        files: its lines, by file name.
        truth: input and output tokens by UTC day.
    """

    name: str
    files: Mapping[str, list[str]]
    truth: Mapping[str, tuple[int, int]]


def one(call: Call, session: Session = HERE) -> list[str]:
    """Return the lines of one call."""
    return answer_lines(session, call, ["done"])


def with_usage(lines: list[str], old: str, new: str) -> list[str]:
    """Return the lines with a part of them written otherwise."""
    return [line.replace(old, new) for line in lines]


def progress(call: Call) -> list[str]:
    """Return the lines by which a session reports a call of its subagent, whose own log is gone."""
    return [
        json.dumps(
            {
                "type": "progress",
                "sessionId": HERE.session_id,
                "timestamp": f"{call.at.isoformat()}.000Z",
                "data": {"type": "agent_progress", "message": json.loads(line)},
            },
            separators=(",", ":"),
        )
        for line in one(call)
    ]


CASES = (
    Case("one answer", {"a": one(CALL)}, {DAY: (100, 10)}),
    Case(
        "an answer in three streamed lines",
        {"a": [said_line(HERE, AT, "go on"), *one(replace(CALL, output_tokens=(10, 20, 30)))]},
        {DAY: (100, 30)},
    ),
    Case("the line with the most tokens comes first", {"a": one(LARGER) + one(CALL)}, {DAY: (100, 30)}),
    Case("a resumed session repeats an answer", {"a": one(CALL), "b": one(CALL, RESUMED)}, {DAY: (100, 10)}),
    Case(
        "a resumed session holds the longer version",
        {"a": one(CALL), "b": one(LARGER, RESUMED)},
        {DAY: (100, 30)},
    ),
    Case("a sidechain replays an answer", {"a": one(CALL) + one(CALL, ASIDE)}, {DAY: (100, 10)}),
    Case("a sidechain replays it with more tokens", {"a": one(CALL), "b": one(LARGER, ASIDE)}, {DAY: (100, 10)}),
    Case(
        "a sidechain of the session replays it under another request id",
        {"a": one(CALL), "b": one(RETRIED, ASIDE)},
        {DAY: (100, 10)},
    ),
    Case(
        "a sidechain of another session replays it under another request id",
        {"a": one(CALL), "b": one(RETRIED, ASIDE_ELSEWHERE)},
        {DAY: (100, 10)},
    ),
    Case(
        "a sidechain's own answer",
        {"a": one(CALL), "b": one(replace(LARGER, message_id="msg_2", request_id="req_2"), ASIDE)},
        {DAY: (200, 40)},
    ),
    Case("lines without a request id", {"a": one(replace(CALL, request_id=None)) * 2}, {DAY: (100, 10)}),
    Case("an empty request id", {"a": one(replace(CALL, request_id=""))}, {DAY: (100, 10)}),
    Case(
        "an answer streamed across midnight counts on the day of its start",
        {
            "a": one(replace(CALL, at=AT.replace(hour=23, minute=59, second=59)))
            + one(replace(LARGER, at=AT.replace(hour=0) + timedelta(days=1)))
        },
        {DAY: (100, 30)},
    ),
    Case("keys written with spaces", {"a": [json.dumps(json.loads(line)) for line in one(CALL)]}, {DAY: (100, 10)}),
    Case("a byte order mark", {"a": ["\ufeff" + line for line in one(CALL)]}, {DAY: (100, 10)}),
    Case(
        "output tokens missing: the input still counts",
        {"a": with_usage(one(CALL), '"output_tokens":10,', "")},
        {DAY: (100, 0)},
    ),
    Case(
        "a negative count is no usage",
        {"a": with_usage(one(CALL), '"output_tokens":10', '"output_tokens":-5')},
        {},
    ),
    Case(
        "a fractional count is no usage",
        {"a": with_usage(one(CALL), '"output_tokens":10', '"output_tokens":1.5')},
        {},
    ),
    Case(
        "a synthetic answer was never sent",
        {"a": one(replace(CALL, model="<synthetic>"))},
        {},
    ),
    Case("a subagent known by progress lines only", {"a": progress(CALL)}, {DAY: (100, 10)}),
)


def read_case(case: Case, command: Path, folder: Path) -> dict[str, Totals]:
    """Let both read the case; return their tokens."""
    projects = folder / "projects" / "-home-ada-project"
    projects.mkdir(parents=True)
    for name, lines in case.files.items():
        (projects / f"{name}.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    theirs = ccusage.read_daily(command, folder)
    home = folder / "state"
    go(home, SourceSettings(name="claude", format="claude", paths=(str(folder / "projects"),)), NOW)
    ours = read_ours(home)
    shutil.rmtree(folder)
    return {"ccusage": theirs, "ours": ours}


def counted(daily: Totals) -> dict[str, tuple[int, int]]:
    """Return input and output tokens by day, as a case states them."""
    return {day: (counts["input"] or 0, counts["output"] or 0) for day, counts in daily.items()}


def write(daily: Mapping[str, tuple[int, int]], truth: Mapping[str, tuple[int, int]]) -> str:
    """Write tokens as a person would, marked where they are not the truth."""
    text = ", ".join(f"{day[5:]}: {tokens[0]} in {tokens[1]} out" for day, tokens in sorted(daily.items())) or "nothing"
    return text if daily == truth else f"✗ {text}"


def main() -> None:
    """Read every case, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="keeps ccusage for the next run; default: a temporary one")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    arguments = parser.parse_args()
    rows: list[tuple[str, ...]] = []
    facts: dict[str, Any] = {}
    with TemporaryDirectory(prefix="sophia-benchmark-") as temporary:
        command, version = ccusage.install((arguments.folder or Path(temporary)).resolve())
        for case in CASES:
            read = {name: counted(daily) for name, daily in read_case(case, command, Path(temporary) / "case").items()}
            facts[case.name] = {name: daily == case.truth for name, daily in read.items()}
            told = (write(daily, case.truth) for daily in (case.truth, read["ccusage"], read["ours"]))
            rows.append((case.name, *told))
    print_table(f"Tokens by day; ccusage {version}", ("case", "truth", "ccusage", "ours"), rows)
    if arguments.json:
        print(json.dumps({"ccusage_version": version, "is_right": facts}))


if __name__ == "__main__":
    main()
