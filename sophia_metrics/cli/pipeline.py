"""Starting the flows: as Prefect flow runs, or plainly, as functions."""

import atexit
import logging
import os
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar

from sophia_metrics.cli.leak_reports import close_stderr
from sophia_metrics.cli.prefect_api import find_api
from sophia_metrics.cli.progress import Progress
from sophia_metrics.costs.closing import DayClosed
from sophia_metrics.errors import ConfigurationError, ServiceUnavailableError, SophiaError
from sophia_metrics.health.results import ProbeResult
from sophia_metrics.maintenance.outcome import Maintained
from sophia_metrics.quality.report import QualityReport
from sophia_metrics.usage.outcome import Collected, RunSummary
from sophia_metrics.warehouse.protocol import BuildReport, Changed, Publication

__all__ = ["Pipeline"]

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)

PREFECT_DEFAULTS = {
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",  # 20, the default, fail on a small machine
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "WARNING",  # the rest is in the Prefect UI
}
WAIT = (
    "starting Prefect's temporary server: 25 to 35 s the first time, 15 to 20 s later "
    "(no wait with --plain, or beside a running `prefect server start`)"
)


class _Flow(Protocol[P, R_co]):
    """A Prefect flow: called, it is a flow run; `fn` is the plain function."""

    @property
    def fn(self) -> Callable[P, R_co]: ...
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...


class Pipeline:
    """The flows, started in the way that a person chose. Prefect is imported by the first of them."""

    def __init__(self, home: Path, progress: Progress, *, is_plain: bool) -> None:
        self._home = home
        self._progress = progress
        self._is_plain = is_plain

    def run(
        self,
        *,
        source: str | None = None,
        paths: list[str] | None = None,
        is_sample: bool = False,
        checkpoint: bool | None = None,
    ) -> RunSummary:
        """Run the whole pipeline once; `checkpoint` says whether Great Expectations judges too (None: the settings)."""
        self._prepare()
        from flows.run_pipeline import run_pipeline  # noqa: PLC0415 - Prefect reads its settings when imported

        self._progress.show("collecting usage")
        return self._start(run_pipeline, source=source, paths=paths, sample=is_sample, checkpoint=checkpoint)

    def collect(self, *, source: str, paths: list[str]) -> tuple[tuple[Collected, ...], Publication]:
        """Collect what is new in some files, build and publish: the cost is that of what is new."""
        self._prepare()
        from flows.build_dashboard import build_dashboard  # noqa: PLC0415 - see above
        from flows.collect_usage import collect_usage  # noqa: PLC0415 - see above

        self._progress.show("collecting usage")
        collected = self._start(collect_usage, source=source, paths=paths)
        _, publication = self._start(build_dashboard)
        return collected, publication

    def backfill(self, first: date, last: date) -> tuple[Changed, BuildReport, Publication]:
        """Make UTC days anew, both included."""
        self._prepare()
        from flows.backfill_usage import backfill_usage  # noqa: PLC0415 - see above

        self._progress.show("collecting usage")
        return self._start(backfill_usage, first, last)

    def probe(self, services: Sequence[str]) -> tuple[ProbeResult, ...]:
        """Ask the named services, or all, keep what they say, and publish it."""
        self._prepare()
        from flows.probe_services import probe_services  # noqa: PLC0415 - see above

        self._progress.show("asking the services")
        return self._start(probe_services, services=list(services))

    def check(self) -> QualityReport:
        """Judge every day of core and marts."""
        self._prepare()
        from flows.check_quality import check_quality  # noqa: PLC0415 - see above

        self._progress.show("judging every day")
        return self._start(check_quality)

    def close_day(self) -> DayClosed:
        """Make forecasts of the settled days, and find those that are not as expected."""
        self._prepare()
        from flows.close_day import close_day  # noqa: PLC0415 - see above

        self._progress.show("closing the day")
        return self._start(close_day)

    def maintain(self, *, is_dry_run: bool) -> Maintained:
        """Let go what nobody needs any more; a dry run only tells what that is."""
        self._prepare()
        from flows.maintain_warehouse import maintain_warehouse  # noqa: PLC0415 - see above

        self._progress.show("maintaining the state folder")
        return self._start(maintain_warehouse, dry_run=is_dry_run)

    def _prepare(self) -> None:
        """Find the Prefect API, and say why there will be a wait.

        Raises:
            ConfigurationError: the state folder cannot be made.
            ServiceUnavailableError: an API is configured and does not answer.
        """
        for name, value in PREFECT_DEFAULTS.items():
            os.environ.setdefault(name, value)
        if self._is_plain:
            self._keep_prefect_at_home()
            return
        atexit.register(close_stderr)
        api = find_api(Path.cwd())
        if api.url is None:
            # A server that lives for seconds needs no telemetry, which quarrels with its own start.
            os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
            self._progress.keep(WAIT)
            return
        if not api.is_reachable:
            raise ServiceUnavailableError(
                f"the Prefect API at {api.url} (from {api.origin}) does not answer: start it, "
                "unset it, or run the same steps without Prefect"
            )
        os.environ["PREFECT_API_URL"] = api.url
        self._progress.keep(f"Prefect API: {api.url} ({api.origin})")

    def _keep_prefect_at_home(self) -> None:
        """Let the import of Prefect, which makes a folder, make it in the state folder."""
        try:
            self._home.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"the state folder {self._home} cannot be made ({error.strerror}): set SOPHIA_HOME to another"
            ) from error
        os.environ.setdefault("PREFECT_HOME", str(self._home / "prefect"))
        os.environ.setdefault("DO_NOT_TRACK", "1")  # the import alone would announce and start telemetry

    def _start(self, flow: _Flow[P, R_co], *args: P.args, **kwargs: P.kwargs) -> R_co:
        if self._is_plain:
            return flow.fn(*args, **kwargs)
        for handler in _console_handlers():
            handler.addFilter(_is_not_ours)
        return flow(*args, **kwargs)


def _console_handlers() -> list[logging.Handler]:
    loggers = [logging.getLogger(), *(logging.getLogger(name) for name in logging.root.manager.loggerDict)]
    found = [handler for logger in loggers for handler in logger.handlers]
    return [handler for handler in found if type(handler).__name__ == "PrefectConsoleHandler"]


def _is_not_ours(record: logging.LogRecord) -> bool:
    """Leave out an error of ours, which is shown as one message in the end, and its echo."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, SophiaError) and "Finished in state Failed" not in record.getMessage()
