"""Working connections: DuckDB in memory, for staging, merging and building, with bounded memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

__all__ = ["working_connection"]


@contextmanager
def working_connection(folder: Path, memory_limit: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a connection whose tables live in memory and spill to the state folder, and nowhere else.

    Args:
        folder: the state folder, for the spill files; they are gone when the connection closes.
        memory_limit: what DuckDB may use, such as "4GiB".
    """
    spill = folder / "tmp"
    spill.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=spill, prefix="spill-") as temporary:
        connection = duckdb.connect(config={"memory_limit": memory_limit, "temp_directory": temporary})
        try:
            connection.execute("SET TimeZone = 'UTC'")
            yield connection
        finally:
            connection.close()
