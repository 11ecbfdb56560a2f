"""The bytes of a text file, unpacked where it is packed; a damaged file is named, whatever unpacks it."""

import gzip
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol, cast
from zipfile import BadZipFile, ZipFile

import pyarrow as pa  # pyright: ignore[reportMissingTypeStubs] - it has none

from sophia_metrics.errors import ConfigurationError, ProcessingError
from sophia_metrics.sources.file_kind import Compression, compression
from sophia_metrics.sources.file_source import SourceFile

__all__ = ["ByteStream", "changed", "damaged", "is_packed", "open_stream", "translated"]


class ByteStream(Protocol):
    """What is read from."""

    def readinto(self, buffer: memoryview, /) -> int | None:
        """Fill the buffer as far as it goes; 0 is the end."""
        ...


def is_packed(file: SourceFile) -> bool:
    """Whether the bytes in the file are not those of its lines."""
    return file.member is not None or compression(file.path) is not Compression.NONE


@contextmanager
def open_stream(file: SourceFile, byte_start: int = 0) -> Generator[ByteStream]:
    """Open a file for reading, unpacked, from a byte of its text on.

    Raises:
        ConfigurationError: it may not be read, or is encrypted.
        ProcessingError: it is missing or damaged. Reading on may raise the same; wrap it in `translated`.
    """
    with translated(file):
        if file.member is not None:
            with ZipFile(file.path) as archive, archive.open(file.member) as member:
                packed = compression(file.member)
                stream = member if packed is Compression.NONE else _unpack(member, packed)
                yield cast("ByteStream", stream)
            return
        packed = compression(file.path)
        if packed is Compression.NONE:
            with Path(file.path).open("rb", buffering=0) as plain:
                if byte_start:
                    plain.seek(byte_start)
                yield cast("ByteStream", plain)
            return
        with Path(file.path).open("rb") as source:
            yield cast("ByteStream", _unpack(source, packed))


def _unpack(source: object, packed: Compression) -> object:
    if packed is Compression.GZIP:
        return gzip.GzipFile(fileobj=cast("IO[bytes]", source))
    arrow: Any = pa
    return arrow.input_stream(source, compression="zstd")


@contextmanager
def translated(file: SourceFile) -> Generator[None]:
    """Say which file it is that cannot be read, and what to do.

    Raises:
        ConfigurationError: it may not be read, or is encrypted.
        ProcessingError: it is missing or damaged.
    """
    try:
        yield
    except PermissionError:
        raise ConfigurationError(f"{file.name} may not be read: give this user read permission.") from None
    except FileNotFoundError:
        raise ProcessingError(f"{file.name} is missing: it was moved or deleted since it was found.") from None
    except (EOFError, zlib.error, BadZipFile, NotImplementedError, OSError):
        raise damaged(file.name) from None
    except RuntimeError as error:
        # ZipFile has no error of its own for an encrypted member.
        raise ConfigurationError(f"{file.name} is encrypted: unpack it, and ingest what was in it.") from error


def damaged(name: str) -> ProcessingError:
    """Return the error for a file that cannot be read to its end."""
    return ProcessingError(
        f"{name} is damaged: it cannot be read to its end. Get it again where it comes from, or move it away."
    )


def changed(file: SourceFile) -> ProcessingError:
    """Return the error for a file that was written anew while it was read."""
    return ProcessingError(f"{file.name} was written anew while it was read: the next run reads it from its start.")
