"""Lines that are too long, and values that are nested too deep."""

import gzip

from tests.poison.good_rows import json_line
from tests.poison.packed import packed
from tests.poison.poison import Poison
from tests.poison.text import GOOD_AFTER, GOOD_BEFORE, Text, bad_line, lines_of, text_file

__all__ = ["SIZES"]

MIB = 1 << 20
DEPTH = 100_000
ROW = json_line("events", "never")
LISTS = b"[" * DEPTH + b"]" * DEPTH
OBJECTS = b'{"a":' * DEPTH + b"1" + b"}" * DEPTH


def _with(row: bytes, key: bytes, value: bytes) -> bytes:
    return row[:-1] + b', "' + key + b'": ' + value + b"}"


def _long_line(size: int) -> bytes:
    """Return a line of that many bytes, most of them a prompt."""
    frame = _with(ROW, b"prompt", b'""')
    return _with(ROW, b"prompt", b'"' + b"x" * (size - len(frame)) + b'"')


def _just_short_enough(text: Text) -> Text:
    request_id = f"{text.name}#long"
    row = _with(json_line("events", request_id), b"prompt", b'"' + b"x" * (15 * MIB) + b'"')
    return text.good(GOOD_BEFORE).fine(row, request_id).good(GOOD_AFTER)


def _long_in_the_middle(text: Text) -> Text:
    return text.good(GOOD_BEFORE).bad(_long_line(17 * MIB), "line_too_long").good(GOOD_AFTER)


def _deep_unread(text: Text) -> Text:
    text.good(GOOD_BEFORE)
    for name, value in (("lists", LISTS), ("objects", OBJECTS)):
        request_id = f"{text.name}#{name}"
        text.fine(_with(json_line("events", request_id), b"prompt", value), request_id)
    return text.good(GOOD_AFTER)


SIZES: tuple[Poison, ...] = (
    bad_line("line_of_17_mib.jsonl", "a line of 17 MiB", "line_too_long", lambda: _long_line(17 * MIB)),
    bad_line("line_of_50_mb.jsonl", "a line of 50 MB", "line_too_long", lambda: _long_line(50_000_000)),
    bad_line("line_of_no_json.jsonl", "17 MiB of one letter", "line_too_long", lambda: b"x" * (17 * MIB)),
    Poison(
        "line_of_17_mib.jsonl.gz",
        "a line of 17 MiB in a packed file",
        lambda name: packed(_long_in_the_middle(lines_of(name)).content(), lambda data: gzip.compress(data, 1)),
    ),
    text_file("line_of_15_mib.jsonl", "a line of 15 MiB, which is short enough", _just_short_enough),
    text_file("deep_unread.jsonl", "100,000 levels under keys that are not read", _deep_unread),
    bad_line(
        "deep_count.jsonl", "100,000 levels where a count belongs", "wrong_type", _with(ROW, b"retry_ordinal", LISTS)
    ),
    bad_line("deep_text.jsonl", "100,000 levels where a text belongs", "wrong_type", _with(ROW, b"team", OBJECTS)),
    bad_line("deep_map.jsonl", "100,000 levels where a quantity belongs", "wrong_type", _with(ROW, b"units", OBJECTS)),
    bad_line("deep_and_cut.jsonl", "100,000 levels that never close", "malformed_json", b'{"a":' * DEPTH),
    bad_line("deep_list_line.jsonl", "a line of 100,000 brackets", "malformed_json", LISTS),
)
