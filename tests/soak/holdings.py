"""What a process holds now."""

import os
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

DESCRIPTORS = Path("/proc/self/fd") if sys.platform == "linux" else Path("/dev/fd")


@dataclass(frozen=True)
class Holdings:
    """Counts, and resident memory in MiB (0 where the system does not tell it)."""

    runs: int
    descriptors: int
    sockets: int
    threads: int
    temporary_files: int
    resident_mib: int

    @classmethod
    def after(cls, runs: int, home: Path, temporary: Path) -> "Holdings":
        """Look, after so many runs on a state folder; `temporary` is the folder of temporary files of this process."""
        links = [_target(each) for each in sorted(DESCRIPTORS.iterdir())]
        left = [path for folder in (home / "tmp", home / "runs", temporary) for path in folder.rglob("*")]
        left += home.rglob("*.tmp")
        return cls(
            runs=runs,
            descriptors=len([link for link in links if link is not None]),
            sockets=len([link for link in links if link is not None and link.startswith("socket:")]),
            threads=threading.active_count(),
            temporary_files=len(left),
            resident_mib=_resident_mib(),
        )

    @property
    def countable(self) -> tuple[int, ...]:
        """What must not grow at all."""
        return self.descriptors, self.sockets, self.threads, self.temporary_files


def _target(descriptor: Path) -> str | None:
    """Return what a descriptor is; None: it was that of the look itself."""
    try:
        return str(descriptor.readlink()) if sys.platform == "linux" else descriptor.name
    except FileNotFoundError:
        return None


def _resident_mib() -> int:
    status = Path("/proc/self/statm")
    return int(status.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 2**20 if status.exists() else 0
