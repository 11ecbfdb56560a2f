"""Probe services: ask every service that is due how it is, and publish the answers."""

from prefect import flow

from sophia_metrics.health.results import ProbeResult
from tasks.artifacts import show_services
from tasks.checks import check_marts
from tasks.clock import named_by_minute, utc_now
from tasks.marts import build_marts, publish_version
from tasks.probes import probe_once
from tasks.runs import finish_run, recorded_run
from tasks.settings import read_settings

__all__ = ["probe_services"]


@flow(flow_run_name=named_by_minute("probe-services"), persist_result=False)
def probe_services(config: str | None = None, services: list[str] | None = None) -> tuple[ProbeResult, ...]:
    """Ask the services of sophia.toml and our own components; keep, build and publish; return the results.

    Runs on the one host that has the state folder. Safe to run twice, at once, and after a kill: a result is
    kept once, and a service that is not due is not asked. A service that fails is a result, and the run a
    success. Where nothing is due, or a day fails an expectation, nothing is published.

    Args:
        config: folder of sophia.toml. None: the working directory, or the nearest folder above it.
        services: ask these, due or not; an empty list: all of them. None: those that are due.
    """
    settings = read_settings(config).local
    with recorded_run(settings, "probe-services", now := utc_now()) as run:
        results = probe_once(settings, services, now)
        quality = None
        if results:
            build_marts(settings, utc_now())
            quality = check_marts(settings, run, utc_now())
        finish_run(settings, run, utc_now(), quality=quality)
        if results:
            publish_version(settings, utc_now())
    show_services(results)
    return results
