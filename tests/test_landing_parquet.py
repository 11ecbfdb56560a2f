"""Small Parquet files of the same columns are read together: each row keeps its file, and a bad file its refusal."""

from itertools import pairwise

import duckdb
import polars as pl
import pytest

from sophia_metrics.sources.block import RefusedError
from sophia_metrics.sources.events import FORMAT as EVENTS
from sophia_metrics.sources.parquet_blocks import ParquetBlocks
from sophia_metrics.sources.part import FilePart
from sophia_metrics.usage import landing_writer
from tests.lab import Lab, event
from tests.test_landing import land_parts


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path / "state")


def place(lab, name, ids, **more):
    path = lab.home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame([event(each, **more) for each in [*ids, "spare"]]).head(len(ids)).write_parquet(path)
    return path


def land_files(lab, *paths):
    source = lab.source(*paths)
    return land_parts(lab, source, [FilePart(file, "reading") for file in source.find_files()])


def told(found):
    (landing,) = found.landings
    rows = pl.read_parquet(landing.path).sort("row_ordinal")
    return [(name.rpartition("/")[2], row) for name, row in rows.select("file_name", "id").iter_rows()]


def break_pages(path):
    content = bytearray(path.read_bytes())
    content[4:60] = bytes(56)
    path.write_bytes(content)


def test_each_row_of_files_that_are_read_together_names_its_own(lab):
    paths = [place(lab, "a.parquet", ["a", "b"]), place(lab, "b.parquet", []), place(lab, "c.parquet", ["c"])]

    found = land_files(lab, *paths)

    assert told(found) == [("a.parquet", "a"), ("a.parquet", "b"), ("c.parquet", "c")]
    assert [file.row_count for file in found.landings[0].files] == [2, 0, 1]


def test_many_files_are_told_apart_by_a_join(lab, monkeypatch):
    monkeypatch.setattr(landing_writer, "CASED_FILES", 2)
    paths = [place(lab, f"{name}.parquet", [name]) for name in "abc"]

    assert told(land_files(lab, *paths)) == [(f"{name}.parquet", name) for name in "abc"]


def test_a_file_of_other_columns_among_them_keeps_its_place(lab):
    paths = [
        place(lab, "a.parquet", ["a"]),
        place(lab, "b.parquet", ["b"], user="ada"),
        place(lab, "c.parquet", ["c"]),
    ]

    found = land_files(lab, *paths)

    assert told(found) == [(f"{name}.parquet", name) for name in "abc"]
    users = pl.read_parquet(found.landings[0].path).sort("row_ordinal")["user"]
    assert users.is_null().to_list() == [True, False, True]


def test_a_file_with_a_broken_page_is_refused_and_those_beside_it_are_landed(lab):
    paths = [place(lab, f"{name}.parquet", [name]) for name in "abc"]
    break_pages(paths[1])

    found = land_files(lab, *paths)

    assert told(found) == [("a.parquet", "a"), ("c.parquet", "c")]
    (refusal,) = found.refused
    assert refusal.path.endswith("b.parquet")
    assert "its rows 0 to 1 cannot be read" in refusal.reason


def test_folders_that_tell_other_values_are_read_apart(lab):
    paths = [place(lab, f"user={name}/x.parquet", [name]) for name in "ab"]

    (landing,) = land_files(lab, *paths).landings

    users = pl.read_parquet(landing.path).sort("row_ordinal")["user"].to_list()
    assert all(one != other for one, other in pairwise(users))


def test_a_file_that_is_gone_once_it_was_read_is_the_one_that_is_refused(lab):
    path = place(lab, "a.parquet", ["a"])
    (file,) = lab.source(path).find_files()
    part = FilePart(file, "reading")
    with duckdb.connect() as connection:
        blocks = ParquetBlocks(connection, EVENTS, lab.home)
        assert list(blocks.read(part)) == []
        held = blocks.flush()
        assert next(held).path == str(path)
        path.unlink()

        with pytest.raises(RefusedError, match="missing") as refusal:
            next(held)
    assert refusal.value.part == part
