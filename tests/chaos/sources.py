"""Source files that grow while they are read: new calls, late and restated versions, broken lines, unfinished lines."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from tests.chaos.oracle import Oracle, Row
from tests.lab import event

FIRST = datetime(2026, 11, 16, 22)
SPAN_HOURS = 24 * 2
"""Calls begin in these two days, so that batches meet the days of earlier ones."""
NEAR_HOURS = 24
"""How far the start of a version lies from that of others: a merge looks a day to either side."""


@dataclass(slots=True)
class SourceFiles:
    """The files of one source, and who knows what stands in them."""

    folder: Path
    random: Random
    oracle: Oracle = field(default_factory=Oracle)
    count: int = 0
    known: list[tuple[str, datetime]] = field(default_factory=list[tuple[str, datetime]])
    unfinished: dict[Path, tuple[str, Row]] = field(default_factory=dict[Path, tuple[str, Row]])

    @property
    def pattern(self) -> Path:
        """Matches every file."""
        return self.folder / "*.jsonl"

    def append(self, row_count: int) -> None:
        """Write rows to a file that is there or to a new one; now and then the last line stays unfinished."""
        draw = self.random
        path = self.folder / f"app-{draw.randint(0, 1 + self.count // 30)}.jsonl"
        if draw.random() < 0.15:
            path = self.folder / "plain.jsonl"
        rows = [self._row(has_id=path.name != "plain.jsonl") for _ in range(row_count)]
        self._write(path, rows, is_finished=draw.random() > 0.2)

    def finish(self) -> None:
        """Write the ends of all unfinished lines."""
        for path in tuple(self.unfinished):
            self._write(path, [], is_finished=True)

    def _write(self, path: Path, rows: list[Row], *, is_finished: bool) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            if path in self.unfinished:
                rest, row = self.unfinished.pop(path)
                start = file.tell() - (len(_line(row)) - len(rest))
                file.write(rest)
                self.oracle.note(path, start, row)
            for place, row in enumerate(rows, 1):
                line, start = _line(row), file.tell()
                if place == len(rows) and not is_finished:
                    file.write(line[: len(line) // 2])
                    self.unfinished[path] = (line[len(line) // 2 :], row)
                    return
                file.write(line)
                self.oracle.note(path, start, row)

    def _row(self, *, has_id: bool) -> Row:
        draw = self.random
        self.count += 1
        tokens = self.count
        started_at = FIRST + timedelta(hours=draw.randint(0, SPAN_HOURS))
        if not has_id:
            return Row(f"plain-{self.count}", started_at, None, tokens)
        updated_at = datetime(2026, 11, 19) + timedelta(seconds=self.count)
        if self.known and draw.random() < 0.3:  # a later version, or an earlier one that comes late
            ident, known_at = draw.choice(self.known)
            started_at = known_at + timedelta(hours=draw.randint(-NEAR_HOURS // 2, NEAR_HOURS // 2))
            if draw.random() < 0.3:
                updated_at -= timedelta(days=1)
        else:
            ident = f"call-{self.count}"
            self.known.append((ident, started_at))
        return Row(ident, started_at, updated_at, tokens, is_broken=draw.random() < 0.05)


def _line(row: Row) -> str:
    fields = {"trace_id": row.ident, "output_tokens": -row.output_tokens if row.is_broken else row.output_tokens}
    call = event(row.ident, f"{row.started_at.isoformat()}Z", **fields)
    if row.updated_at is None:
        del call["id"]
    else:
        call["source_updated_at"] = f"{row.updated_at.isoformat()}Z"
    return json.dumps(call) + "\n"
