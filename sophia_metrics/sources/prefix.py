"""The fingerprint of the first bytes of a file: whether what was read of it still stands there."""

import hashlib
import os

__all__ = ["WHOLE_PREFIX_BYTES", "prefix_sha256"]

BLOCK_BYTES = 1 << 20
BLOCKS = 64
WHOLE_PREFIX_BYTES = BLOCKS * BLOCK_BYTES
"""A prefix of up to 64 MiB is hashed whole, a longer one at 64 places that are spread evenly over it, both ends among
them: so the cost of looking at a log does not grow with it."""


def prefix_sha256(descriptor: int, size_bytes: int) -> str:
    """Return the fingerprint of the first bytes of an open file, in hex: up to 64 MiB their SHA-256."""
    digest = hashlib.sha256()
    for start, end in _places(size_bytes):
        at = start
        while at < end and (block := os.pread(descriptor, end - at, at)):
            digest.update(block)
            at += len(block)
    return digest.hexdigest()


def _places(size_bytes: int) -> list[tuple[int, int]]:
    if size_bytes <= WHOLE_PREFIX_BYTES:
        return [(start, min(start + BLOCK_BYTES, size_bytes)) for start in range(0, size_bytes, BLOCK_BYTES)]
    last = size_bytes - BLOCK_BYTES
    starts = (last * place // (BLOCKS - 1) for place in range(BLOCKS))
    return [(start, start + BLOCK_BYTES) for start in starts]
