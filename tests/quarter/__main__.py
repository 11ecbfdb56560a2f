"""Live through the whole quarter and print what was said: `uv run python -m tests.quarter`. 1: not what is expected."""

import logging
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.quarter.expected import expected
from tests.quarter.life import Quarter
from tests.quarter.usage import days
from tests.receiver import HANG, RESET, Receiver


def main() -> int:
    logging.disable(logging.WARNING)
    with ExitStack() as stack:
        receivers = {name: stack.enter_context(Receiver()) for name in ("ops", "shaky", "gone")}
        receivers["shaky"].answers(500, HANG, 429, RESET, 503)
        receivers["gone"].answers(*[302] * 10_000)
        os.environ["QUARTER_SECRET"] = "a key of the simulation"  # noqa: S105 - made up
        os.environ.update({f"QUARTER_{name}_URL": each.url for name, each in receivers.items()})
        quarter = Quarter(Path(stack.enter_context(TemporaryDirectory(prefix="sophia-quarter-"))), receivers)
        quarter.live(days())
        return _tell(quarter)


def _tell(quarter: Quarter) -> int:
    """Print every message, and what is wrong with them; 0: nothing is."""
    wanted = expected()
    for said, message in zip(quarter.said, quarter.messages, strict=True):
        print(f"{said.day_on}  {said.kind:7}  {message}" + ("" if said in wanted else "  (not expected)"))
    wrong = [f"not said: {each}" for each in wanted if each not in quarter.said]
    wrong += [f"said, and not expected: {each}" for each in quarter.said if each not in wanted]
    wrong += [f"no SQL finds {each.number} of: {each.message}" for each in quarter.unfound]
    wrong += quarter.differing_channels()
    print("\n".join(wrong) if wrong else f"{len(quarter.said)} messages, each expected, with numbers that SQL finds")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
