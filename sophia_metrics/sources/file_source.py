"""A source that is a set of files on this machine: where they are, and which of them there are now."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from glob import glob, has_magic
from pathlib import Path
from time import perf_counter
from typing import Self
from zipfile import BadZipFile, ZipFile

from sophia_metrics.errors import ConfigurationError
from sophia_metrics.services import Health, HealthStatus, ServiceLifecycle
from sophia_metrics.sources.file_kind import is_known
from sophia_metrics.sources.format import Format
from sophia_metrics.sources.terms import SourceTerms

__all__ = ["FileSource", "SourceFile", "find_files"]


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of a source, as it was when it was found.

    Attributes:
        path: absolute path.
        size_bytes: its length.
        modified_ns: its time of modification, in nanoseconds of the epoch.
        member: the file inside a .zip archive that is meant. None: the file itself.
    """

    path: str
    size_bytes: int
    modified_ns: int
    member: str | None = None

    @classmethod
    def of(cls, path: Path | str) -> Self:
        """Look at a file on disk."""
        seen = os.stat(path)  # noqa: PTH116 - a Path for each of thousands of files is dear
        return cls(str(path), seen.st_size, seen.st_mtime_ns)

    @property
    def name(self) -> str:
        """What the ledger calls it: the path, and the member after an exclamation mark."""
        return self.path if self.member is None else f"{self.path}!{self.member}"


def find_files(paths: Iterable[str]) -> tuple[SourceFile, ...]:
    """Return the files that there are now under files, folders or globs; see FileSource.find_files.

    Raises:
        ConfigurationError: a path without a wildcard does not exist, or may not be read.
    """
    folders: dict[str, str] = {}
    found = {_resolved(path, folders) for pattern in paths for path in _expand(pattern)}
    return tuple(file for path in sorted(found) for file in _members(path))


class FileSource(ServiceLifecycle):
    """Usage files of one format under some paths: files, folders or globs."""

    is_hashed = False
    """Identifiers of people stand in the files as hashes already."""
    batch_files: int | None = None
    """No more files than this are landed and committed at once. None: only their bytes count."""

    def __init__(self, terms: SourceTerms, file_format: Format, paths: tuple[str, ...]) -> None:
        self.terms = terms
        self.format = file_format
        self.paths = paths or file_format.default_paths

    @property
    def name(self) -> str:
        """The name of the source."""
        return self.terms.name

    def find_files(self) -> tuple[SourceFile, ...]:
        """Return the files that there are now, each once, by path; those inside an archive by their names.

        Raises:
            ConfigurationError: a path without a wildcard does not exist, or may not be read.
        """
        return find_files(self.paths)

    async def health_check(self) -> Health:
        """Look for the files; a source without files is unknown, never healthy."""
        started = perf_counter()
        try:
            files = self.find_files()
        except ConfigurationError as error:
            return Health(self.name, HealthStatus.DOWN, str(error))
        elapsed_ms = (perf_counter() - started) * 1000
        facts = {"file_count": len(files), "size_bytes": sum(file.size_bytes for file in files)}
        if not files:
            return Health(self.name, HealthStatus.UNKNOWN, f"no file under {', '.join(self.paths)}", elapsed_ms, facts)
        return Health(self.name, HealthStatus.HEALTHY, f"{len(files)} files", elapsed_ms, facts)

    async def get_metrics(self) -> Mapping[str, float | int | None]:
        """Files and bytes that there are now."""
        files = self.find_files()
        return {"file_count": len(files), "size_bytes": sum(file.size_bytes for file in files)}


def _resolved(path: str, folders: dict[str, str]) -> str:
    """Return where a file really is, links followed; `folders` remembers where folders are."""
    if os.path.islink(path):  # noqa: PTH114 - see SourceFile.of
        return os.path.realpath(path)
    folder, _, name = path.rpartition("/")
    if folder not in folders:
        folders[folder] = os.path.realpath(folder or "/")
    return f"{folders[folder].rstrip('/')}/{name}"


def _expand(pattern: str) -> Iterator[str]:
    expanded = str(Path(pattern).expanduser())
    if has_magic(expanded) and not Path(expanded).exists():
        found = glob(expanded, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute pattern
        yield from (each for each in map(os.path.abspath, found) if os.path.isfile(each))  # noqa: PTH113 - see SourceFile.of
        return
    path = Path(expanded)
    if not path.exists():
        raise ConfigurationError(f"{path} does not exist: correct the path, or the paths of the source in sophia.toml")
    if not os.access(path, os.R_OK):
        raise _unreadable(path)
    if path.is_dir():
        yield from _files_under(str(path.absolute()))
        return
    yield str(path.absolute())


def _files_under(folder: str) -> Iterator[str]:
    """Yield the usage files of a folder and of those in it; links to folders are not followed."""
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:  # it went away since it was listed
        return
    except PermissionError as error:
        raise _unreadable(folder) from error
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _files_under(entry.path)
        elif _is_usage(entry.name) and entry.is_file():
            yield entry.path


def _unreadable(path: Path | str) -> ConfigurationError:
    return ConfigurationError(f"{path} may not be read: give this user read permission")


def _is_usage(name: str) -> bool:
    """Say whether a file of a folder is taken; one that is named itself is taken whatever its name."""
    return is_known(name) or name.lower().endswith(".zip")


def _is_of_mac(name: str) -> bool:
    """Say whether a member of an archive is what macOS notes about another one."""
    return name.startswith("__MACOSX/") or name.rpartition("/")[2].startswith("._")


def _members(path: str) -> Iterator[SourceFile]:
    """Yield the file itself, or the usage files of an archive; one that cannot be opened is refused when it is read."""
    try:
        file = SourceFile.of(path)
    except FileNotFoundError:  # it went away since it was listed
        return
    if not path.lower().endswith(".zip"):
        yield file
        return
    try:
        with ZipFile(path) as archive:
            names = sorted({name for name in archive.namelist() if is_known(name) and not _is_of_mac(name)})
    except (BadZipFile, OSError):
        yield file
        return
    yield from (replace(file, member=name) for name in names)
