"""Files with a line of 2 GB beside the same file without it: `uv run python -m benchmarks.long_lines`.

Each file has 200,000 good calls, half of them before the bad line. Each is read by a process of its own, the whole way:

    clean        JSON lines, every line good
    jsonl        one line of 2 GB that is one JSON object
    gzip         the same, packed
    csv_line     CSV with a quote that never closes, and no line end for 2 GB
    csv_lines    CSV with a quote that never closes, and 2 GB of good rows behind it, each with a long text
"""

import argparse
import gzip
import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import IO

from benchmarks.measure import Measured, finish_part, machine, run_part
from benchmarks.table import mebibytes, print_table, seconds
from benchmarks.whole_way import go
from sophia_metrics.serving import Serving
from sophia_metrics.settings import SourceSettings

MODULE = "benchmarks.long_lines"
NOW = datetime(2026, 11, 1)  # noqa: DTZ001 - naive UTC, as everywhere in the pipeline
GOOD_ROWS = 200_000
CHUNK = b"x" * (1 << 20)
NOTE = b"x" * 100_000 + b"\n"
FIELDS = ("id", "started_at", "provider", "model", "input_tokens", "output_tokens")
FIGURES = (
    "SELECT (SELECT CAST(sum(request_count) AS BIGINT) FROM mart_cost_daily) AS accepted, "
    "(SELECT count(*) FROM core_quarantine) AS quarantined, "
    "(SELECT string_agg(DISTINCT rule, ' ') FROM core_quarantine) AS rules, "
    "(SELECT max(byte_end - byte_start) FROM core_quarantine) AS longest_bytes"
)
FILES = {
    "clean": "clean.jsonl",
    "jsonl": "line.jsonl",
    "gzip": "line.jsonl.gz",
    "csv_line": "line.csv",
    "csv_lines": "lines.csv",
}


def call(number: int) -> dict[str, str | int]:
    """Return one good call."""
    values = (f"r{number}", f"2026-10-{1 + number % 30:02}T10:00:00Z", "openai", "gpt-4o", 1000, 100)
    return dict(zip(FIELDS, values, strict=True))


def json_rows(first: int, last: int) -> Iterator[bytes]:
    """Yield good calls as lines of JSON."""
    return (json.dumps(call(number)).encode() + b"\n" for number in range(first, last))


def csv_rows(first: int, last: int) -> Iterator[bytes]:
    """Yield good calls as rows of CSV, whose last cell, the note, is empty."""
    return (",".join(map(str, call(number).values())).encode() + b",\n" for number in range(first, last))


def fill(file: IO[bytes], size: int) -> None:
    """Write so many bytes without a line end."""
    for start in range(0, size, len(CHUNK)):
        file.write(CHUNK[: size - start])


def write_file(path: Path, part: str, size: int) -> None:
    """Write the file of a part, with a bad line of `size` bytes or more."""
    half = GOOD_ROWS // 2
    with path.open("wb") as file:
        if part == "clean":
            file.writelines(json_rows(0, GOOD_ROWS))
        elif part == "jsonl":
            file.writelines(json_rows(0, half))
            file.write(b'{"id": "long", "started_at": "2026-10-01T10:00:00Z", "prompt": "')
            fill(file, size)
            file.write(b'"}\n')
            file.writelines(json_rows(half, GOOD_ROWS))
        else:
            file.write(",".join((*FIELDS, "note")).encode() + b"\n")
            file.writelines(csv_rows(0, half))
            file.write(b'long,2026-10-01T10:00:00Z,openai,"')
            if part == "csv_line":
                fill(file, size)
            file.write(b"\n")
            file.writelines(csv_rows(half, GOOD_ROWS))
            if part == "csv_lines":
                noted = (row.removesuffix(b"\n") + NOTE for row in csv_rows(GOOD_ROWS, GOOD_ROWS + size // len(NOTE)))
                file.writelines(noted)


def measure(part: str, path: Path, home: Path) -> None:
    """Read a file the whole way."""
    way = go(home, SourceSettings(name="calls", format="events", paths=(str(path),)), NOW)
    facts = Serving(home).query(FIGURES).row(0, named=True)
    finish_part(part, way.seconds, {**facts, "file_bytes": path.stat().st_size})


def run_parts(folder: Path, size: int) -> Iterator[Measured]:
    """Write, read and remove each file in turn."""
    for part, name in FILES.items():
        path = folder / name
        if part == "gzip":
            write_file(path.with_suffix(""), "jsonl", size)
            with path.with_suffix("").open("rb") as plain, gzip.open(path, "wb", 1) as packed:
                copyfileobj(plain, packed)
            path.with_suffix("").unlink()
        else:
            write_file(path, part, size)
        yield run_part(MODULE, part, "--file", str(path), "--home", str(folder / f"{part}-state"))
        with suppress(FileNotFoundError):
            path.unlink()


def main() -> None:
    """Read each file, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--line-bytes", type=int, default=2_000_000_000)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--part", choices=list(FILES), help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part:
        return measure(arguments.part, arguments.file, arguments.home)
    with TemporaryDirectory(prefix="sophia-benchmark-") as folder:
        parts = {each.part: each for each in run_parts(Path(folder), arguments.line_bytes)}
    clean = parts["clean"]
    print_table(
        f"A bad line of {arguments.line_bytes / 1e6:,.0f} MB among good ones, {machine()}",
        ("file", "size", "accepted", "quarantined", "rule", "seconds", "peak memory", "above clean"),
        (
            (
                name,
                f"{part.facts['file_bytes'] / 1e6:,.0f} MB",
                f"{part.facts['accepted']:,}",
                f"{part.facts['quarantined']:,}",
                part.facts["rules"] or "",
                seconds(part.seconds),
                mebibytes(part.peak_bytes),
                mebibytes(max(0, part.peak_bytes - clean.peak_bytes)),
            )
            for name, part in parts.items()
        ),
    )
    if arguments.json:
        print(json.dumps({"machine": machine(), "parts": {name: part.facts for name, part in parts.items()}}))
    return None


if __name__ == "__main__":
    main()
