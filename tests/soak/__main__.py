"""Run the pipeline many times in one process, and print what it holds: `uv run python -m tests.soak --runs 500`."""

import argparse
import logging
import sys
from dataclasses import astuple, fields
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.soak.holdings import Holdings
from tests.soak.life import live

WARM_RUNS = 10


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=500)
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    seen: list[Holdings] = []
    print("  ".join(f"{each.name:>15}" for each in fields(Holdings)), flush=True)
    with TemporaryDirectory(prefix="sophia-soak-") as folder:
        for each in live(Path(folder), arguments.runs, every=max(WARM_RUNS, arguments.runs // 20)):
            seen.append(each)
            print("  ".join(f"{value:>15,}" for value in astuple(each)), flush=True)
    is_flat = seen[-1].countable <= seen[0].countable
    print("flat: nothing that can be counted has grown" if is_flat else "LEAK: something has grown")
    return 0 if is_flat else 1


if __name__ == "__main__":
    sys.exit(main())
