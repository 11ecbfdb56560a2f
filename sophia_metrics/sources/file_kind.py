"""How a file is written, told from its name."""

from enum import StrEnum
from pathlib import PurePath

from sophia_metrics.errors import ConfigurationError

__all__ = ["FileKind", "file_kind", "is_compressed"]


class FileKind(StrEnum):
    """How rows are written."""

    JSONL = "jsonl"
    """One JSON object a line."""
    CSV = "csv"
    """Delimited text with a header (RFC 4180)."""
    PARQUET = "parquet"


_BY_SUFFIX = {
    ".jsonl": FileKind.JSONL,
    ".ndjson": FileKind.JSONL,
    ".json": FileKind.JSONL,
    ".csv": FileKind.CSV,
    ".tsv": FileKind.CSV,
    ".parquet": FileKind.PARQUET,
}


def is_compressed(path: str) -> bool:
    """Whether the file is gzipped."""
    return path.lower().endswith(".gz")


def file_kind(path: str) -> FileKind:
    """Return how the file is written.

    Raises:
        ConfigurationError: its name does not say.
    """
    name = path[: -len(".gz")] if is_compressed(path) else path
    kind = _BY_SUFFIX.get(PurePath(name).suffix.lower())
    if kind is None or (kind is FileKind.PARQUET and is_compressed(path)):
        raise ConfigurationError(
            f"{path}: the name does not say how the file is written. Rename it, or leave it out of the "
            f"source's paths; known are {', '.join(_BY_SUFFIX)}, and .gz after any of the text formats."
        )
    return kind
