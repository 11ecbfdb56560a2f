"""The process in which Great Expectations works, started as `python -m sophia_metrics.quality.checkpoint_process`.

It reads one JSON object a line from standard input, and answers each with one line; it ends with its input, and so
with whoever started it, however that one ended.

    {"now": "2026-11-20T12:00:00"}          {"is_ready": true}, once the import is done
    {"suite": …, "path": …}                 {"counts": {expectation: [failed, checked]}} of the Parquet file at the path
    {"docs": folder}                        {"docs": the first page}
"""

import json
import os
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TextIO

from sophia_metrics.quality.gx_engine import GxEngine
from sophia_metrics.quality.suites import SUITES

__all__ = ["answer_requests"]

BY_NAME = {suite.name: suite for suite in SUITES}


def answer_requests(requests: TextIO, answers: TextIO) -> None:
    """Answer every request until there are no more."""
    engine = GxEngine(datetime.fromisoformat(json.loads(requests.readline())["now"]))
    _say(answers, {"is_ready": True})
    for line in requests:
        _say(answers, _answer(engine, json.loads(line)))


def _answer(engine: GxEngine, request: Mapping[str, str]) -> Mapping[str, object]:
    import polars as pl  # noqa: PLC0415 - after Great Expectations, which is what takes long

    if "docs" in request:
        return {"docs": str(engine.build_docs(Path(request["docs"])))}
    return {"counts": engine.judge(BY_NAME[request["suite"]], pl.read_parquet(request["path"]))}


def _say(answers: TextIO, answer: Mapping[str, object]) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


def main() -> None:
    """Work on standard input and output; whatever else prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    answer_requests(sys.stdin, answers)


if __name__ == "__main__":
    main()
