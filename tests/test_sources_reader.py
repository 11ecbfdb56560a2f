"""Files are read in order, a bad row is a defect of its own, and a bad file is named."""

import gzip
import hashlib
import json

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sophia_metrics.errors import ConfigurationError, ProcessingError
from sophia_metrics.quoting import identifier, literal
from sophia_metrics.sources.file_kind import FileKind, file_kind
from sophia_metrics.sources.file_source import SourceFile
from sophia_metrics.sources.format import Format, LandedColumn, TokenConvention
from sophia_metrics.sources.records import Location, locate
from sophia_metrics.sources.registry import FORMAT_NAMES, find_format
from tests.landed import defects, land, rows, write_jsonl

FORMAT = Format(
    name="plain",
    doc="For these tests.",
    convention=TokenConvention.INCLUSIVE,
    columns=(
        LandedColumn("f", "VARCHAR"),
        LandedColumn("n", "BIGINT"),
        LandedColumn("at", "TIMESTAMPTZ"),
        LandedColumn("d", "STRUCT(x BIGINT, l VARCHAR[])"),
    ),
    mapping="SELECT row_ordinal FROM landed",
    signature=("f", "n"),
    required=("n",),
)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=8)


def _values(paths, *names):
    found = rows(land(paths, FORMAT), f"SELECT {', '.join(names)} FROM landed ORDER BY row_ordinal")
    return [tuple(row[name] for name in names) for row in found]


def _write(path, content):
    path.write_bytes(content)
    return path


def test_rows_stand_in_the_order_of_the_files_and_of_their_lines(tmp_path):
    counts = {"b.jsonl.gz": 30_000, "c.jsonl": 200_000, "a.csv": 30_000, "d.parquet": 5_000, "e.jsonl": 3}
    paths = [tmp_path / name for name in counts]
    for path, count in zip(paths, counts.values(), strict=True):
        frame = pl.DataFrame({"f": [path.name] * count, "n": range(count)})
        if file_kind(str(path)) is FileKind.CSV:
            frame.write_csv(path)
        elif file_kind(str(path)) is FileKind.PARQUET:
            frame.write_parquet(path)
        elif path.suffix == ".gz":
            path.write_bytes(gzip.compress(frame.write_ndjson().encode()))
        else:
            frame.write_ndjson(path)
    assert _values(paths, "f", "n") == [(name, n) for name, count in counts.items() for n in range(count)]


def test_rows_of_good_and_bad_files_stand_in_the_order_of_the_files(tmp_path):
    good = write_jsonl(tmp_path / "good.jsonl", [{"f": "g", "n": 1}, {"f": "g", "n": 2}])
    bad = _write(tmp_path / "bad.jsonl", b'{"f":"b","n":1}\n{"f":"b",\n{"f":"b","n":3}\n')
    csv = _write(tmp_path / "bad.csv", b"f,n\nc,1\nc\nc,3\n")
    assert _values([csv, good, bad, tmp_path / "good.jsonl"], "f", "n", "defect") == [
        ("c", 1, None),
        (None, None, "malformed_row"),
        ("c", 3, None),
        ("g", 1, None),
        ("g", 2, None),
        ("b", 1, None),
        (None, None, "malformed_json"),
        ("b", 3, None),
    ]


def test_the_file_name_is_the_path_as_given_even_with_wildcards_in_it(tmp_path):
    folder = tmp_path / "it's [1]*?"
    folder.mkdir()
    log = write_jsonl(folder / "l[0-9].jsonl", [{"n": 1}])
    write_jsonl(folder / "l1.jsonl", [{"n": 2}])
    assert _values([log], "file_name", "n") == [(str(log), 1)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b'{"n": 1', "malformed_json"),
        (b'{"n": 1} {"n": 2}', "malformed_json"),
        (b"plain text", "malformed_json"),
        (b'[{"n": 1}]', "malformed_json"),
        (b'"text"', "malformed_json"),
        (b'{"f": "\xff"}', "malformed_json"),
        (b'{"n": "many"}', "wrong_type"),
        (b'{"n": [1]}', "wrong_type"),
        (b'{"n": 99999999999999999999}', "wrong_type"),
        (b'{"at": "soon"}', "wrong_type"),
        (b'{"at": 12}', "wrong_type"),
        (b'{"d": "text"}', "wrong_type"),
        (b'{"d": {"x": "many"}}', "wrong_type"),
        (b'{"d": {"l": "text"}}', "wrong_type"),
        (b'{"n": null, "d": {}, "at": null}', None),
        (b'{"d": {"l": [1, null, {}]}, "other": {"n": "many"}}', None),
    ],
)
def test_a_bad_line_is_a_defect_and_all_others_keep_their_values(tmp_path, line, expected):
    log = _write(tmp_path / "log.jsonl", b'{"n":1}\n' + line + b'\n{"n":3,"d":{"x":4}}\n')
    found = _values([log], "n", "defect", "d")
    assert [defect for _, defect, _ in found] == [None, expected, None]
    assert (found[0][0], found[2][0], found[2][2]) == (1, 3, {"x": 4, "l": None})


