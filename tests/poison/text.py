"""The bytes of a text file, written row by row; where each row stands is counted on the way."""

from collections.abc import Callable
from typing import Any, Self

from tests.poison.good_rows import EVENTS_HEADER, MAPPED_HEADER, csv_row, json_line, mapped_row
from tests.poison.poison import Content, Poison, Rejected

__all__ = ["Text", "bad_line", "bad_row", "events_csv", "lines_of", "mapped_csv", "text_file"]

GOOD_BEFORE, GOOD_AFTER = 3, 2


class Text:
    """A text file in the making.

    Attributes:
        name: the name of the file, which every request id begins with.
    """

    def __init__(self, name: str, render: Callable[[str], bytes], *, head: bytes = b"", end: bytes = b"\n") -> None:
        """Begin with `head`; good rows are what `render` makes of a request id, and lines end with `end`."""
        self.name = name
        self._render = render
        self._end = end
        self._data = bytearray(head)
        self._line = 1 + head.count(b"\n")
        self._good: list[str] = []
        self._rejected: list[Rejected] = []

    def good(self, count: int) -> Self:
        """Add rows that must arrive."""
        for _ in range(count):
            request_id = f"{self.name}#{len(self._good) + 1}"
            self._good.append(request_id)
            self.raw(self._render(request_id) + self._end)
        return self

    def fine(self, row: bytes, request_id: str) -> Self:
        """Add a row that looks wrong and must arrive."""
        self._good.append(request_id)
        return self.raw(row + self._end)

    def bad(self, row: bytes, rule: str) -> Self:
        """Add a row that must be rejected."""
        start = len(self._data)
        self._rejected.append(Rejected(rule, self._line, start, start + len(row)))
        return self.raw(row + self._end)

    def raw(self, data: bytes) -> Self:
        """Add bytes that are no row."""
        self._data += data
        self._line += data.count(b"\n")
        return self

    def without_last_end(self) -> Self:
        """Take the last line end away."""
        del self._data[len(self._data) - len(self._end) :]
        return self

    def content(self) -> Content:
        """Return what was written."""
        return Content(bytes(self._data), tuple(self._good), tuple(self._rejected))


def lines_of(name: str, file_format: str = "events", *, head: bytes = b"", end: bytes = b"\n") -> Text:
    """Begin a file of JSON lines."""
    return Text(name, lambda request_id: json_line(file_format, request_id), head=head, end=end)


def events_csv(name: str, *, head: bytes = b"", end: bytes = b"\n", delimiter: str = ",") -> Text:
    """Begin a CSV file of our own events."""
    header = EVENTS_HEADER.replace(b",", delimiter.encode())
    return Text(name, lambda request_id: csv_row(request_id, delimiter=delimiter), head=head + header + end, end=end)


def mapped_csv(name: str) -> Text:
    """Begin a CSV file with columns of its own."""
    return Text(name, mapped_row, head=MAPPED_HEADER + b"\n")


def text_file(
    name: str,
    defect: str,
    write: Callable[[Text], Text],
    *,
    begin: Callable[[str], Text] = lines_of,
    file_format: str = "events",
    is_fresh: bool = False,
) -> Poison:
    """Return a file that `write` finishes; `begin` says how its rows are written."""
    return Poison(name, defect, lambda prefix: write(begin(prefix)).content(), file_format, is_fresh)


def bad_line(name: str, defect: str, rule: str, line: bytes | Callable[[], bytes]) -> Poison:
    """Return a file of our own events with one line that must be rejected."""

    def write(text: Text) -> Text:
        row = line if isinstance(line, bytes) else line()
        return text.good(GOOD_BEFORE).bad(row, rule).good(GOOD_AFTER)

    return text_file(name, defect, write)


def bad_row(name: str, defect: str, rule: str, file_format: str = "events", **fields: Any) -> Poison:
    """Return a file with one row that would be good but for these fields."""

    def write(text: Text) -> Text:
        row = json_line(file_format, f"{text.name}#bad", **fields)
        return text.good(GOOD_BEFORE).bad(row, rule).good(GOOD_AFTER)

    return text_file(name, defect, write, begin=lambda prefix: lines_of(prefix, file_format), file_format=file_format)
