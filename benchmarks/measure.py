"""Runs one part of a benchmark as a process of its own, and measures its time and its peak memory."""

import json
import os
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

__all__ = ["Measured", "finish_part", "run_part"]


@dataclass(frozen=True, slots=True)
class Measured:
    """What one part took.

    Attributes:
        part: its name.
        seconds: wall time of the work itself, without starting Python and importing.
        peak_bytes: greatest resident memory of the process.
        facts: what the part says of its result, so that parts can be compared.
    """

    part: str
    seconds: float
    peak_bytes: int
    facts: dict[str, Any]


def run_part(module: str, part: str, *arguments: str) -> Measured:
    """Run `python -m module --part NAME …` and return what it measured."""
    done = subprocess.run(
        [sys.executable, "-m", module, "--part", part, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{part} failed:\n{done.stderr}")
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


def finish_part(part: str, started: float, facts: dict[str, Any]) -> None:
    """Print what a part measured, as the last line of its process."""
    seconds = perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    unit = 1 if sys.platform == "darwin" else 1024
    print(json.dumps({"part": part, "seconds": seconds, "peak_bytes": peak * unit, "facts": facts}))


def machine() -> str:
    """Describe the machine in a line."""
    meminfo = Path("/proc/meminfo")
    memory = f", {int(meminfo.read_text().split()[1]) // 1024**2} GiB" if meminfo.exists() else ""
    return f"{os.cpu_count()} cores{memory}, Python {sys.version.split()[0]}"
