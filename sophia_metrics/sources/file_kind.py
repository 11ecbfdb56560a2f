"""How a file is written, told from its name."""

from enum import StrEnum

from sophia_metrics.errors import ConfigurationError

__all__ = ["SUFFIXES", "Compression", "FileKind", "compression", "file_kind", "is_known"]


class FileKind(StrEnum):
    """How rows are written."""

    JSONL = "jsonl"
    """One JSON object a line; a .json file may also be one array of objects."""
    CSV = "csv"
    """Delimited text with a header (RFC 4180)."""
    PARQUET = "parquet"


class Compression(StrEnum):
    """How the bytes of a text file are packed."""

    NONE = "none"
    GZIP = "gzip"
    ZSTD = "zstd"


SUFFIXES = {
    ".jsonl": FileKind.JSONL,
    ".ndjson": FileKind.JSONL,
    ".json": FileKind.JSONL,
    ".csv": FileKind.CSV,
    ".tsv": FileKind.CSV,
    ".parquet": FileKind.PARQUET,
}
"""The last part of a file's name, compression left out."""

_PACKED = {".gz": Compression.GZIP, ".zst": Compression.ZSTD}


def compression(name: str) -> Compression:
    """Return how the file is packed."""
    return _PACKED.get(_suffix(name), Compression.NONE)


def is_known(name: str) -> bool:
    """Say whether the name tells how the file is written."""
    return _kind(name) is not None


def file_kind(name: str) -> FileKind:
    """Return how the file is written.

    Raises:
        ConfigurationError: its name does not say.
    """
    kind = _kind(name)
    if kind is None:
        raise ConfigurationError(
            f"{name}: the name does not say how the file is written. Rename it, or leave it out of the "
            f"source's paths; known are {', '.join(SUFFIXES)}, .gz or .zst after any of the text formats, and .zip."
        )
    return kind


def _kind(name: str) -> FileKind | None:
    packed = compression(name) is not Compression.NONE
    kind = SUFFIXES.get(_suffix(name.rpartition(".")[0] if packed else name))
    return None if packed and kind is FileKind.PARQUET else kind


def _suffix(name: str) -> str:
    """Return the last suffix in small letters; Path would take thousands of names apart for it."""
    last = name.rpartition("/")[2]
    return last[last.rfind(".") :].lower() if "." in last.lstrip(".") else ""
