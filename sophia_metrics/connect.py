"""From settings to the parts of the pipeline: the only place that names concrete adapters."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sophia_metrics.costs.budgets import Budget
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.pricing.book import PriceBook
from sophia_metrics.pricing.overrides import load_overrides
from sophia_metrics.scopes import Scope
from sophia_metrics.serving import Serving
from sophia_metrics.settings import Settings, SourceSettings
from sophia_metrics.sources.file_source import FileSource
from sophia_metrics.sources.mapped import mapped_format
from sophia_metrics.sources.registry import FORMAT_NAMES, find_format
from sophia_metrics.sources.terms import SAMPLE_SOURCE, SourceTerms
from sophia_metrics.usage.collect import Collector
from sophia_metrics.usage.gate import GateLimits
from sophia_metrics.usage.identity import load_identity
from sophia_metrics.warehouse.protocol import Warehouse

if TYPE_CHECKING:
    from sophia_metrics.dashboard.server import PageServer

__all__ = [
    "AGENT_FORMATS",
    "configured_budgets",
    "connect_collector",
    "connect_page",
    "connect_source",
    "connect_warehouse",
    "every_source",
    "plan_sources",
    "sample_settings",
    "source_for_paths",
]


AGENT_FORMATS = ("claude", "codex")
"""The logs that a run looks for by itself, where nothing is configured."""


def connect_warehouse(settings: Settings, now: datetime) -> Warehouse:
    """Return the configured warehouse, ready for use; `now` is naive UTC."""
    from sophia_metrics.warehouse.duckdb.adapter import DuckDBWarehouse  # noqa: PLC0415 - adapters are loaded when asked for

    warehouse = DuckDBWarehouse(settings.home, memory_limit=settings.memory_limit, keep_versions=settings.keep_versions)
    warehouse.prepare(now)
    return warehouse


def connect_source(source: SourceSettings) -> FileSource:
    """Return one source."""
    file_format = mapped_format(source.mapping) if source.mapping else find_format(source.format)
    terms = SourceTerms(
        name=source.name,
        format=file_format.name,
        role=source.role,
        billing=source.billing or file_format.billing,
        reported_basis=file_format.reported_basis,
        expected_within_seconds=source.expected_within_hours * 3600,
    )
    return FileSource(terms, file_format, source.paths)


def plan_sources(settings: Settings, *, sample: bool = False) -> tuple[SourceSettings, ...]:
    """Return what a run collects.

    The configured sources; else the logs of agents on this machine; else sample data. `sample`: the sample data.
    """
    if sample:
        return (sample_settings(settings),)
    if settings.sources:
        return settings.sources
    agents = (SourceSettings(name=name, format=name) for name in AGENT_FORMATS)
    return tuple(each for each in agents if connect_source(each).find_files()) or (sample_settings(settings),)


def every_source(settings: Settings) -> tuple[FileSource, ...]:
    """Return the configured sources, and one for each format's own name, as in `ingest --source litellm`.

    A configured source stands for the format of its name.
    """
    configured = {source.name: source for source in settings.sources}
    named = {name: SourceSettings(name=name, format=name) for name in FORMAT_NAMES}
    sample = {SAMPLE_SOURCE: sample_settings(settings)}
    return tuple(connect_source(source) for source in {**named, **sample, **configured}.values())


def source_for_paths(settings: Settings, name: str, paths: Sequence[Path]) -> SourceSettings:
    """Return the source of some files that a person names: a configured source, or a format's own name.

    Raises:
        ConfigurationError: there is neither a source nor a format of that name.
    """
    absolute = tuple(str(path.expanduser().absolute()) for path in paths)
    for source in settings.sources:
        if source.name == name:
            return source.model_copy(update={"paths": absolute})
    if name in FORMAT_NAMES:
        return SourceSettings(name=name, format=name, paths=absolute)
    configured = ", ".join(source.name for source in settings.sources) or "none"
    raise ConfigurationError(
        f"there is no source {name!r}: name a source of sophia.toml ({configured}) "
        f"or a format ({', '.join(FORMAT_NAMES)}); "
        "a plain CSV, JSONL or Parquet file needs a source with format = 'mapped' (see docs/sources.md)"
    )


def sample_settings(settings: Settings) -> SourceSettings:
    """Return the source of the sample data, whose files are in the state folder."""
    return SourceSettings(name=SAMPLE_SOURCE, format="events", paths=(str(settings.home / "sample"),))


def configured_budgets(settings: Settings) -> tuple[Budget, ...]:
    """Return the budgets of the configuration; those without a time zone of their own have that of the settings."""
    return tuple(
        Budget(
            name=each.name,
            scope=Scope.parse(each.scope),
            period=each.period,
            limit_usd=each.limit_usd,
            time_zone=each.time_zone or settings.time_zone,
            thresholds=each.thresholds,
        )
        for each in settings.budgets
    )


def connect_collector(settings: Settings, warehouse: Warehouse) -> Collector:
    """Return what collecting needs; the first call writes identity.key into the state folder."""
    secret = settings.identity_secret.get_secret_value() if settings.identity_secret else None
    overrides = load_overrides(settings.price_overrides) if settings.price_overrides else ()
    return Collector(
        folder=settings.home,
        warehouse=warehouse,
        book=PriceBook(tuple(overrides)),
        identity=load_identity(settings.home, plain=settings.identity == "plain", secret=secret),
        limits=GateLimits(settings.gate.max_quarantined_ratio, settings.gate.min_rows),
        exchange_rates=settings.exchange_rates,
        batch_bytes=settings.batch_bytes,
        memory_limit=settings.memory_limit,
    )


def connect_page(settings: Settings, environment: Mapping[str, str], clock: Callable[[], datetime]) -> "PageServer":
    """Return the server of the page and its API, not started yet; `clock` tells the present (naive UTC).

    Raises:
        ConfigurationError: the page may not listen where the settings say, or its token is too short.
    """
    from sophia_metrics.dashboard.access import access_from  # noqa: PLC0415 - a web server is loaded when asked for
    from sophia_metrics.dashboard.app import create_app  # noqa: PLC0415 - see above
    from sophia_metrics.dashboard.limits import BudgetLimits  # noqa: PLC0415 - see above
    from sophia_metrics.dashboard.server import PageServer  # noqa: PLC0415 - see above
    from sophia_metrics.dashboard.service import Dashboard  # noqa: PLC0415 - see above

    access = access_from(settings.dashboard, environment)
    dashboard = Dashboard(Serving(settings.home), settings.time_zone, clock)
    limits = BudgetLimits(
        lambda now: connect_warehouse(settings, now), configured_budgets(settings), settings.time_zone, clock
    )
    return PageServer(create_app(dashboard, access, limits), settings.dashboard.host, settings.dashboard.port)
