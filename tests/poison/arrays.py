"""Files that are one JSON array."""

import gzip
import json

from tests.poison.good_rows import json_line, json_row
from tests.poison.packed import packed
from tests.poison.poison import Content, Poison
from tests.poison.text import Text

__all__ = ["ARRAYS"]


def _element(request_id: str) -> bytes:
    return json.dumps(json_row("events", request_id), indent=2).encode()


def _array(name: str, *, bad: bytes | None = None, rule: str = "") -> Content:
    """Write elements over several lines each, and perhaps a bad one among them."""
    text = Text(name, _element, head=b"[\n", end=b",\n").good(3)
    if bad is not None:
        text.bad(bad, rule)
    content = text.good(2).without_last_end().raw(b"\n]\n").content()
    json.loads(content.data)
    return content


def _compact(name: str, head: bytes = b"") -> Content:
    text = Text(name, lambda request_id: json_line("events", request_id), head=head + b"[", end=b",")
    return text.good(5).without_last_end().raw(b"]").content()


def _broken(name: str) -> Content:
    return Content(_array(name).data.replace(b"}", b"}}", 1), refused="JSON array")


def _cut(name: str) -> Content:
    return Content(_array(name).data[:-60], refused="JSON array")


def _lines(name: str) -> Content:
    return Text(name, lambda request_id: json_line("events", request_id)).good(5).content()


ARRAYS: tuple[Poison, ...] = (
    Poison("pretty_array.json", "an array over many lines", _array),
    Poison("compact_array.json", "an array on one line", _compact),
    Poison("marked_array.json", "an array behind a byte order mark", lambda name: _compact(name, b"\xef\xbb\xbf")),
    Poison("packed_array.json.gz", "an array in a gzip file", lambda name: packed(_array(name), gzip.compress)),
    Poison("empty_array.json", "an array of nothing", lambda _: Content(b"[]\n")),
    Poison(
        "word_in_array.json",
        "an element with a word where a count belongs",
        lambda name: _array(name, bad=json_line("events", f"{name}#bad", output_tokens="many"), rule="wrong_type"),
    ),
    Poison(
        "number_in_array.json",
        "an element that is a number",
        lambda name: _array(name, bad=b"5", rule="malformed_json"),
    ),
    Poison("cut_array.json", "an array is cut off", _cut),
    Poison(
        "broken_array.json",
        "an array with a brace too many",
        _broken,
    ),
    Poison("lines.json", "one object a line, in a file that is named .json", _lines),
)
