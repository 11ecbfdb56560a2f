"""Rows of a vendor as columns: batch by batch, so that no more than one batch stands in memory row by row."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np
import polars as pl
from pydantic_core import to_json

from sophia_metrics.sources.format import Format, LandedColumn, is_nested
from sophia_metrics.sources.live.live_format import Bucket, Row
from sophia_metrics.usage.identity import Identity, keyed_hash
from sophia_metrics.windows import EPOCH, Window

__all__ = ["by_window", "distinct", "frame_of", "told"]

BATCH_ROWS = 20_000
TYPES: Mapping[str, pl.DataType] = {
    "VARCHAR": pl.String(),
    "DOUBLE": pl.Float64(),
    "BIGINT": pl.Int64(),
    "BOOLEAN": pl.Boolean(),
    "TIMESTAMPTZ": pl.Datetime("us"),
    "DATE": pl.Date(),
    "DECIMAL(38,12)": pl.Decimal(38, 12),
}
"""How a column of a format stands in a file of the spool; nested values are JSON."""
MICROSECOND = timedelta(microseconds=1)


def frame_of(rows: Iterable[Row | Bucket], file_format: Format, identity: Identity) -> pl.DataFrame:
    """Return rows as columns of the format, in their order, identifiers hashed.

    A key that the format does not read is a number that may be usage: it comes along, and landing notes its name.
    """
    columns = [column for column in file_format.columns if column.name != "read_at"]
    schema = {column.key: _kind(column) for column in columns}
    nested = [column.key for column in columns if is_nested(column.type_in_file)]
    batches = [_batch(batch, schema, nested) for batch in _batches(rows)]
    extra = sorted({name for batch in batches for name in batch.columns} - schema.keys())
    whole = pl.concat([pl.DataFrame(schema=schema), *batches], how="diagonal").select(*schema, *extra)
    return _hashed(whole, columns, identity.secret)


def by_window(rows: pl.DataFrame, instant: str, asked: Window, step: timedelta) -> dict[datetime, pl.DataFrame]:
    """Return the rows by the start of their window; rows outside of what was asked for belong to other windows.

    Args:
        rows: in any order; those of a window keep theirs.
        instant: the column that says when they were.
        asked: what was asked for.
        step: how long a window is.
    """
    inside = rows.filter((pl.col(instant) >= asked.start_at) & (pl.col(instant) < asked.end_at))
    numbers = inside[instant].dt.epoch("us") // (step // MICROSECOND)
    if not numbers.is_sorted():
        return {EPOCH + int(number) * step: inside.filter(numbers == number) for number in numbers.unique()}
    runs = pl.DataFrame({"number": numbers}).group_by("number", maintain_order=True).len()
    ends = runs["len"].cum_sum()
    return {
        EPOCH + int(number) * step: inside.slice(end - count, count)
        for (number, count), end in zip(runs.iter_rows(), ends, strict=True)
    }


def told(rows: pl.DataFrame, file_format: Format) -> pl.DataFrame:
    """Leave out the columns in which nothing is and that the format does not read."""
    read = file_format.file_types.keys()
    return rows.drop(*(name for name in rows.columns if name not in read and not rows[name].count()))


def distinct(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
    """Return each row once, and their hashes."""
    hashes = rows.hash_rows()
    if hashes.n_unique() == rows.height:
        return rows, hashes
    once = rows.unique(maintain_order=True)
    return once, once.hash_rows()


def _batches(rows: Iterable[Row | Bucket]) -> Iterator[list[Bucket]]:
    """Put rows together, in their order: whole buckets, and single rows as one that shares nothing."""
    batch: list[Bucket] = []
    single: list[Row] = []
    count = 0
    for each in rows:
        if isinstance(each, Bucket):
            batch.append(each)
            single = []
            count += len(each.rows)
        else:
            if not single:
                batch.append(Bucket({}, single))
            single.append(each)
            count += 1
        if count >= BATCH_ROWS:
            yield batch
            batch, single, count = [], [], 0
    if count:
        yield batch


def _batch(batch: Sequence[Bucket], schema: Mapping[str, pl.DataType], nested: Sequence[str]) -> pl.DataFrame:
    """Return one batch as those columns that it has: to look for those that it lacks would cost as much again."""
    rows = [row for bucket in batch for row in bucket.rows]
    plain = [_with_text(row, nested) for row in rows] if nested else rows
    shared = sorted(set[str]().union(*(bucket.shared for bucket in batch)))
    named = set[str]().union(*plain).difference(shared) or set(schema).difference(shared)
    frame = pl.DataFrame(plain, schema={name: schema.get(name, pl.Float64()) for name in named}, orient="row")
    place = np.repeat(np.arange(len(batch)), [len(bucket.rows) for bucket in batch])
    values = (pl.Series(name, [each.shared.get(name) for each in batch], dtype=schema[name]) for name in shared)
    return frame.with_columns(series.gather(place) for series in values)


def _hashed(frame: pl.DataFrame, columns: Iterable[LandedColumn], secret: bytes | None) -> pl.DataFrame:
    """Hash each distinct identifier once."""
    if secret is None:
        return frame
    for column in columns:
        if column.is_identity:
            plain = frame[column.key].unique()
            hashes = [keyed_hash(secret, text) if text else None for text in plain]
            hashed = frame[column.key].replace_strict(plain, hashes, return_dtype=pl.String())
            frame = frame.with_columns(hashed)
    return frame


def _kind(column: LandedColumn) -> pl.DataType:
    return pl.String() if is_nested(column.type_in_file) else TYPES[column.type_in_file]


def _with_text(row: Row, nested: Iterable[str]) -> Row:
    """Return a row whose nested values are JSON."""
    texts = {key: to_json(row[key]).decode() for key in nested if row.get(key) is not None}
    return {**row, **texts}
