"""A spool: lines of files, copied into memory, where the engine reads them as one file.

What is hashed is what is read, whatever happens to the file meanwhile; and thousands of small files are read
as fast as one large one.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryFile
from typing import Self
from weakref import finalize

__all__ = ["Spool"]

_WRITTEN_BYTES = 1 << 16


class Spool:
    """Bytes that have a path: in memory on Linux, in a nameless temporary file elsewhere.

    The memory is given back when it is closed, or when nobody refers to it any more.
    """

    def __init__(self, folder: Path) -> None:
        self.size = 0
        if hasattr(os, "memfd_create"):
            self._descriptor = os.memfd_create("sophia-spool")
        else:
            with TemporaryFile(dir=folder) as file:
                self._descriptor = os.dup(file.fileno())
        self._close = finalize(self, os.close, self._descriptor)

    @property
    def path(self) -> str:
        """Where the engine finds what was written so far, and nothing behind it."""
        os.ftruncate(self._descriptor, self.size)
        return f"/dev/fd/{self._descriptor}"

    def write(self, content: bytes | bytearray | memoryview) -> None:
        """Append."""
        view = memoryview(content)
        while view:
            written = os.write(self._descriptor, view)
            self.size += written
            view = view[written:]

    def write_all(self, texts: Iterable[bytes]) -> None:
        """Append each of the texts; small ones are written together."""
        held: list[bytes] = []
        size = 0
        for text in texts:
            held.append(text)
            size += len(text)
            if size >= _WRITTEN_BYTES:
                self.write(b"".join(held))
                held.clear()
                size = 0
        self.write(b"".join(held))

    def clear(self) -> None:
        """Begin anew: what is there is written over, because memory that is given back is dear to get again."""
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        self.size = 0

    def close(self) -> None:
        """Give the memory back."""
        self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
