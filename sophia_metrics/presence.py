"""Whether the process of a run is still there: it holds a lock that the kernel frees when it dies, however it dies."""

import fcntl
import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

__all__ = ["Trace", "forget_trace", "present", "read_traces"]

SUFFIX = ".run"


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
    """Hold a run as long as this process works on it; afterwards nothing is left of it in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{run_id}{SUFFIX}"
    temporary = folder / f".{run_id}.{os.getpid()}.tmp"
    with temporary.open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        json.dump({"flow": flow, "started_at": started_at.isoformat(), "process_id": os.getpid()}, file)
        file.flush()
        temporary.rename(path)  # it is locked before anybody can see it
        try:
            yield
        finally:
            if _is_same(path, file.fileno()):
                path.unlink()


def read_traces(folder: Path) -> tuple[Trace, ...]:
    """Return the runs that are held, and those whose process is gone; one that ended as it should left no trace."""
    found = (_read(path) for path in sorted(folder.glob(f"*{SUFFIX}")))
    return tuple(trace for trace in found if trace is not None)


def forget_trace(folder: Path, run_id: str) -> None:
    """Remove what a run left whose process is gone."""
    (folder / f"{run_id}{SUFFIX}").unlink(missing_ok=True)


def _read(path: Path) -> Trace | None:
    """Return a trace. None: the run ended meanwhile."""
    try:
        with path.open(encoding="utf-8") as file:
            is_present = not _can_lock(file.fileno())
            if not is_present and not _is_same(path, file.fileno()):
                return None
            told = json.load(file)
    except FileNotFoundError:
        return None
    return Trace(
        path.stem, told["flow"], datetime.fromisoformat(told["started_at"]), int(told["process_id"]), is_present
    )


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
