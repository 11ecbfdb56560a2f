"""Writes that survive a crash: every fsync, rename and link of the warehouse goes through here."""

import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from uuid import uuid4

__all__ = [
    "hash_file",
    "make_folder",
    "make_folders",
    "place_file",
    "point_to",
    "sync_file",
    "sync_folder",
    "unplaced_file",
]


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_file(path: Path) -> None:
    """Force a file's content to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(path: Path) -> None:
    """Force a folder's list of names to disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(path: Path) -> None:
    """Make a folder and those above it, each with its name on disk; does nothing where it exists."""
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(exist_ok=True)
    sync_folder(path.parent)


def unplaced_file(path: Path) -> Path:
    """Return a temporary name beside it, in a folder that exists; the caller syncs it and renames or removes it."""
    make_folder(path.parent)
    return _beside(path)


def make_folders(paths: Iterable[Path]) -> None:
    """Make several folders, each with its name on disk; a folder that gets many new ones is synced once."""
    missing = [path for path in paths if not path.is_dir()]
    parents = {path.parent for path in missing}
    for parent in parents:
        make_folder(parent)
    for path in missing:
        path.mkdir(exist_ok=True)
    for parent in parents:
        sync_folder(parent)


def place_file(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file beside it, then give it its name: the file is whole or absent.

    The name itself is durable only after `sync_folder` of its folder.
    """
    temporary = unplaced_file(path)
    try:
        write(temporary)
        sync_file(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def point_to(link: Path, target_name: str) -> None:
    """Swap a symbolic link to another name in the same folder, in one step."""
    temporary = _beside(link)
    try:
        temporary.symlink_to(target_name)
        temporary.replace(link)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(link.parent)


def _beside(path: Path) -> Path:
    """Return a hidden name in the same folder that no other thread or process uses."""
    return path.with_name(f".{path.name}.{uuid4().hex}.tmp")
