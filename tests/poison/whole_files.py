"""Files that are odd as a whole: some are refused, of most every row arrives."""

import json

from tests.poison.good_rows import json_line, json_row
from tests.poison.poison import Content, Poison
from tests.poison.text import Text, lines_of, text_file

__all__ = ["WHOLE_FILES"]

MARK = b"\xef\xbb\xbf"


def _rows(name: str, file_format: str = "events") -> Content:
    return lines_of(name, file_format).good(5).content()


def _refused(data: bytes, phrase: str) -> Content:
    return Content(data, refused=phrase)


def _mixed(text: Text) -> Text:
    """Write rows of different keys in different orders."""
    for number, fields in enumerate(
        ({"team": "search"}, {"tags": {"a": "b"}}, {"user": "ann", "units": {"images": 1}})
    ):
        request_id = f"{text.name}#mixed {number}"
        row = dict(reversed(json_row("events", request_id, **fields).items()))
        text.fine(json.dumps(row).encode(), request_id)
    return text.good(3)


def _unread(text: Text) -> Text:
    """Write keys that nobody reads, some of them with the names of keys that are read, one level down."""
    for number, value in enumerate((1, "text", [{"model": None}], {"output_tokens": "many", "id": [1]})):
        request_id = f"{text.name}#unread {number}"
        text.fine(json_line("events", request_id, response=value), request_id)
    request_id = f"{text.name}#comma"
    text.fine(json_line("events", request_id)[:-1] + b",}", request_id)  # the engine lets one comma too many pass
    request_id = f"{text.name}#twice"
    row = json_line("events", request_id)[:-1] + b', "note": 1, "note": NaN}'
    return text.fine(row, request_id).good(2)


def _equal_rows(text: Text) -> Text:
    """Write a call thrice without an id: nobody says that it is one call."""
    request_id = f"{text.name}#equal"
    for _ in range(3):
        text.fine(json_line("events", request_id, id=...), request_id)
    return text.good(2)


def _versions(**fields: object) -> Poison:
    name = "_".join(["versions", *(f"{key}_{value}" for key, value in fields.items())])

    def write(text: Text) -> Text:
        for number in range(3):
            request_id = f"versions#{number}"
            text.fine(json_line("claude", request_id, **_message(request_id, **fields)), request_id)
        return text.good(2)

    return text_file(
        f"{name}.jsonl",
        "calls of which other files have other versions",
        write,
        begin=lambda each: lines_of(each, "claude"),
        file_format="claude",
    )


def _message(request_id: str, **fields: object) -> dict[str, object]:
    message = json_row("claude", request_id)["message"]
    counts = {"input_tokens": 10, "output_tokens": fields["output"]}
    return {"message": {**message, "usage": counts}, "isSidechain": fields.get("sidechain", False)}


def _not_usage(text: Text) -> Text:
    text.good(2).raw(b'{"type": "user", "sessionId": "s-1", "message": {"role": "user", "content": "hello"}}\n')
    text.raw(b'{"type": "summary", "summary": "a talk"}\n')
    synthetic = {"id": "m", "model": "<synthetic>", "usage": {"input_tokens": 0, "output_tokens": 0}}
    return text.raw(json_line("claude", "synthetic", message=synthetic) + b"\n").good(3)


def _utf16(name: str, order: str) -> bytes:
    return _rows(name).data.decode().encode(f"utf-16-{order}")


WHOLE_FILES: tuple[Poison, ...] = (
    text_file("empty.jsonl", "an empty file", lambda text: text),
    text_file("blank.jsonl", "blank lines and nothing else", lambda text: text.raw(b"\n  \n\r\n\t\n")),
    text_file("mark_only.jsonl", "a byte order mark and nothing else", lambda text: text.raw(MARK)),
    text_file("marked.jsonl", "a byte order mark", lambda text: text.raw(MARK).good(5)),
    text_file("windows.jsonl", "CRLF", lambda text: text.good(5), begin=lambda name: lines_of(name, end=b"\r\n")),
    text_file(
        "marked_and_bad.jsonl",
        "a byte order mark before a bad first line",
        lambda text: text.raw(MARK).bad(b"{broken}", "malformed_json").good(4),
    ),
    text_file(
        "windows_and_bad.jsonl",
        "a bad line among CRLF lines",
        lambda text: text.good(3).bad(b"{broken}", "malformed_json").good(2),
        begin=lambda name: lines_of(name, end=b"\r\n"),
    ),
    text_file(
        "blank_lines.jsonl", "blank lines", lambda text: text.raw(b"\n").good(2).raw(b" \n\r\n\n").good(3).raw(b"\n\n")
    ),
    text_file("spaces.jsonl", "spaces around the objects", lambda text: text.raw(b"  ").good(1).raw(b"\t").good(4)),
    text_file("no_last_end.jsonl", "no line end at the end", lambda text: text.good(5).without_last_end()),
    text_file(
        "no_last_end_yet.jsonl",
        "no line end at the end of a fresh file",
        lambda text: text.good(5).without_last_end(),
        is_fresh=True,
    ),
    text_file(
        "half_written.jsonl",
        "an old file ends in the middle of a line",
        lambda text: text.good(5).bad(json_line("events", "half")[:70], "malformed_json").without_last_end(),
    ),
    text_file(
        "half_written_yet.jsonl",
        "a fresh file ends in the middle of a line, which waits",
        lambda text: text.good(5).raw(json_line("events", "half")[:70]),
        is_fresh=True,
    ),
    text_file("mixed_schemas.jsonl", "rows of different keys", _mixed),
    text_file("unread_keys.jsonl", "keys that nobody reads", _unread),
    text_file("equal_rows.jsonl", "equal rows without an id, which are calls of their own", _equal_rows),
    text_file("folder.jsonl/inside.jsonl", "a folder that is named like a log", lambda text: text.good(5)),
    text_file(
        "not_usage.jsonl",
        "lines that are not usage",
        _not_usage,
        begin=lambda name: lines_of(name, "claude"),
        file_format="claude",
    ),
    _versions(output=20),
    _versions(output=50),
    _versions(output=90, sidechain=True),
    Poison("utf16_little.jsonl", "UTF-16", lambda name: _refused(b"\xff\xfe" + _utf16(name, "le"), "UTF-16")),
    Poison(
        "utf16_big.jsonl",
        "UTF-16, the other way round",
        lambda name: _refused(b"\xfe\xff" + _utf16(name, "be"), "UTF-16"),
    ),
    Poison(
        "claude.jsonl",
        "a file of another format",
        lambda name: _refused(_rows(name, "claude").data, "no file of format"),
        file_format="litellm",
    ),
    Poison(
        "prose.jsonl", "no JSON at all", lambda _: _refused(b"Dear all,\nthis is a letter.\n" * 5, "no file of format")
    ),
    Poison(
        "program.log",
        "a name that does not say how it is written",
        lambda name: _refused(_rows(name).data, "the name does not say"),
    ),
    Poison(
        "secret.jsonl",
        "a file that nobody may read",
        lambda name: _refused(_rows(name).data, "may not be read"),
        is_unreadable=True,
    ),
)
