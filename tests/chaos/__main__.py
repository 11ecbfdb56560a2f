"""Kill runs until it hurts: `python -m tests.chaos --kills 1000 --seed 7`; with `--json` one JSON object comes last."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from tests.chaos.faults import LIBRARY, compile_library, environment, why_not
from tests.chaos.soak import Soak


def main() -> int:
    """Compile the injector and start again with it; then soak, and print the table. 1: a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000, help="how many processes are killed")
    parser.add_argument("--seed", type=int, default=7, help="what decides everything that is drawn")
    parser.add_argument("--at-once", type=int, default=os.cpu_count() or 1, help="how many worlds live side by side")
    parser.add_argument("--worlds", type=int, nargs="+", default=[], help="live in these worlds only, by number")
    parser.add_argument("--folder", type=Path, help="where the worlds live and stay; a temporary folder otherwise")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    given = parser.parse_args()
    if (reason := why_not()) is not None:
        print(f"no faults can be injected here: {reason}", file=sys.stderr)
        return 2
    with TemporaryDirectory(prefix="chaos-") as temporary:
        if LIBRARY not in os.environ:
            command = [sys.executable, "-m", "tests.chaos", *sys.argv[1:]]
            library = compile_library(Path(temporary))
            return subprocess.run(command, env=environment(library), check=False).returncode
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        started = perf_counter()
        tally = Soak(given.kills, given.seed, folder.resolve(), given.at_once, given.worlds).run()
    spent, seconds = os.times(), perf_counter() - started
    cpu_seconds = spent.user + spent.system + spent.children_user + spent.children_system
    print("\n".join(tally.lines()))
    print(f"{'seconds, and of processors':<40} {seconds:>9,.0f} {cpu_seconds:>9,.0f}")
    print("\n".join(tally.complaints()))
    if given.json:
        times = {"seconds": round(seconds, 1), "cpu_seconds": round(cpu_seconds, 1)}
        print(json.dumps({**tally.facts(), **times, "broken": tally.broken}))
    return 0 if tally.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
