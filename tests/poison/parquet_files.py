"""Parquet files, whole and damaged."""

import io
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.poison.good_rows import json_row
from tests.poison.poison import Content, Poison, Rejected

__all__ = ["PARQUET_FILES"]


def _rows(name: str, count: int = 5) -> list[dict[str, Any]]:
    return [json_row("events", f"{name}#{number}") for number in range(1, count + 1)]


def _parquet(rows: Sequence[dict[str, Any]]) -> bytes:
    target = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows)), target, compression="zstd", use_dictionary=False)
    return target.getvalue()


def _good(rows: Sequence[dict[str, Any]]) -> Content:
    return Content(_parquet(rows), tuple(row["request_id"] for row in rows))


def _bad(rows: list[dict[str, Any]], rule: str, **fields: Any) -> Content:
    """Spoil the fourth row."""
    good = tuple(row["request_id"] for row in rows if row is not rows[3])
    rows[3].update(fields, request_id="bad")
    return Content(_parquet(rows), good, (Rejected(rule, 4),))


def _refused(data: bytes, phrase: str = "is damaged") -> Content:
    return Content(data, refused=phrase)


def _texts(name: str) -> list[dict[str, Any]]:
    return [{**row, "input_tokens": "1000", "output_tokens": "100"} for row in _rows(name)]


def _floats(name: str) -> list[dict[str, Any]]:
    return [{**row, "output_tokens": 100.0} for row in _rows(name)]


def _without(name: str, key: str) -> list[dict[str, Any]]:
    return [{column: value for column, value in row.items() if column != key} for row in _rows(name)]


def _damaged_page(name: str) -> Content:
    """Write over the end of the column of models: the footer stays whole."""
    data = bytearray(_parquet(_rows(name, 500)))
    row_group = pq.ParquetFile(io.BytesIO(bytes(data))).metadata.row_group(0)
    columns = [row_group.column(place) for place in range(row_group.num_columns)]
    models = next(column for column in columns if column.path_in_schema == "model")
    end = models.data_page_offset + models.total_compressed_size
    data[end - 12 : end] = b"\xff" * 12
    return _refused(bytes(data))


def _no_rows(name: str) -> bytes:
    target = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(_rows(name)).slice(0, 0), target)
    return target.getvalue()


PARQUET_FILES: tuple[Poison, ...] = (
    Poison("good.parquet", "a good Parquet file", lambda name: _good(_rows(name))),
    Poison("no_rows.parquet", "a Parquet file without rows", lambda name: Content(_no_rows(name))),
    Poison("numbers_in_texts.parquet", "numbers in a column of texts", lambda name: _good(_texts(name))),
    Poison("whole_floats.parquet", "whole numbers in a column of floats", lambda name: _good(_floats(name))),
    Poison(
        "words_in_texts.parquet",
        "a word in a column of texts where a count belongs",
        lambda name: _bad(_texts(name), "wrong_type", output_tokens="many"),
    ),
    Poison(
        "fraction.parquet",
        "a fraction where a count belongs",
        lambda name: _bad(_floats(name), "fractional_count", output_tokens=12.7),
    ),
    Poison(
        "not_a_number.parquet",
        "a NaN where a count belongs",
        lambda name: _bad(_floats(name), "fractional_count", output_tokens=float("nan")),
    ),
    Poison(
        "negative.parquet",
        "output below zero",
        lambda name: _bad(_rows(name), "negative_output_tokens", output_tokens=-5),
    ),
    Poison(
        "no_model.parquet",
        "no column for the model",
        lambda name: _refused(_parquet(_without(name, "model")), "lacks the columns model"),
    ),
    Poison("text.parquet", "text that is named .parquet", lambda _: _refused(b"PAR1 and nothing of it\n")),
    Poison("empty.parquet", "an empty file that is named .parquet", lambda _: _refused(b"")),
    Poison("cut.parquet", "a Parquet file is cut off", lambda name: _refused(_parquet(_rows(name, 500))[:-300])),
    Poison("cut_start.parquet", "the start is missing", lambda name: _refused(_parquet(_rows(name, 500))[300:])),
    Poison("damaged_page.parquet", "a page is overwritten", _damaged_page),
)
