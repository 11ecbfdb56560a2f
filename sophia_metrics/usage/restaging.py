"""Staging landed files once more, for whoever judges their rows outside of the commit."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from sophia_metrics.frames import fetch_frame
from sophia_metrics.quality.batch import ROWS_IN_BATCH, Batch, batch_query
from sophia_metrics.quality.suites import STAGED
from sophia_metrics.sources.file_source import FileSource
from sophia_metrics.usage.landing import Landing
from sophia_metrics.usage.staging import stage
from sophia_metrics.working import working_connection

__all__ = ["staged_batches"]


def staged_batches(
    folder: Path, source: FileSource, attempt_id: str, now: datetime, *, memory_limit: str
) -> Iterator[Batch]:
    """Yield the mapped rows of a landed file, committed or held, in batches; none where the file is gone."""
    path = folder / "landing" / source.name / f"{attempt_id}.parquet"
    if not path.exists():
        return
    landing = Landing.read(path)
    part_count = max(1, -(-landing.row_count // ROWS_IN_BATCH))
    with working_connection(folder, memory_limit) as connection:
        stage(connection, landing, source.format, source.terms, now)
        for part in range(part_count):
            sql = batch_query(STAGED, "getvariable('now')", part=part, part_count=part_count)
            yield Batch(STAGED, fetch_frame(connection, sql))
