"""Retention of landing: landed files go when their rows have been in core for so long that nobody will rebuild them."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from importlib import resources
from pathlib import Path

from sophia_metrics.maintenance.upkeep import Freed
from sophia_metrics.sources.file_source import FileSource
from sophia_metrics.usage.landing import Landing
from sophia_metrics.usage.staging import has_rows_without_id
from sophia_metrics.warehouse.protocol import Query, Warehouse
from sophia_metrics.working import working_connection

__all__ = ["expire_landings"]


def expire_landings(
    warehouse: Warehouse,
    folder: Path,
    sources: Mapping[str, FileSource],
    before: datetime,
    *,
    memory_limit: str,
    is_dry_run: bool = False,
) -> Freed:
    """Remove landed files that were committed, or given up, before an instant; days of theirs cannot be rebuilt then.

    What is held or was never committed stays. So does what stands before rows that are kept, or may still be appended,
    in the same file, where it has rows without an id: their number among equal rows tells those from later ones.

    Args:
        warehouse: knows what was committed when.
        folder: the state folder.
        sources: every source by its name. Of one that is not among them nothing goes that may be needed.
        before: the instant (naive UTC).
        memory_limit: what DuckDB may use.
        is_dry_run: tell what would be removed, and remove nothing.
    """
    freed = Freed()
    for source, path, is_needed in _old(warehouse, folder, before):
        if is_needed and _tells_rows_apart(folder, path, sources.get(source), memory_limit):
            continue
        size = path.stat().st_size
        if not is_dry_run:
            path.unlink(missing_ok=True)
        freed += Freed(1, size)
    return freed


def _old(warehouse: Warehouse, folder: Path, before: datetime) -> Iterator[tuple[str, Path, bool]]:
    """Yield the landed files that are done with and still there: source, path, whether their reading is needed."""
    sql = (resources.files("sophia_metrics") / "sql" / "maintenance" / "old_landings.sql").read_text(encoding="utf-8")
    for source, attempt_id, is_needed in warehouse.read(Query(sql, {"before": before})).iter_rows():
        path = folder / "landing" / source / f"{attempt_id}.parquet"
        if path.exists():
            yield source, path, is_needed


def _tells_rows_apart(folder: Path, path: Path, source: FileSource | None, memory_limit: str) -> bool:
    """Say whether a landed file has rows without an id; where that cannot be told, it may have."""
    if source is None:
        return True
    landing = Landing.read(path)
    if landing.format_sha256 != source.format.sha256:
        return True
    with working_connection(folder, memory_limit) as connection:
        return has_rows_without_id(connection, landing, source.format)
