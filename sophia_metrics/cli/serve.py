"""`sophia-metrics dashboard` and `sophia-metrics serve`: the page, alone or with every schedule, until told to stop."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from sophia_metrics.cli.leak_reports import WithoutLeakReports
from sophia_metrics.cli.pipeline import PREFECT_DEFAULTS
from sophia_metrics.cli.prefect_api import find_api
from sophia_metrics.cli.prefect_server import TemporaryServer
from sophia_metrics.cli.progress import Progress
from sophia_metrics.cli.stopping import be_patient, until_signalled
from sophia_metrics.connect import connect_page
from sophia_metrics.errors import ServiceUnavailableError
from sophia_metrics.settings import Settings, load_settings
from sophia_metrics.windows import naive_utc

__all__ = ["serve_everything", "serve_page"]

LOOK_SECONDS = 0.5
RUNS_END_SECONDS = 4.0
WAIT = (
    "starting a Prefect server, which stays as long as this command: 25 to 35 s the first time, 15 to 20 s later "
    "(no wait beside a running `prefect server start`, or with PREFECT_API_URL)"
)


def serve_page(host: str | None, port: int | None) -> None:
    """Serve the page and its API until Ctrl-C or SIGTERM.

    Raises:
        ConfigurationError: it may not, or cannot, listen there.
    """
    page = connect_page(_settings(host, port), os.environ, _now)
    is_wanted = _until_signalled()
    page.start()
    try:
        _say(f"page        {page.url}")
        while is_wanted(LOOK_SECONDS):
            pass
    finally:
        page.stop()


def serve_everything(host: str | None, port: int | None) -> None:
    """Serve the page and run every schedule until Ctrl-C or SIGTERM.

    Raises:
        ConfigurationError: the page may not, or cannot, listen there.
        ServiceUnavailableError: the Prefect API does not answer, or a server of our own does not start.
    """
    settings = _settings(host, port)
    settings.home.mkdir(parents=True, exist_ok=True)
    # Runs are processes of their own: they find the same state folder wherever they start.
    os.environ["SOPHIA_HOME"] = str(settings.home.resolve())
    for name, value in PREFECT_DEFAULTS.items():
        os.environ.setdefault(name, value)
    page = connect_page(settings, os.environ, _now)
    is_wanted = _until_signalled()
    page.start()
    try:
        _say(f"page        {page.url}")
        _run_schedules(settings, is_wanted)
    finally:
        page.stop()


def _run_schedules(settings: Settings, is_wanted: Callable[[float], bool]) -> None:
    """Find or start a Prefect API, and run what is due on it."""
    api = find_api(Path.cwd())
    server = None
    if api.url is None:
        with Progress("starting") as progress:
            progress.keep(WAIT)
        server = TemporaryServer()
    elif not api.is_reachable:
        raise ServiceUnavailableError(
            f"the Prefect API at {api.url} (from {api.origin}) does not answer: start it, or unset it"
        )
    try:
        if server is not None:
            server.start(lambda: is_wanted(0))
        url = server.api_url if server is not None else str(api.url)
        os.environ["PREFECT_API_URL"] = url
        if is_wanted(0):
            with WithoutLeakReports():
                _serve_flows(settings, url, is_wanted)
    finally:
        if server is not None:
            server.stop()


def _serve_flows(settings: Settings, url: str, is_wanted: Callable[[float], bool]) -> None:
    from flows.schedules import RunKeeper, ServedFlows, read_deployments  # noqa: PLC0415 - Prefect reads its settings when imported

    deployments = read_deployments()
    served = ServedFlows(deployments, str(Path.cwd()))
    keeper = RunKeeper(settings, _say)
    served.start()
    keeper.start()
    try:
        _say(f"Prefect UI  {url.removesuffix('/api')}")
        scheduled = [each.name for each in deployments if each.schedules]
        _say(f"schedules   {', '.join(scheduled)} (Ctrl-C stops)")
        while is_wanted(LOOK_SECONDS):
            if not served.is_alive:
                raise ServiceUnavailableError("the schedules stopped, see the messages above: start `serve` again")
    finally:
        keeper.stop()
        _say("stopping: schedules are paused, runs under way are ended")
        served.stop(RUNS_END_SECONDS)


def _settings(host: str | None, port: int | None) -> Settings:
    settings = load_settings()
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    dashboard = settings.dashboard.model_copy(update=given)
    return settings.model_copy(update={"dashboard": dashboard})


def _until_signalled() -> Callable[[float], bool]:
    """Return a wait of some seconds that says whether to go on; Ctrl-C and SIGTERM end it at once."""
    be_patient()
    return until_signalled()


def _now() -> datetime:
    return naive_utc(datetime.now(UTC))


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - the result of the command
