"""What is left of the past: older versions, and day files that nothing lists any more.

They go at once where somebody who was forgotten is in them. A file that is about to be listed is never touched: rows
that hold such a person are refused when their files are switched in.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from sophia_metrics import schema
from sophia_metrics.errors import handle_service_errors
from sophia_metrics.schema.column import Storage
from sophia_metrics.usage.forget import Purged
from sophia_metrics.usage.tombstones import Tombstones
from sophia_metrics.warehouse.duckdb.damage import DAMAGED_FOLDER
from sophia_metrics.warehouse.duckdb.state import StateFile
from sophia_metrics.working import working_connection

__all__ = ["DuckDBRemains"]

JSON_COLUMNS = frozenset({"tags", "kept_values"})


@dataclass(frozen=True, slots=True)
class DuckDBRemains:
    """The remains in a state folder."""

    folder: Path
    memory_limit: str = "4GiB"

    @handle_service_errors(
        "removing what still shows a forgotten person",
        unavailable=(OSError, duckdb.IOException),
        advice="another run was removing files too, or the disk fails: run it again",
    )
    def purge(self, tombstones: Tombstones, version: int) -> Purged:
        """Remove the versions before this one, and the unlisted day files in which one of these people is.

        Files that were damaged go whoever is in them: nobody can tell.

        Args:
            tombstones: these people.
            version: the number of the version that shows nobody of them.
        """
        with StateFile(self.folder).transaction() as locked:
            old = [path for path in (self.folder / "serving").glob("v*.duckdb") if int(path.stem[1:]) < version]
            for path in old:
                path.unlink()
            listed = {str(path) for (path,) in locked.execute("SELECT path FROM manifest").fetchall()}
        damaged = list((self.folder / DAMAGED_FOLDER).rglob("*.parquet"))
        for path in damaged:
            path.unlink(missing_ok=True)
        removed = len(damaged)
        for table in schema.stored(Storage.DAY_FILES):
            paths = [
                path
                for path in (self.folder / table.folder).glob(f"{table.day}=*/*.parquet")
                if path.name != "empty.parquet" and str(path.relative_to(self.folder)) not in listed
            ]
            for path in self._holding(paths, tombstones):
                path.unlink(missing_ok=True)
                removed += 1
        return Purged(len(old), removed)

    def _holding(self, paths: list[Path], tombstones: Tombstones) -> Iterator[Path]:
        """Yield those of some files of one table in which one of these people is, in whatever text column."""
        if not paths:
            return
        with working_connection(self.folder, self.memory_limit) as connection:
            connection.execute("SET VARIABLE paths = (SELECT $1::VARCHAR[])", [list(map(str, paths))])
            rows = (
                "read_parquet(getvariable('paths'), union_by_name = true, filename = true, hive_partitioning = false)"
            )
            described = connection.execute(f"DESCRIBE SELECT * FROM {rows}").fetchall()
            texts = [
                f"SELECT filename, {_texts(str(name))} AS value FROM {rows} WHERE {name} IS NOT NULL"
                for name, kind, *_ in described
                if kind == "VARCHAR" and name != "filename"
            ]
            if not texts:
                return
            connection.execute(f"CREATE TABLE file_texts AS {' UNION '.join(texts)}")
            tombstones.mark(connection, "SELECT value FROM file_texts")
            found = connection.execute(
                "SELECT DISTINCT filename FROM file_texts SEMI JOIN forgotten_values USING (value)"
            ).fetchall()
        yield from (Path(str(path)) for (path,) in found)


def _texts(column: str) -> str:
    if column not in JSON_COLUMNS:
        return column
    entries = f"map_entries(CAST(CAST({column} AS JSON) AS MAP(VARCHAR, VARCHAR)))"
    return (
        f"unnest(flatten(list_transform({entries}, lambda entry: "
        "[entry.key, trim(split_part(entry.key, ':', 1)), trim(substr(entry.key, strpos(entry.key, ':') + 1)), "
        "entry.value])))"
    )
