"""ccusage from npm: the newest version whose program for this machine is published."""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from shutil import which

from benchmarks.claude_logs import CLASSES, Totals

__all__ = ["install", "read_daily"]

KEYS = ("inputTokens", "outputTokens", "cacheReadTokens", "cacheCreationTokens")


def install(folder: Path) -> tuple[Path, str]:
    """Install it below a folder, if it is not there yet; return its command and its version.

    The version of `ccusage` itself is not asked for: it can be ahead of the native packages that it needs.
    """
    platform = _output("node", "--print", "`${process.platform}-${process.arch}`")
    version = _output("npm", "view", f"@ccusage/ccusage-{platform}", "version")
    prefix = folder / f"ccusage-{version}"
    command = prefix / "node_modules" / ".bin" / "ccusage"
    if not command.exists():
        prefix.mkdir(parents=True, exist_ok=True)
        _output("npm", "install", "--no-audit", "--no-fund", "--prefix", str(prefix), f"ccusage@{version}")
    return command, version


def read_daily(command: Path, root: Path) -> Totals:
    """Let it read the logs of a folder; return its tokens by UTC day and class."""
    environment = {**os.environ, "CLAUDE_CONFIG_DIR": str(root), "TZ": "UTC"}
    report = _run([str(command), "claude", "daily", "--offline", "--json"], environment)
    days = json.loads(report).get("daily", [])
    return {day["date"]: dict(zip(CLASSES, (day[key] for key in KEYS), strict=True)) for day in days}


def _output(program: str, *arguments: str) -> str:
    path = which(program)
    if path is None:
        raise SystemExit(f"ccusage is installed by npm, and needs Node.js: put {program} on the PATH")
    return _run([path, *arguments], dict(os.environ)).strip()


def _run(command: Sequence[str], environment: dict[str, str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
    return done.stdout
