"""CSV is read exactly: every good row arrives with its values, from its bytes, wherever a file is cut into blocks."""

import csv
import gzip
import io
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sophia_metrics.errors import ProcessingError
from sophia_metrics.sources.block import Block
from sophia_metrics.sources.blocks import BlockReader
from sophia_metrics.sources.byte_stream import open_stream
from sophia_metrics.sources.csv_rows import MAX_ROW_BYTES, whole_rows_end
from sophia_metrics.sources.file_kind import FileKind
from sophia_metrics.sources.file_source import SourceFile
from sophia_metrics.sources.format import Format, LandedColumn, TokenConvention
from sophia_metrics.sources.lines import LineReader
from sophia_metrics.sources.part import FilePart
from sophia_metrics.sources.reader import create_raw, read_block
from sophia_metrics.sources.records import delimiter_of, header_line, locate
from sophia_metrics.sources.spool import Spool
from tests.effort import examples
from tests.landed import land, rows

FORMAT = Format(
    name="plain",
    doc="For these tests.",
    convention=TokenConvention.INCLUSIVE,
    columns=(LandedColumn("f", "VARCHAR"), LandedColumn("g", "VARCHAR"), LandedColumn("n", "BIGINT")),
    mapping="SELECT row_ordinal FROM landed",
    signature=("f", "n"),
    required=("n",),
)
CELL = st.lists(st.sampled_from(['"', '""', ",", ";", "\n", "\r\n", " ", "  ", "a", "\t"]), max_size=4).map("".join)
BAD_ROWS = [b"one-cell", b'5" screen', b'"a"b,c,1', b"a,b,1,d", b"\xff,b,1"]


def _write(path, content):
    path.write_bytes(content)
    return path


def _values(path):
    found = rows(land([path], FORMAT), "SELECT f, g, n, defect FROM landed ORDER BY row_ordinal")
    return [tuple(row.values()) for row in found]


def _located(path, content):
    file = SourceFile.of(path)
    return [content[at.byte_start : at.byte_end] for at in locate(file, range(9_999)).values()]


def _in_small_blocks(path, buffer_bytes, limit):
    """Read a file through a small buffer; return its values and the bytes at which each part's rows are located."""
    content, file = path.read_bytes(), SourceFile.of(path)
    part, values, places, has_begun = FilePart(file, "one"), [], [], False
    connection = duckdb.connect()
    with TemporaryDirectory() as scratch, Spool(Path(scratch)) as spool, open_stream(file) as stream:
        reader = LineReader(part, stream, bytearray(buffer_bytes))
        reader.cut_rows(delimiter_of(header_line(content)))
        while not reader.is_finished:
            create_raw(connection, FORMAT)
            if has_begun:
                spool.write(header_line(content) + b"\n")
            has_begun = True
            piece = reader.copy(spool, limit)
            (piece,) = read_block(connection, Block(spool.path, FileKind.CSV, (piece,)), FORMAT, Path(scratch))
            values += connection.execute("SELECT f, g, n, defect FROM raw ORDER BY rowid").fetchall()
            span = {"byte_start": piece.byte_start, "byte_end": piece.byte_end, "line_start": piece.line_start}
            places += locate(file, range(piece.row_count), **span).values()
            spool.clear()
    return values, places


def _written(cells, quoting):
    text = io.StringIO(newline="")
    csv.writer(text, quoting=quoting).writerow(cells)
    return text.getvalue().removesuffix("\r\n").encode()


@settings(max_examples=examples(30), deadline=None)
@given(
    st.lists(st.tuples(CELL, CELL, st.integers(0, 99)), max_size=12),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from([None, *BAD_ROWS]),
    st.integers(0, 12),
    st.integers(8, 64),
    st.sampled_from([1, 40, 10_000]),
)
def test_every_good_row_arrives_and_is_located_wherever_the_file_is_cut(
    tmp_path_factory, entries, quoting, bad_row, place, buffer_bytes, limit
):
    written = [_written(entry, quoting) for entry in entries]
    expected: list[tuple[object, ...]] = [(f or None, g or None, n, None) for f, g, n in entries]
    if bad_row is not None:
        written.insert(place, bad_row)
        expected.insert(place, (None, None, None, "malformed_row"))
    content = b"".join(line + b"\n" for line in [b"f,g,n", *written])
    path = _write(tmp_path_factory.mktemp("log") / "log.csv", content)
    values, places = _in_small_blocks(path, buffer_bytes, limit)
    assert values == expected
    assert values == _values(path)
    assert places == list(locate(SourceFile.of(path), range(len(written))).values())
    assert [content[at.byte_start : at.byte_end] for at in places] == written


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(st.sampled_from([b'"', b'"', b",", b" ", b"a", b"\n"]), max_size=14).map(b"".join))
def test_the_engine_and_the_careful_read_agree_on_what_the_engine_accepts(tmp_path_factory, line):
    folder = tmp_path_factory.mktemp("log")
    strict = _values(_write(folder / "log.csv", b"f,g,n\n" + line + b",1\nb,b,2\n"))
    careful = _values(_write(folder / "bad.csv", b"f,g,n\n" + line + b",1\nb,b,2\none-cell\n"))
    assert careful == [*strict, (None, None, None, "malformed_row")]


