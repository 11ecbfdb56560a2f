"""What must be in the warehouse: every row that stands in a source file, as its newest version, once."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path

INPUT_USD = Decimal("0.0025")
"""1,000 input tokens of gpt-4o at 2.50 a million."""
OUTPUT_USD = Decimal("0.00001")
"""One output token at 10.00 a million."""

Fact = tuple[str, str, int]
"""Of one event: its id, its start, its output tokens."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a source file.

    Attributes:
        ident: which call.
        started_at: when it began, as this version says (naive UTC).
        updated_at: when the version was made. None: the line has no id of its own, and no versions.
        output_tokens: what it cost.
        is_broken: it must be quarantined.
    """

    ident: str
    started_at: datetime
    updated_at: datetime | None
    output_tokens: int
    is_broken: bool = False


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """Bytes of a source file of which a commit has returned."""

    path: Path
    byte_start: int
    byte_end: int


@dataclass(slots=True)
class Oracle:
    """Every row by file, with the byte at which its line begins."""

    lines: dict[Path, list[tuple[int, Row]]] = field(default_factory=dict[Path, list[tuple[int, Row]]])

    def note(self, path: Path, byte_start: int, row: Row) -> None:
        """Remember a line whose end is written."""
        self.lines.setdefault(path, []).append((byte_start, row))

    @property
    def rows(self) -> Iterator[Row]:
        """Every row that was written."""
        return (row for lines in self.lines.values() for _, row in lines)

    def acknowledged(self, spans: Iterable[Acknowledged]) -> list[Row]:
        """Return the rows that the spans hold; several runs may have acknowledged the same."""
        found = {
            (span.path, start): row
            for span in spans
            for start, row in self.lines.get(span.path, ())
            if span.byte_start <= start < span.byte_end
        }
        return list(found.values())


@dataclass(frozen=True, slots=True)
class Expected:
    """What rows come to."""

    facts: Counter[Fact]
    updated_at: dict[str, datetime]
    broken_count: int

    @classmethod
    def of(cls, rows: Iterable[Row]) -> "Expected":
        """Keep the newest version of each id at its smallest start; rows without an id count each for itself."""
        facts: Counter[Fact] = Counter()
        newest: dict[str, Row] = {}
        first: dict[str, datetime] = {}
        broken = 0
        for row in rows:
            if row.is_broken:
                broken += 1
            elif row.updated_at is None:
                facts[row.ident, row.started_at.isoformat(), row.output_tokens] += 1
            else:
                known = newest.get(row.ident)
                if known is None or (known.updated_at or row.updated_at) < row.updated_at:
                    newest[row.ident] = row
                first[row.ident] = min(row.started_at, first.get(row.ident, row.started_at))
        facts.update((ident, first[ident].isoformat(), row.output_tokens) for ident, row in newest.items())
        return cls(facts, {ident: row.updated_at for ident, row in newest.items() if row.updated_at}, broken)

    @property
    def spend_usd(self) -> Decimal:
        """What all of it costs."""
        costs = (count * (INPUT_USD + tokens * OUTPUT_USD) for (_, _, tokens), count in self.facts.items())
        return sum(costs, Decimal())
