"""Runs one part of a benchmark as a process of its own, and measures its time and its peak memory."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import Any

__all__ = ["Measured", "finish_part", "machine", "run_part", "run_peer", "warm"]


@dataclass(frozen=True, slots=True)
class Measured:
    """What one part took.

    Attributes:
        part: its name.
        seconds: wall time of the work itself, without starting Python and importing.
        peak_bytes: greatest resident memory of the process, or of a process that it waited for.
        facts: what the part says of its result, so that parts can be compared.
    """

    part: str
    seconds: float
    peak_bytes: int
    facts: dict[str, Any]


def run_part(module: str, part: str, *arguments: str) -> Measured:
    """Run `python -m module --part NAME …` and return what it measured."""
    return _run([sys.executable, "-m", module], part, arguments)


def run_peer(module: str, part: str, *arguments: str, group: str = "benchmarks") -> Measured:
    """Run a part with the packages of a dependency group, in an environment of their own.

    The module may import them, the standard library and this module; our own packages are not there.
    """
    uv = os.environ.get("UV") or which("uv")
    if uv is None:
        raise SystemExit("peers are installed by uv: put it on the PATH")
    command = [uv, "run", "--isolated", "--locked", "--only-group", group, "python", "-m", module]
    return _run(command, part, arguments)


def _run(command: Sequence[str], part: str, arguments: Sequence[str]) -> Measured:
    done = subprocess.run([*command, "--part", part, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{part} failed:\n{done.stderr}")
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def finish_part(part: str, seconds: float, facts: dict[str, Any]) -> None:
    """Print what a part measured, as the last line of its process."""
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    unit = 1 if sys.platform == "darwin" else 1024
    print(json.dumps({"part": part, "seconds": seconds, "peak_bytes": peak * unit, "facts": facts}))


def machine() -> str:
    """Describe the machine in a line."""
    meminfo = Path("/proc/meminfo")
    memory = f", {int(meminfo.read_text().split()[1]) // 1024**2} GiB" if meminfo.exists() else ""
    return f"{os.cpu_count()} cores{memory}, Python {sys.version.split()[0]}"


def warm(*paths: Path) -> None:
    """Bring files into the page cache, so that every part finds them there."""
    for path in paths:
        with path.open("rb") as file:
            while file.read(1 << 20):
                pass