def test_a_row_longer_than_a_block_arrives_whole(tmp_path):
    cell = "words of a prompt\n" * 99
    path = _write(tmp_path / "log.csv", b"f,g,n\n" + b"".join(f'{i},"{cell}",{i}\n'.encode() for i in range(9)))
    values, _ = _in_small_blocks(path, 64, 100)
    assert values == [(str(i), cell, i, None) for i in range(9)]


def test_a_quote_within_a_cell_opens_nothing(tmp_path):
    path = _write(tmp_path / "log.csv", b'f,g,n\n5" screen,"two\nlines",1\nc,d,2\n')
    assert _in_small_blocks(path, 8, 1)[0] == [('5" screen', "two\nlines", 1, None), ("c", "d", 2, None)]


def test_a_quote_that_never_closes_takes_one_line_and_not_the_file(tmp_path):
    good = (b"c," + b"d" * 999 + b",2\n") * (MAX_ROW_BYTES // 1000 + 999)
    path = _write(tmp_path / "log.csv", b'f,g,n\n"a,b,1\n' + good)
    connection = land([path], FORMAT)
    assert rows(connection, "SELECT defect, count(*) AS c FROM landed GROUP BY ALL ORDER BY c") == [
        {"defect": "malformed_row", "c": 1},
        {"defect": None, "c": len(good) // 1004},
    ]


def test_a_row_may_be_as_long_as_the_engine_reads_and_no_longer():
    longest = b'"a\n' + b"b" * (MAX_ROW_BYTES - 4) + b'"\n'
    assert whole_rows_end(longest, b",") == len(longest)
    assert whole_rows_end(longest[:-2] + b'bb",b', b",") == len(b'"a\n')


def test_blocks_no_larger_than_the_header_come_to_an_end(tmp_path):
    part = FilePart(SourceFile.of(_write(tmp_path / "log.csv", b"f,g,n\n" + b"a,b,1\n" * 400_000)), "one")
    reader = BlockReader(duckdb.connect(), FORMAT, tmp_path, lambda *_: None, block_bytes=3)
    ends = [0, *(block.pieces[0].byte_end for block in reader.read([part]))]
    assert ends[-1] == part.file.size_bytes
    assert all(before < after for before, after in pairwise(ends))


@pytest.mark.parametrize("last", [b"c,d", b"c,d,2", b'c,"d\n', b'c,"d\ne\n'])
def test_a_last_row_without_an_end_waits_while_somebody_may_write_to_the_file(tmp_path, last):
    whole = b"f,g,n\na,b,1\n"
    part = FilePart(SourceFile.of(_write(tmp_path / "log.csv", whole + last)), "one", is_settled=False)
    (block,) = BlockReader(duckdb.connect(), FORMAT, tmp_path, lambda *_: None).read([part])
    assert (block.pieces[0].byte_end, block.pieces[0].line_count) == (len(whole), 2)


@pytest.mark.parametrize("name", ["log.csv", "log.csv.gz"])
def test_a_last_row_without_an_end_is_read_where_nobody_writes(tmp_path, name):
    text = b"f,g,n\na,b,1\nc,d,2"
    path = _write(tmp_path / name, gzip.compress(text) if name.endswith("gz") else text)
    assert _values(path) == [("a", "b", 1, None), ("c", "d", 2, None)]


def test_lines_that_end_with_a_carriage_return_alone_are_refused(tmp_path):
    with pytest.raises(ProcessingError, match=r"log\.csv ends its lines with a carriage return alone"):
        _values(_write(tmp_path / "log.csv", b"f,g,n\ra,b,1\r"))


def test_a_carriage_return_among_line_feeds_ends_no_line(tmp_path):
    path = _write(tmp_path / "log.csv", b"f,g,n\n\ra,b,1\n")
    assert _values(path) == [("\ra", "b", 1, None)]


@pytest.mark.parametrize(("line_end", "row"), [(b"\n", b"\ra,b,1"), (b"\r\n", b"\ra,b,1"), (b"\n", b'"\ra",b,1')])
def test_a_carriage_return_alone_stays_in_its_cell_beside_a_bad_row(tmp_path, line_end, row):
    path = _write(tmp_path / "log.csv", line_end.join([b"f,g,n", row, b"one-cell", b"c,d,2"]) + line_end)
    bad = (None, None, None, "malformed_row")
    assert _values(path) == [("\ra", "b", 1, None), bad, ("c", "d", 2, None)]


def test_rows_stand_in_order_where_bad_ones_are_far_apart(tmp_path):
    count, long = 20_000, "ä" * 100_000
    bad = dict(zip([5, 9_000, 9_001, 12_000, count - 1], BAD_ROWS, strict=True))
    lines = [bad.get(n, f'"two\nlines ä",{long if n == 7 else n},{n}'.encode()) for n in range(count)]
    found = _values(_write(tmp_path / "log.csv", b"f,g,n\n\n" + b"\n\n".join(lines)))
    malformed = (None, None, None, "malformed_row")
    expected = [("two\nlines ä", long if n == 7 else str(n), n, None) for n in range(count)]
    assert found == [malformed if n in bad else row for n, row in enumerate(expected)]


@pytest.mark.parametrize("bad_row", [b"", b"one-cell\n"])
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"a,b,1,", ("a", "b", 1, None)),
        (b'"a" ,b,1', ("a", "b", 1, None)),
        (b' "a", "b" ,1', ("a", "b", 1, None)),
        (b'  "a",b,1', ('  "a"', "b", 1, None)),
        (b'"a" "b",c,1', ("a b", "c", 1, None)),
    ],
)
def test_what_the_engine_takes_a_bad_row_elsewhere_does_not_change(tmp_path, line, expected, bad_row):
    assert _values(_write(tmp_path / "log.csv", b"f,g,n\n" + line + b"\n" + bad_row))[0] == expected


