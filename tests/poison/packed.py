"""Packed files: gzip, zstd and zip, whole and damaged."""

import gzip
import io
import zipfile
from collections.abc import Callable
from dataclasses import replace

import pyarrow as pa

from tests.poison.poison import Content, Poison, Rejected
from tests.poison.text import Text, lines_of

__all__ = ["PACKED", "packed"]

DAMAGED = "is damaged"


def packed(content: Content, pack: Callable[[bytes], bytes]) -> Content:
    """Return the content packed: its rows are found by line alone."""
    rejected = tuple(replace(row, byte_start=None, byte_end=None) for row in content.rejected)
    return replace(content, data=pack(content.data), rejected=rejected)


def _rows(name: str, count: int = 5) -> Content:
    return lines_of(name).good(count).content()


def _with_a_cut_line(text: Text) -> Content:
    return text.good(3).bad(b'{"id": "half', "malformed_json").good(2).content()


def _refused(data: bytes, phrase: str = DAMAGED) -> Content:
    return Content(data, refused=phrase)


def _zstd(data: bytes) -> bytes:
    target = pa.BufferOutputStream()
    with pa.CompressedOutputStream(target, "zstd") as stream:
        stream.write(data)
    return target.getvalue().to_pybytes()


def _zip(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 11, 18, 10, 0, 0)), data, method)
    return target.getvalue()


def _flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]


def _encrypted(data: bytes) -> bytes:
    """Set the flag of encryption in the header of the first member and in the directory."""
    archive = bytearray(data)
    archive[6] |= 1
    archive[archive.index(b"PK\x01\x02") + 8] |= 1
    return bytes(archive)


def _two_gzip_members(name: str) -> Content:
    content = _rows(name)
    middle = len(content.data) // 2
    return packed(content, lambda data: gzip.compress(data[:middle]) + gzip.compress(data[middle:]))


def _two_zip_members(name: str) -> Content:
    one, two = _rows(f"{name}!one"), _rows(f"{name}!two")
    return Content(
        _zip({"one.jsonl": one.data, "logs/two.jsonl": two.data, "README.txt": b"Not usage."}), (*one.good, *two.good)
    )


def _zip_with_a_bad_member(name: str) -> Content:
    one, two = _rows(f"{name}!one"), _with_a_cut_line(lines_of(f"{name}!two"))
    rejected = tuple(Rejected(row.rule, row.line_number, member="two.jsonl") for row in two.rejected)
    return Content(_zip({"one.jsonl": one.data, "two.jsonl": two.data}), (*one.good, *two.good), rejected)


def _zip_with_a_damaged_member(name: str) -> Content:
    data = _zip({"one.jsonl": _rows(name).data}, zipfile.ZIP_STORED)
    return _refused(_flipped(data, data.index(b"gpt-4o")))


PACKED: tuple[Poison, ...] = (
    Poison("good.jsonl.gz", "a good gzip file", lambda name: packed(_rows(name), gzip.compress)),
    Poison("two_members.jsonl.gz", "two gzip files in a row, cut in a line", _two_gzip_members),
    Poison("nothing.jsonl.gz", "a gzip file of nothing", lambda _: Content(gzip.compress(b""))),
    Poison("no_bytes.jsonl.gz", "an empty file that is named .gz", lambda _: Content(b"")),
    Poison(
        "cut_line.jsonl.gz",
        "a line that breaks off, in a gzip file",
        lambda name: packed(_with_a_cut_line(lines_of(name)), gzip.compress),
    ),
    Poison("cut.jsonl.gz", "a gzip file is cut off", lambda name: _refused(gzip.compress(_rows(name).data)[:-30])),
    Poison(
        "no_checksum.jsonl.gz",
        "the last bytes are missing",
        lambda name: _refused(gzip.compress(_rows(name).data)[:-4]),
    ),
    Poison(
        "flipped.jsonl.gz", "a byte is flipped", lambda name: _refused(_flipped(gzip.compress(_rows(name).data), 60))
    ),
    Poison(
        "wrong_checksum.jsonl.gz",
        "the checksum is wrong",
        lambda name: _refused(_flipped(gzip.compress(_rows(name).data), -8)),
    ),
    Poison(
        "tail.jsonl.gz", "something else follows", lambda name: _refused(gzip.compress(_rows(name).data) + b"and more")
    ),
    Poison("not_packed.jsonl.gz", "plain text that is named .gz", lambda name: _refused(_rows(name).data)),
    Poison("good.jsonl.zst", "a good zstd file", lambda name: packed(_rows(name), _zstd)),
    Poison(
        "cut_line.jsonl.zst",
        "a line that breaks off, in a zstd file",
        lambda name: packed(_with_a_cut_line(lines_of(name)), _zstd),
    ),
    Poison("cut.jsonl.zst", "a zstd file is cut off", lambda name: _refused(_zstd(_rows(name, 50).data)[:-30])),
    Poison("not_packed.jsonl.zst", "plain text that is named .zst", lambda name: _refused(_rows(name).data)),
    Poison("two_members.zip", "two logs in a zip file, and a note", _two_zip_members),
    Poison("cut_line.zip", "a log with a line that breaks off, in a zip file", _zip_with_a_bad_member),
    Poison("no_log.zip", "a zip file without a log", lambda _: Content(_zip({"README.txt": b"Not usage."}))),
    Poison("damaged_member.zip", "a byte of a log in a zip file is flipped", _zip_with_a_damaged_member),
    Poison("cut.zip", "a zip file is cut off", lambda name: _refused(_zip({"one.jsonl": _rows(name).data})[:-40])),
    Poison(
        "encrypted.zip",
        "an encrypted zip file",
        lambda name: _refused(_encrypted(_zip({"one.jsonl": _rows(name).data})), "is encrypted"),
    ),
    Poison("not_packed.zip", "plain text that is named .zip", lambda name: _refused(_rows(name).data)),
)