def test_a_row_of_a_wrong_type_keeps_its_other_values(tmp_path):
    log = _write(tmp_path / "log.jsonl", b'{"f":"kept","n":"many","d":{"x":5}}\n')
    assert _values([log], "f", "n", "d", "defect") == [("kept", None, {"x": 5, "l": None}, "wrong_type")]


@pytest.mark.parametrize("bad", [b"", b'{"n": oops}\n'])
def test_blank_lines_carriage_returns_and_a_missing_last_newline_change_no_row(tmp_path, bad):
    log = _write(tmp_path / "log.jsonl", b'{"n":1}\r\n\r\n   \n' + bad + b'{"n":2}\n\n{"n":3}')
    expected = [(1, None), *([(None, "malformed_json")] if bad else []), (2, None), (3, None)]
    assert _values([log], "n", "defect") == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"f,n\na,1\nb,2", [("a", 1, None), ("b", 2, None)]),
        (b"\xef\xbb\xbff,n\r\na,1\r\n", [("a", 1, None)]),
        (b"f,n\r\na,1\nb,2\r\n", [("a", 1, None), ("b", 2, None)]),
        (b"f,n\na,1\n\n\nb,2\n", [("a", 1, None), ("b", 2, None)]),
        (b"f;n\na;1\n", [("a", 1, None)]),
        (b"f\tn\na\t1\n", [("a", 1, None)]),
        (b'n,x,f\n1,"say ""hi"", you",a\n', [("a", 1, None)]),
        (b'f,n\n"two\nlines",1\nb,2\n', [("two\nlines", 1, None), ("b", 2, None)]),
        (b"f,n\na,many\nb,2\n", [("a", None, "wrong_type"), ("b", 2, None)]),
        (b"f,n\na,1,extra\nb,2\n", [(None, None, "malformed_row"), ("b", 2, None)]),
        (b"f,n\na\nb,2\n", [(None, None, "malformed_row"), ("b", 2, None)]),
        (b'f,n\n"open,1\nb,2\n', [(None, None, "malformed_row"), ("b", 2, None)]),
        (b"f,n\n\xff,1\nb,2\n", [(None, None, "malformed_row"), ("b", 2, None)]),
        (b"f,n\na,\n", [("a", None, None)]),
        (b"f,n\n", []),
    ],
)
def test_csv_is_read_as_it_is_written_and_a_bad_row_is_a_defect(tmp_path, body, expected):
    assert _values([_write(tmp_path / "log.csv", body)], "f", "n", "defect") == expected


def test_json_in_a_cell_is_parsed_and_bad_json_is_a_defect(tmp_path):
    frame = pl.DataFrame({"n": ["1", "2", "3"], "d": ['{"x": 5}', "{'x': 5}", None]})
    frame.write_csv(tmp_path / "log.csv")
    frame.write_parquet(tmp_path / "log.parquet")
    expected = [(1, {"x": 5, "l": None}, None), (2, None, "wrong_type"), (3, None, None)]
    assert _values([tmp_path / "log.csv"], "n", "d", "defect") == expected
    assert _values([tmp_path / "log.parquet"], "n", "d", "defect") == expected


def test_parquet_columns_of_other_types_are_converted_and_absent_ones_are_null(tmp_path):
    duckdb.execute(
        "COPY (SELECT 7::DOUBLE AS n, TIMESTAMP '2026-10-05 08:00:00' AS at, "
        f"{{'x': 5, 'other': 'secret'}} AS d) TO '{tmp_path}/log.parquet'"
    )
    found = rows(
        land([tmp_path / "log.parquet"], FORMAT),
        'SELECT f, n, epoch_us("at") AS instant, d, defect FROM landed',
    )
    # 2026-10-05T08:00:00Z, whatever the session's time zone is.
    expected = {"f": None, "n": 7, "instant": 1_791_187_200_000_000, "d": {"x": 5, "l": None}, "defect": None}
    assert found == [expected]


def test_an_empty_file_has_no_rows(tmp_path):
    empty, good = _write(tmp_path / "empty.jsonl", b""), write_jsonl(tmp_path / "good.jsonl", [{"n": 1}])
    assert _values([empty, good], "n") == [(1,)]


