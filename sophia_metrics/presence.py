"""Whether the process of a run is still there: it holds a lock that the kernel frees when it dies, however it dies."""

import errno
import fcntl
import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from io import FileIO
from pathlib import Path

from sophia_metrics.errors import ConfigurationError, ServiceUnavailableError, SophiaError

__all__ = ["Trace", "forget_trace", "present", "read_traces"]

SUFFIX = ".run"
MAY_HEAL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO})


@dataclass(frozen=True, slots=True)
class Trace:
    """What a run left in the folder.

    Attributes:
        run_id: the run, as in core_pipeline_runs.
        flow: its flow.
        started_at: its start (naive UTC).
        process_id: its process on this host.
        is_present: the process still holds the run. False: it ended without saying so, by SIGKILL for example.
    """

    run_id: str
    flow: str
    started_at: datetime
    process_id: int
    is_present: bool


@contextmanager
def present(folder: Path, run_id: str, flow: str, started_at: datetime) -> Generator[None]:
    """Hold a run as long as this process works on it; afterwards nothing is left of it in the folder.

    Raises:
        ConfigurationError: the folder cannot be written.
        ServiceUnavailableError: its disk is full, or fails.
    """
    path = folder / f"{run_id}{SUFFIX}"
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp")
    told = {"flow": flow, "started_at": started_at.isoformat(), "process_id": os.getpid()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = temporary.open("wb", buffering=0)
    except OSError as error:
        raise _unwritable(folder, error) from error
    with file:
        try:  # a signal may end the run as soon as its trace is seen
            _show(file, temporary, path, json.dumps(told).encode())
            yield
        finally:
            if _is_same(path, file.fileno()):
                path.unlink()


def _show(file: FileIO, temporary: Path, path: Path, told: bytes) -> None:
    """Lock a trace and write it, and only then let it be seen."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        _write_whole(file, told)
        temporary.rename(path)
    except OSError as error:
        raise _unwritable(path.parent, error) from error


def _write_whole(file: FileIO, content: bytes) -> None:
    if file.write(content) < len(content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _unwritable(folder: Path, error: OSError) -> SophiaError:
    if error.errno in MAY_HEAL:
        return ServiceUnavailableError(f"{folder} cannot be written ({error.strerror}): make room, and run again")
    return ConfigurationError(f"{folder} cannot be written ({error.strerror}): set SOPHIA_HOME to another folder")


def read_traces(folder: Path) -> tuple[Trace, ...]:
    """Return the runs that are held, and those whose process is gone; one that ended as it should left no trace."""
    found = (_read(path) for path in sorted(folder.glob(f"*{SUFFIX}")))
    return tuple(trace for trace in found if trace is not None)


def forget_trace(folder: Path, run_id: str) -> None:
    """Remove what a run left whose process is gone."""
    (folder / f"{run_id}{SUFFIX}").unlink(missing_ok=True)


def _read(path: Path) -> Trace | None:
    """Return a trace. None: the run ended meanwhile, or the machine lost power and with it what the file says."""
    try:
        with path.open(encoding="utf-8") as file:
            is_present = not _can_lock(file.fileno())
            if not is_present and not _is_same(path, file.fileno()):
                return None
            told = json.load(file)
            started_at, process_id = datetime.fromisoformat(told["started_at"]), int(told["process_id"])
            return Trace(path.stem, str(told["flow"]), started_at, process_id, is_present)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError):
        path.unlink(missing_ok=True)
        return None


def _can_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_same(path: Path, descriptor: int) -> bool:
    """Say whether the name still belongs to the file that is open."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
