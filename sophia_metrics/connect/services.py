"""Services that are asked, our own components among them."""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial

from sophia_metrics.connect.bills import connect_bills
from sophia_metrics.connect.caches import connect_cache
from sophia_metrics.connect.sources import connect_source, plan_sources
from sophia_metrics.connect.warehouse import connect_warehouse
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.health.answer import Probe, Unasked
from sophia_metrics.health.prober import Prober
from sophia_metrics.health.settings import MaintenanceSettings, ServiceSettings
from sophia_metrics.health.status import Thresholds
from sophia_metrics.health.watch import Maintenance, Watch
from sophia_metrics.services import Service
from sophia_metrics.settings import Settings, read_variable
from sophia_metrics.sources.terms import SAMPLE_SOURCE
from sophia_metrics.windows import Window, naive_utc

__all__ = ["connect_components", "connect_prober"]

COMPONENT_DEADLINE_SECONDS = 10.0
"""Our own components wait for a lock and for disks, and for no network but that of a cache."""


def connect_components(settings: Settings, now: datetime) -> Iterator[tuple[str, Callable[[], Service]]]:
    """Yield our own components, each by a unique name and with what opens it; the sample data are none."""
    yield "warehouse", partial(connect_warehouse, settings, now)
    for source in plan_sources(settings):
        if source.name != SAMPLE_SOURCE:
            yield f"source:{source.name}", partial(connect_bills if source.is_bill else connect_source, source)
    for cache in settings.caches:
        yield f"cache:{cache.name}", partial(connect_cache, cache)


def connect_prober(settings: Settings, now: datetime) -> Prober:
    """Return what probing needs: the configured services, and our own components beside them."""
    from sophia_metrics.health.component_probe import ComponentProbe

    components = (
        Watch(
            service=name,
            kind="component",
            probe=ComponentProbe(open_component),
            interval_seconds=settings.probes.component_interval_seconds,
            deadline_seconds=COMPONENT_DEADLINE_SECONDS,
            is_required=name == "warehouse",
            is_remote=False,
        )
        for name, open_component in connect_components(settings, now)
    )
    return Prober(
        warehouse=connect_warehouse(settings, now),
        watches=(*map(_watch, settings.services), *components),
        concurrency=settings.probes.concurrency,
        vantage=settings.probes.vantage,
        maintenance=tuple(map(_maintenance, settings.probes.maintenance)),
    )


def _maintenance(each: MaintenanceSettings) -> Maintenance:
    return Maintenance(Window(naive_utc(each.start_at), naive_utc(each.end_at)), frozenset(each.services))


def _watch(service: ServiceSettings) -> Watch:
    try:
        probe = _probe(service)
    except ConfigurationError as error:  # one wrong variable stops no other probe
        probe = Unasked(str(error))
    return Watch(
        service=service.name,
        kind=service.kind,
        probe=probe,
        interval_seconds=service.interval_seconds,
        deadline_seconds=service.deadline_seconds,
        thresholds=Thresholds(service.failure_threshold, service.success_threshold),
        is_required=service.is_required,
        required_by=service.required_by,
        objective_ratio=service.objective_ratio,
    )


def _probe(service: ServiceSettings) -> Probe:
    """Return what asks a service.

    Raises:
        ConfigurationError: a variable that it names is not set, or holds nothing that can be used.
    """
    variables = [name for name in (service.url_env, service.token_env) if name]
    values = {name: read_variable(name) for name in variables}
    if missing := next((name for name in variables if values[name] is None), None):
        raise ConfigurationError(f"the variable {missing} is not set: export it where the probes run")
    url = service.url or values.get(service.url_env or "") or ""
    if service.kind == "tcp":
        from sophia_metrics.health.tcp_probe import TcpProbe

        return TcpProbe(service.host or "", service.port or 0)
    if service.kind == "redis":
        from sophia_metrics.health.redis_probe import RedisProbe

        return RedisProbe(url)
    from sophia_metrics.health.http_probe import HttpProbe

    return HttpProbe(url, expected_status=service.expected_status, token=values.get(service.token_env or ""))