def test_a_file_whose_only_line_is_still_being_written_has_a_bad_row(tmp_path):
    assert defects([_write(tmp_path / "log.jsonl", b'{"oth')], FORMAT) == ["malformed_json"]


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("missing.jsonl", None, ProcessingError),
        ("cut.jsonl.gz", gzip.compress(b'{"n":1}\n' * 9999, mtime=0)[:-20], ProcessingError),
        ("cut.csv.gz", gzip.compress(b"f,n\n" + b"a,1\n" * 9999, mtime=0)[:-20], ProcessingError),
        ("not.jsonl.gz", b"secret text", ProcessingError),
        ("not.parquet", b"secret text", ProcessingError),
        ("other.jsonl", b'{"secret": 1}\n', ConfigurationError),
        ("other.csv", b"secret,text\n1,2\n", ConfigurationError),
        ("lacks.csv", b"f,secret\n1,2\n", ConfigurationError),
        ("log.txt", b"secret text", ConfigurationError),
    ],
)
def test_a_file_that_cannot_be_read_is_named_without_its_content(tmp_path, name, content, error):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(error) as caught:
        land([path], FORMAT)
    assert name in str(caught.value)
    assert "secret text" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_nothing_of_a_careful_read_stays_in_the_connection(tmp_path):
    connection = land([_write(tmp_path / "bad.csv", b"f,n\nc,1\nc\n")], FORMAT)
    views = rows(connection, "SELECT view_name FROM duckdb_views() WHERE NOT internal")
    assert views == [{"view_name": "file_names"}]


def test_a_line_is_located_by_its_row(tmp_path):
    log = _write(tmp_path / "log.jsonl", b'{"n":1}\r\n\n{"n":22}\n{"n":3}')
    assert locate(SourceFile.of(log), {1, 2, 9}) == {
        1: Location(3, 10, 18, hashlib.sha256(b'{"n":22}').hexdigest()),
        2: Location(4, 19, 26, hashlib.sha256(b'{"n":3}').hexdigest()),
    }


def test_a_csv_row_over_several_lines_is_located_whole(tmp_path):
    log = _write(tmp_path / "log.csv", b'f,n\n"a\n\nb",1\nc,2\n')
    assert locate(SourceFile.of(log), {0, 1}) == {
        0: Location(2, 4, 12, hashlib.sha256(b'"a\n\nb",1').hexdigest()),
        1: Location(5, 13, 16, hashlib.sha256(b"c,2").hexdigest()),
    }


def test_a_row_of_a_compressed_file_has_a_line_and_no_bytes(tmp_path):
    log = _write(tmp_path / "log.jsonl.gz", gzip.compress(b'\n{"n":1}\n'))
    assert locate(SourceFile.of(log), {0}) == {0: Location(2, None, None, hashlib.sha256(b'{"n":1}').hexdigest())}


def test_a_row_of_a_parquet_file_has_its_number_alone():
    assert locate(SourceFile("log.parquet", 0, 0), {4}) == {4: Location(5, None, None, None)}


@settings(max_examples=30, deadline=None)
@given(st.lists(st.one_of(st.integers(0, 99), st.sampled_from(["", "  ", "{", "[1]", '{"n":"x"}'])), max_size=30))
def test_located_rows_are_the_rows_that_were_read(tmp_path_factory, lines):
    texts = [json.dumps({"n": line}) if isinstance(line, int) else line for line in lines]
    log = tmp_path_factory.mktemp("log") / "log.jsonl"
    log.write_text("\n".join(['{"n":0}', *texts]), encoding="utf-8")
    content = log.read_bytes()
    read = _values([log], "n", "defect")
    found = locate(SourceFile.of(log), range(len(read)))
    assert len(found) == len(read)
    for number, (n, defect) in enumerate(read):
        line = content[found[number].byte_start : found[number].byte_end]
        assert defect is not None or json.loads(line) == {"n": n}


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(TEXT.map(lambda text: text.replace("a", "\n")), st.integers(0, 99)), max_size=20))
def test_strict_and_careful_reads_of_csv_give_the_same_rows(tmp_path_factory, entries):
    folder = tmp_path_factory.mktemp("log")
    frame = pl.DataFrame(entries, schema={"f": pl.String, "n": pl.Int64}, orient="row")
    frame.write_csv(folder / "good.csv", quote_style="always")
    (folder / "bad.csv").write_bytes((folder / "good.csv").read_bytes() + b"one-cell\n")
    careful = _values([folder / "bad.csv"], "f", "n", "defect")
    assert careful[:-1] == _values([folder / "good.csv"], "f", "n", "defect")
    assert careful[-1] == (None, None, "malformed_row")
    assert len(locate(SourceFile.of(folder / "bad.csv"), range(99))) == len(entries) + 1


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
def test_any_text_is_one_literal_and_one_name(text):
    cursor = duckdb.execute(f"SELECT {literal(text)} AS {identifier(text)}")
    assert [column[0] for column in cursor.description or ()] == [text]
    assert cursor.fetchone() == (text,)


@pytest.mark.parametrize("text", ["", "a\0b"])
def test_a_name_that_no_column_has_is_refused(text):
    with pytest.raises(ConfigurationError):
        identifier(text)


@pytest.mark.parametrize("name", FORMAT_NAMES)
def test_every_format_is_found_by_its_name_and_declares_itself(name):
    found = find_format(name)
    assert found.name == name
    assert set(found.required) <= set(found.file_types)


def test_an_unknown_format_lists_those_that_there_are():
    with pytest.raises(ConfigurationError, match="litellm, claude, events"):
        find_format("helicone")