def test_a_stray_quote_beside_a_cell_of_two_lines_is_one_row(tmp_path):
    row = b'a"b,"x\ny",1'
    content = b"f,g,n\n" + row + b"\none-cell\n"
    assert _located(_write(tmp_path / "log.csv", content), content) == [row, b"one-cell"]


@pytest.mark.parametrize("bad_row", [b"", b"one-cell\n"])
@pytest.mark.parametrize("before", [b"\n", b"  \n", b"\r\n", b"\xef\xbb\xbf\n", b"\n \n\n"])
def test_blank_lines_before_the_header_count_as_lines_only(tmp_path, before, bad_row):
    content = before + b"f,g,n\na,b,1\n" + bad_row
    path = _write(tmp_path / "log.csv", content)
    place = locate(SourceFile.of(path), {0})[0]
    assert _values(path)[0] == ("a", "b", 1, None)
    assert (content[place.byte_start : place.byte_end], place.line_number) == (b"a,b,1", before.count(b"\n") + 2)


def test_later_blocks_of_a_file_with_carriage_returns_are_read_at_full_speed(tmp_path):
    path = _write(tmp_path / "log.csv", b"f,g,n\r\n" + b"a,b,1\r\n" * 300_000)
    connection, part = duckdb.connect(), FilePart(SourceFile.of(path), "one")
    reader = BlockReader(connection, FORMAT, tmp_path, lambda *_: None, block_bytes=1 << 20)
    headers = [Path(block.path).read_bytes()[:7] for block in reader.read([part])]
    assert headers == [b"f,g,n\r\n"] * 2


def test_a_part_from_the_middle_is_located_with_the_delimiter_of_the_header(tmp_path):
    first, second = b"a,b,1\n", b'a;b;c;d,"x;\ny",2'
    path = _write(tmp_path / "log.csv", b"f,g,n\n" + first + second + b"\nc,d,3\n")
    found = locate(SourceFile.of(path), {0, 1}, byte_start=12, line_start=3)
    assert [(each.line_number, each.byte_start, each.byte_end) for each in found.values()] == [
        (3, 12, 12 + len(second)),
        (5, 13 + len(second), 18 + len(second)),
    ]
