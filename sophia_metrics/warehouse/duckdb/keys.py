"""Keys: an event on a day as one number, so that those of a whole history are kept in a few bytes and compared fast.

A key is the first 48 bits of the event's id and, below them, the day in 16 bits. The keys of one event are therefore
neighbours in ascending order. Two events share their 48 bits about once in 300 million million pairs: whoever finds
them together looks at the whole ids.
"""

from collections.abc import Iterable
from datetime import date, timedelta

import duckdb
import polars as pl

from sophia_metrics.frames import fetch_frame

__all__ = ["DAYS", "EVENT_BITS", "days_of", "read_keys", "standing_apart", "without"]

EPOCH = date(1970, 1, 1)
DAYS = 1 << 16
"""So many days a key can tell apart: they last until 2149."""

EVENT_BITS = "CAST('0x' || left(event_id, 12) AS UBIGINT)"
KEY = f"{EVENT_BITS} * {DAYS} + CAST(usage_on - DATE '{EPOCH}' AS UBIGINT)"


def read_keys(connection: duckdb.DuckDBPyConnection) -> pl.Series:
    """Return the keys of `core_events`, ascending, each once."""
    return fetch_frame(connection, f"SELECT {KEY} AS key FROM core_events")["key"].unique().sort()


def standing_apart(keys: Iterable[pl.Series]) -> pl.Series:
    """Return those of some keys whose event has more than one of them, ascending, each once."""
    together = pl.concat(keys).unique().sort()
    events = together // DAYS
    return together.filter((events == events.shift(1)) | (events == events.shift(-1)))


def without(keys: pl.Series, known: pl.Series) -> pl.Series:
    """Return the keys that are not among the known ones, in the same order."""
    rest = keys.to_frame("key").join(known.to_frame("key"), on="key", how="anti", maintain_order="left")
    return rest["key"]


def days_of(keys: pl.Series) -> list[date]:
    """Return the days of some keys, in order."""
    return [EPOCH + timedelta(days=day) for day in (keys % DAYS).unique().sort()]
