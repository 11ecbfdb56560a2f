"""Files with bad lines beside good ones: `uv run python -m benchmarks.careful`.

LiteLLM spend logs, the same calls as JSON Lines and as CSV: without a bad line, with one in the whole, and with one in
every 100,000, 10,000, 1,000 and 10. The bad ones take turns: cut off, a count that is text, followed by another row,
a cost of another shape. Each part reads one file, block by block, into the table of its landed columns, in a process of
its own. The files take turns too, and the fastest of some readings counts: other programs run on the machine.
"""

import argparse
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

import duckdb

from benchmarks.litellm_rows import Calls, write_calls, write_csv_calls
from benchmarks.measure import Measured, finish_part, machine, run_part, warm
from benchmarks.table import mebibytes, print_table, seconds, times
from sophia_metrics.errors import SophiaError
from sophia_metrics.sources.blocks import BlockReader
from sophia_metrics.sources.file_source import SourceFile
from sophia_metrics.sources.litellm import FORMAT
from sophia_metrics.sources.part import FilePart
from sophia_metrics.sources.reader import create_raw, read_block

MODULE = "benchmarks.careful"
FIRST_DAY, DAYS = date(2026, 10, 1), 30
EVERY = (100_000, 10_000, 1_000, 10)
Break = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file: how to write a good one, and how its rows go bad."""

    suffix: str
    write: Callable[[Path, Calls], None]
    header_lines: int
    breaks: tuple[Break, ...]


def cut_off(line: bytes) -> bytes:
    """Return the first half, as a writer leaves it that was killed."""
    return line[: len(line) // 2]


KINDS = {
    "JSON Lines": Kind(
        ".jsonl",
        write_calls,
        0,
        (
            cut_off,
            lambda line: line.replace(b'"prompt_tokens":', b'"prompt_tokens":"many","was":', 1),
            lambda line: line + line,
            lambda line: line.replace(b'"spend":', b'"spend":{"usd":1},"was":', 1),
        ),
    ),
    "CSV": Kind(
        ".csv",
        write_csv_calls,
        1,
        (
            cut_off,
            lambda line: line.replace(b",acompletion,", b",acompletion,many,", 1),
            lambda line: line + line,
            lambda line: b'"' + line,
        ),
    ),
}


def spoil(good: Path, bad: Path, kind: Kind, every: int, rows: int) -> int:
    """Copy a file with one row in `every` spoilt, the first in the middle of the first `every`; return how many are."""
    count = 0
    with good.open("rb") as source, bad.open("wb") as target:
        target.writelines(islice(source, kind.header_lines))
        for number, line in enumerate(source):
            is_bad = number % every == min(every, rows) // 2
            target.write(kind.breaks[count % len(kind.breaks)](line.rstrip(b"\n")) + b"\n" if is_bad else line)
            count += is_bad
    return count


def read(path: Path, part: str) -> None:
    """Read a file as it is landed, but for what follows the reading."""
    rows, defects = 0, Counter[str]()
    with TemporaryDirectory() as scratch, duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        took = used = 0.0
        reader = BlockReader(connection, FORMAT, Path(scratch), refuse)
        started, before = perf_counter(), process_time()
        for block in reader.read([FilePart(SourceFile.of(path), "one")]):
            create_raw(connection, FORMAT)
            rows += sum(piece.row_count for piece in read_block(connection, block, FORMAT, Path(scratch)))
            took, used = took + perf_counter() - started, used + process_time() - before
            found = connection.execute("SELECT defect, count(*) FROM raw WHERE defect IS NOT NULL GROUP BY ALL")
            defects.update({str(defect): int(count) for defect, count in found.fetchall()})
            started, before = perf_counter(), process_time()
    facts = {"cpu_seconds": used, "file_bytes": path.stat().st_size, "rows": rows, "defects": defects}
    finish_part(part, took, facts)


def refuse(_part: FilePart, error: SophiaError) -> None:
    """Let a file that is refused end the benchmark."""
    raise error


def files(folder: Path, kind: Kind, rows: int) -> Iterator[tuple[str, Path, int]]:
    """Write the files of a kind; yield what each is called, where it is, how many of its rows are bad."""
    good = folder / f"good{kind.suffix}"
    kind.write(good, Calls(rows, FIRST_DAY, DAYS))
    yield "none", good, 0
    for every in (rows, *(every for every in EVERY if every < rows)):
        bad = folder / f"one-in-{every}{kind.suffix}"
        yield "one" if every == rows else f"1 in {every:,}", bad, spoil(good, bad, kind, every, rows)


def run_kind(folder: Path, kind: Kind, rows: int, repeats: int) -> dict[str, Measured]:
    """Read every file of a kind, in turn, and return the fastest reading of each."""
    made = list(files(folder, kind, rows))
    fastest: dict[str, Measured] = {}
    for _ in range(repeats):
        for name, path, bad in made:
            warm(path)
            part = run_part(MODULE, name, "--file", str(path))
            if (part.facts["rows"], sum(part.facts["defects"].values())) != (rows, bad):
                raise SystemExit(f"{path.name} has {rows:,} rows, {bad:,} of them bad; found {part.facts}")
            if name not in fastest or part.seconds < fastest[name].seconds:
                fastest[name] = part
    for _, path, _ in made:
        path.unlink()
    return fastest


def show(name: str, parts: dict[str, Measured], rows: int, file_bytes: int) -> dict[str, Any]:
    """Print the table of a kind, and return the same facts."""
    good = parts["none"]
    print_table(
        f"{rows:,} LiteLLM rows as {name} ({file_bytes / 1e6:,.0f} MB), {machine()}",
        ("bad rows", "found", "seconds", "beside the good file", "processor seconds", "beside", "peak memory"),
        (
            (
                label,
                f"{sum(part.facts['defects'].values()):,}",
                seconds(part.seconds),
                times(part.seconds / good.seconds),
                seconds(part.facts["cpu_seconds"]),
                times(part.facts["cpu_seconds"] / good.facts["cpu_seconds"]),
                mebibytes(part.peak_bytes),
            )
            for label, part in parts.items()
        ),
    )
    return {
        "rows": rows,
        "file_bytes": file_bytes,
        "defects": {label: part.facts["defects"] for label, part in parts.items()},
        "seconds": {label: part.seconds for label, part in parts.items()},
        "cpu_seconds": {label: part.facts["cpu_seconds"] for label, part in parts.items()},
        "beside_good": {label: part.seconds / good.seconds for label, part in parts.items()},
        "peak_bytes": {label: part.peak_bytes for label, part in parts.items()},
    }


def main() -> None:
    """Make the files, read each in turn, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=520_000)
    parser.add_argument("--repeats", type=int, default=3, help="readings of each file; the fastest counts")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part:
        return read(arguments.file, arguments.part)
    facts: dict[str, Any] = {"machine": machine()}
    for name, kind in KINDS.items():
        with TemporaryDirectory(prefix="sophia-benchmark-") as folder:
            parts = run_kind(Path(folder), kind, arguments.rows, arguments.repeats)
        facts[name] = show(name, parts, arguments.rows, parts["none"].facts["file_bytes"])
    if arguments.json:
        print(json.dumps(facts))
    return None


if __name__ == "__main__":
    main()
