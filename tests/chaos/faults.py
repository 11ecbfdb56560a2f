"""The fault injector: `faults.c`, compiled where the tests run and loaded before everything else."""

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, Self

import duckdb

from sophia_metrics.warehouse.duckdb import state

LIBRARY = "CHAOS_LIBRARY"
ROOT = Path(__file__).parent.parent.parent
SOURCE = Path(__file__).with_name("faults.c")

Attached = Callable[[Path], AbstractContextManager[Any]]


class Kind(IntEnum):
    """What a process does to the disk, to the port of the webhook, and to the state file. As in faults.c."""

    ANY = 0
    WRITE = 1
    FSYNC = 2
    RENAME = 3
    TRUNCATE = 4
    UNLINK = 5
    POST = 6
    COMMIT = 7


class Action(IntEnum):
    """What happens at the act that is armed. As in faults.c."""

    COUNT = 0
    KILL_BEFORE = 1
    KILL_AFTER = 2
    TORN = 3
    """Some of it is done, and the process is killed."""
    FULL = 4
    """From then on the disk is full; the write at hand finds room for some of it."""
    EIO_ONCE = 5
    STOP = 6
    """The process hangs before it, as by SIGSTOP."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to a process.

    Attributes:
        kind: of the act at which it happens.
        nth: at which of them, from 1.
        action: what happens.
        within: only acts on paths that hold this text count.
        share: so many sixteenths of the bytes of a write are written where it is torn.
    """

    kind: Kind
    nth: int
    action: Action
    within: str = ""
    share: int = 8


def why_not() -> str | None:
    """Say why faults cannot be injected here. None: they can."""
    if sys.platform != "linux":
        return "LD_PRELOAD and /proc are Linux's"
    if shutil.which("cc") is None:
        return "there is no C compiler: install gcc"
    return None


def compile_library(folder: Path) -> Path:
    """Compile the injector into a folder."""
    library = folder / "libfaults.so"
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o", library, SOURCE, "-ldl"], check=True
    )
    return library


def environment(library: Path) -> dict[str, str]:
    """Return the environment of a process that has the injector loaded."""
    return {**os.environ, "LD_PRELOAD": str(library), LIBRARY: str(library)}


def run_under(folder: Path, *module: str) -> subprocess.CompletedProcess[str]:
    """Run a module with the injector loaded, which is compiled into a folder."""
    return subprocess.run(
        [sys.executable, "-m", *module],
        cwd=ROOT,
        env=environment(compile_library(folder)),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


class Faults:
    """The injector of this process, and of those that it forks from now on."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        library.chaos_arm.argtypes = [ctypes.c_int, ctypes.c_long, ctypes.c_int, ctypes.c_int, ctypes.c_char_p]
        library.chaos_watch.argtypes = [ctypes.c_char_p, ctypes.c_int]
        library.chaos_count.restype = ctypes.c_long

    @classmethod
    def loaded(cls) -> Self:
        """Return the injector with which this process was started."""
        return cls(ctypes.CDLL(os.environ[LIBRARY]))

    def watch(self, folder: Path, port: int = 0) -> None:
        """Count acts below a folder, and posts to a port of loopback, from 0 on."""
        self._library.chaos_watch(str(folder.resolve()).encode(), port)

    def arm(self, fault: "Fault") -> None:
        """Let something happen; acts are counted from now on."""
        self._library.chaos_arm(fault.kind, fault.nth, fault.action, fault.share, fault.within.encode())

    def counts(self) -> dict[Kind, int]:
        """Return how many acts there were of each kind since the watch began."""
        return {kind: self._library.chaos_count(kind) for kind in Kind}

    def count_commits(self) -> None:
        """Make each COMMIT of a DuckDB file an act: it is no call that a library could see."""
        connect = duckdb.connect

        def counted(*args: Any, **kwargs: Any) -> Any:
            connection = connect(*args, **kwargs)
            return CountedConnection(connection, self._library.chaos_commit) if args else connection

        duckdb.connect = counted  # type: ignore[assignment]
        state.attached = counting(state.attached, self._library.chaos_commit)


def counting(attached: Attached, commit: Callable[[int], object]) -> Attached:
    """Return what attaches a state file so that `commit` is told of each COMMIT."""

    @contextmanager
    def counted(path: Path) -> Generator[Any]:
        with attached(path) as connection:
            yield CountedConnection(connection, commit)

    return counted


class CountedConnection:
    """A DuckDB connection whose COMMIT is an act: `commit` is told before it (0) and after it (1)."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, commit: Callable[[int], object]) -> None:
        self._connection = connection
        self._commit = commit

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def execute(self, sql: str, *args: Any) -> Any:
        if sql != "COMMIT":
            return self._connection.execute(sql, *args)
        self._commit(0)
        done = self._connection.execute(sql)
        self._commit(1)
        return done

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)
