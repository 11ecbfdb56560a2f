"""The engine of this process, to which a state file is attached for one transaction.

An engine takes seven times as long to make as a file takes to attach, and a run has dozens of transactions.
"""

import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from functools import cache
from itertools import count
from pathlib import Path
from threading import Lock

import duckdb

from sophia_metrics.quoting import literal

__all__ = ["attached"]

_NUMBERS = count()
_LOCK = Lock()
"""While it is held an engine is made, asked for a connection, or given up."""
_BROKEN = (duckdb.FatalException, duckdb.InternalException)
"""After one of these an engine answers nothing more."""


@contextmanager
def attached(path: Path) -> Generator[duckdb.DuckDBPyConnection]:
    """Yield a connection whose tables are those of a file; afterwards no process is kept from opening the file.

    Raises:
        duckdb.Error: the file cannot be opened, because it is damaged or because another program has it open.
    """
    engine, connection = _connect()
    name = f"attached_{next(_NUMBERS)}"
    try:
        connection.execute(f"ATTACH {literal(str(path))} AS {name}")
        try:
            connection.execute(f"USE {name}")
            yield connection
        finally:
            connection.close()
            _detach(engine, name)
    except _BROKEN:
        _give_up(engine)
        raise
    finally:
        connection.close()


def _detach(engine: duckdb.DuckDBPyConnection, name: str) -> None:
    """Close a file. What is committed is in its log at least: if it cannot be brought from there, the next one does."""
    try:
        with _LOCK, engine.cursor() as connection:
            connection.execute(f"DETACH {name}")
    except duckdb.Error:
        _give_up(engine)


def _connect() -> tuple[duckdb.DuckDBPyConnection, duckdb.DuckDBPyConnection]:
    with _LOCK:
        engine = _engine(os.getpid())
        return engine, engine.cursor()


@cache
def _engine(process_id: int) -> duckdb.DuckDBPyConnection:  # noqa: ARG001 - a fork has none of the engine's threads
    return duckdb.connect(config={"temp_directory": ""})  # what is in a state file is small: it spills nowhere


def _give_up(engine: duckdb.DuckDBPyConnection) -> None:
    with _LOCK:
        if _engine(os.getpid()) is engine:
            _engine.cache_clear()
        with suppress(duckdb.Error):
            engine.close()
