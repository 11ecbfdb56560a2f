"""The checkpoint: Great Expectations judges the same rows as the compiled SQL, in a process of its own.

It takes ten seconds to import and a quarter of a gigabyte. The process is started before it is needed, so that it
imports while the run collects; it is told not to call home, and what it prints stays there.
"""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, suppress
from datetime import datetime
from pathlib import Path
from threading import Timer
from types import TracebackType
from typing import Any, Self

from sophia_metrics.errors import ProcessingError, ServiceUnavailableError
from sophia_metrics.quality.batch import Batch
from sophia_metrics.quality.verdict import GREAT_EXPECTATIONS, Verdict, merged, verdicts_of

__all__ = ["Checkpoint"]

DEADLINE_SECONDS = 1800.0
"""For one batch, or for the import: a hundred times what it takes."""
COMMAND = (
    "/usr/bin/env",
    "GX_ANALYTICS_ENABLED=false",
    sys.executable,
    "-m",
    "sophia_metrics.quality.checkpoint_process",
)


class Checkpoint(AbstractContextManager["Checkpoint"]):
    """Great Expectations in a process of its own, from `__enter__` to `__exit__`. `now` is the present (naive UTC)."""

    def __init__(self, now: datetime, *, deadline_seconds: float = DEADLINE_SECONDS) -> None:
        self._now = now
        self._deadline_seconds = deadline_seconds
        self._process: subprocess.Popen[str] | None = None
        self._is_ready = False

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(  # noqa: S603 - our own module, by our own Python
            COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
        )
        self._send({"now": self._now.isoformat()})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process = self._running()
        process.kill()
        process.communicate()

    def judge(self, batches: Iterable[Batch], scratch: Path) -> tuple[Verdict, ...]:
        """Return the verdict on every expectation of the suites of some batches.

        Args:
            batches: the rows; each batch is forgotten before the next one is asked for.
            scratch: a folder for one batch at a time.

        Raises:
            ProcessingError: Great Expectations failed on a batch.
            ServiceUnavailableError: it did not answer in time.
        """
        found: list[Verdict] = []
        for batch in batches:
            path = scratch / "batch.parquet"
            batch.rows.write_parquet(path)
            counts = self._ask({"suite": batch.suite.name, "path": str(path)}, batch.suite.name)["counts"]
            path.unlink()
            by_key = {(batch.suite.name, name): (failed, checked) for name, (failed, checked) in counts.items()}
            found += verdicts_of([batch.suite], by_key, GREAT_EXPECTATIONS)
        return merged(found)

    def build_docs(self, folder: Path) -> Path:
        """Write Data Docs about all that was judged into a folder that does not exist; return the first page."""
        return Path(self._ask({"docs": str(folder)}, "Data Docs")["docs"])

    def _ask(self, request: Mapping[str, str], what: str) -> dict[str, Any]:
        if not self._is_ready:
            self._receive("its start")
            self._is_ready = True
        self._send(request)
        return self._receive(what)

    def _send(self, request: Mapping[str, str]) -> None:
        stdin = self._running().stdin
        with suppress(BrokenPipeError):  # it has ended: then there is no answer either
            if stdin is not None:
                stdin.write(json.dumps(request) + "\n")
                stdin.flush()

    def _receive(self, what: str) -> dict[str, Any]:
        process = self._running()
        timer = Timer(self._deadline_seconds, process.kill)
        timer.start()
        try:
            line = process.stdout.readline() if process.stdout else ""
        finally:
            is_late = not timer.is_alive()
            timer.cancel()
        if line:
            answer: dict[str, Any] = json.loads(line)
            return answer
        if is_late:
            raise ServiceUnavailableError(
                f"Great Expectations did not answer about {what} within {self._deadline_seconds:g} s: try again, or "
                "set checkpoint = false under [quality] in sophia.toml, and the compiled SQL judges alone"
            )
        raise ProcessingError(
            f"Great Expectations failed on {what}: `python -c 'import great_expectations'` says whether it works here; "
            "with checkpoint = false under [quality] in sophia.toml the compiled SQL judges alone"
        )

    def _running(self) -> "subprocess.Popen[str]":
        if self._process is None:
            raise ProcessingError("the checkpoint was not started: use it in a with statement")
        return self._process
