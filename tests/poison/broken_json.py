"""Lines that are not one JSON object."""

from tests.poison.good_rows import json_line
from tests.poison.poison import Poison
from tests.poison.text import GOOD_AFTER, GOOD_BEFORE, Text, bad_line, lines_of, text_file

__all__ = ["BROKEN_JSON"]

ROW = json_line("events", "never")
RULE = "malformed_json"


def _nested_twice(text: Text) -> Text:
    details = b'"prompt_tokens_details": {"cached_tokens": 400'
    row = json_line("litellm", "never").replace(details, details + b', "cached_tokens": 900')
    return text.good(GOOD_BEFORE).bad(row, RULE).good(GOOD_AFTER)


BROKEN_JSON: tuple[Poison, ...] = (
    bad_line("cut_line.jsonl", "a line breaks off in the middle", RULE, ROW[:60]),
    bad_line("cut_in_a_character.jsonl", "a line breaks off inside a character", RULE, ROW[:30] + "é".encode()[:1]),
    bad_line("missing_brace.jsonl", "the last brace is missing", RULE, ROW[:-1]),
    bad_line("missing_quote.jsonl", "a text is not closed", RULE, ROW.replace(b'"gpt-4o"', b'"gpt-4o')),
    bad_line("missing_comma.jsonl", "a comma is missing", RULE, ROW.replace(b'", "model"', b'" "model"')),
    bad_line("single_quotes.jsonl", "single quotes", RULE, ROW.replace(b'"', b"'")),
    bad_line("bare_key.jsonl", "a key without quotes", RULE, ROW.replace(b'"model"', b"model")),
    bad_line("python_words.jsonl", "None in place of null", RULE, ROW.replace(b'"gpt-4o"', b"None")),
    bad_line("comment.jsonl", "a comment behind the object", RULE, ROW + b" // seen"),
    bad_line("leading_zero.jsonl", "a number with a leading zero", RULE, ROW.replace(b"1000", b"01000")),
    bad_line("bad_escape.jsonl", "an escape that JSON does not know", RULE, ROW.replace(b"gpt-4o", rb"gpt\x2d4o")),
    bad_line("lone_surrogate.jsonl", "half of a pair of escapes", RULE, ROW.replace(b"gpt-4o", rb"gpt-4o\ud83d")),
    bad_line("control_character.jsonl", "a control character in a text", RULE, ROW.replace(b"gpt-4o", b"gpt\x014o")),
    bad_line("two_objects.jsonl", "two objects on one line", RULE, ROW + b" " + ROW),
    bad_line("two_objects_close.jsonl", "two objects without a space between", RULE, ROW + ROW),
    bad_line("carriage_returns.jsonl", "lines that end with a carriage return alone", RULE, ROW + b"\r" + ROW),
    bad_line("nul_in_text.jsonl", "a NUL byte in a text", RULE, ROW.replace(b"gpt-4o", b"gpt\x004o")),
    bad_line("nul_behind.jsonl", "NUL bytes behind the object", RULE, ROW + b"\0" * 5),
    bad_line("nul_block.jsonl", "a block of NUL bytes, as a crash leaves it", RULE, b"\0" * 4096),
    bad_line("bad_utf8_value.jsonl", "a text that is not UTF-8", RULE, ROW.replace(b"gpt-4o", b"gpt-\xff4o")),
    bad_line("bad_utf8_key.jsonl", "a key that is not UTF-8", RULE, ROW.replace(b'"model"', b'"mod\xe9l"')),
    bad_line("bad_utf8_unread.jsonl", "an unread text that is not UTF-8", RULE, ROW[:-1] + b', "prompt": "\xc3("}'),
    bad_line("mark_in_the_middle.jsonl", "a byte order mark before a later line", RULE, b"\xef\xbb\xbf" + ROW),
    bad_line("number_line.jsonl", "a line that is a number", RULE, b"42"),
    bad_line("text_line.jsonl", "a line that is a text", RULE, b'"openai"'),
    # The engine reads it as an object without keys.
    bad_line("null_line.jsonl", "a line that is null", "missing_time", b"null"),
    bad_line("array_line.jsonl", "a line that is an array", RULE, b"[" + ROW + b"]"),
    bad_line("plain_line.jsonl", "a line of a program's log", RULE, b"INFO: started"),
    bad_line("key_twice.jsonl", "a count that stands there twice", RULE, ROW[:-1] + b', "output_tokens": 7}'),
    text_file(
        "nested_key_twice.jsonl",
        "a nested count that stands there twice",
        _nested_twice,
        begin=lambda name: lines_of(name, "litellm"),
        file_format="litellm",
    ),
)
