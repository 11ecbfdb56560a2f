"""A person in a small pipeline, and the search for what is left of them in every file of its state folder."""

import gzip
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from sophia_metrics.sources.file_source import FileSource
from sophia_metrics.usage.forget import Forgetter
from sophia_metrics.usage.identity import keyed_hash
from sophia_metrics.warehouse.duckdb.remains import DuckDBRemains
from tests.lab import Lab, event

KEY = b"a key of the tests, not a secret"
ADA, BOB = "ada@example.com", "bob@example.com"


def forgetter(lab: Lab, *sources: FileSource, renew_backups: Any = None) -> Forgetter:
    return Forgetter(
        folder=lab.home,
        warehouse=lab.warehouse,
        sources={source.name: source for source in sources or (lab.source(),)},
        key=KEY,
        remains=DuckDBRemains(lab.home, "1GiB"),
        renew_backups=renew_backups,
        memory_limit="1GiB",
    )


def calls() -> list[dict[str, Any]]:
    """Two days: Ada in a session and with a key of her own, and with a key that Bob uses too."""
    return [
        event("a1", user=ADA, session="ada's", api_key="ada's key", trace_id="t1", prompt_hash="p", tags={"team": "x"}),
        event("a2", "2026-11-19T10:00:00Z", user=ADA, session="ada's", api_key="shared key", project=ADA),
        event("a3", session="ada's"),
        event("a4", api_key="ada's key", tags={"owner": ADA, "feature": "chat"}),
        event("b1", user=BOB, session="bob's", api_key="shared key", request_id="r1", project="search"),
        event("b2", "2026-11-19T11:00:00Z", user=BOB, session="both", tags={"reviewer": ADA}),
        event("a5", "2026-11-19T12:00:00Z", user=ADA, session="both", cost=0.123456789012, currency="USD"),
    ]


def texts_in(home: Path) -> Iterator[tuple[Path, bytes]]:
    """Yield every file of a state folder with all that is in it: its bytes, and its values decompressed."""
    for path in sorted(home.rglob("*")):
        if path.is_file():
            yield path, path.read_bytes() + "\n".join(_values(path)).encode()


def _values(path: Path) -> Iterator[str]:
    if path.suffix == ".parquet":
        yield from (str(row) for row in pl.read_parquet(path, glob=False).iter_rows())
        yield str(pl.read_parquet_metadata(path))
    elif path.suffix == ".duckdb":
        with duckdb.connect(path, read_only=True) as connection:
            for (name,) in connection.sql("SELECT table_name FROM duckdb_tables()").fetchall():
                yield from (str(row) for row in connection.sql(f'SELECT * FROM "{name}"').fetchall())
            yield from (str(row) for row in connection.sql("SELECT sql FROM duckdb_views()").fetchall())
    elif path.suffix == ".gz":
        yield gzip.decompress(path.read_bytes()).decode(errors="replace")
    elif path.suffix == ".db":
        with sqlite3.connect(path) as connection:
            yield from connection.iterdump()


def files_with(home: Path, *planted: str) -> list[str]:
    """Return the files of a state folder in which one of these texts is."""
    return [str(path) for path, text in texts_in(home) if any(each.encode() in text for each in planted)]


def stored(*identifiers: str) -> list[str]:
    """Return identifiers, and what the tables have in their place."""
    return [*identifiers, *(keyed_hash(KEY, each) for each in identifiers)]
