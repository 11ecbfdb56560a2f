"""From settings to the parts of the pipeline: the only place that names concrete adapters."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from sophia_metrics.alerts.anomaly_rule import AnomalyRule
from sophia_metrics.alerts.budget_rule import BudgetRule
from sophia_metrics.alerts.channel import Channel
from sophia_metrics.alerts.flow_rule import FlowRule
from sophia_metrics.alerts.forecast_rule import ForecastRule
from sophia_metrics.alerts.maintenance_settings import WEEKDAYS, AlertMaintenanceSettings
from sophia_metrics.alerts.maintenance_windows import MaintenanceWindow, WeeklyTimes
from sophia_metrics.alerts.notifier import Notifier
from sophia_metrics.alerts.policy import Policy
from sophia_metrics.alerts.price_rule import PriceRule
from sophia_metrics.alerts.reconciliation_rule import ReconciliationRule
from sophia_metrics.alerts.rule import Rule
from sophia_metrics.alerts.service_rule import service_rules
from sophia_metrics.alerts.settings import NotifierSettings
from sophia_metrics.cache.cache_settings import CacheSettings
from sophia_metrics.costs.budgets import Budget
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.health.answer import Probe, Unasked
from sophia_metrics.health.prober import Prober
from sophia_metrics.health.settings import MaintenanceSettings, ServiceSettings
from sophia_metrics.health.status import Thresholds
from sophia_metrics.health.watch import Maintenance, Watch
from sophia_metrics.invoices.collect import BillCollector
from sophia_metrics.invoices.files import BillFiles
from sophia_metrics.invoices.formats import BILL_FORMATS
from sophia_metrics.maintenance.upkeep import Upkeep
from sophia_metrics.pricing.book import PriceBook
from sophia_metrics.pricing.credit_prices import CREDIT_ROUTES, credit_price
from sophia_metrics.pricing.litellm import load_litellm
from sophia_metrics.pricing.override import Override
from sophia_metrics.pricing.overrides import load_overrides
from sophia_metrics.scopes import Scope
from sophia_metrics.services import Service
from sophia_metrics.serving import Serving
from sophia_metrics.settings import ApiSettings, Settings, SnowflakeSettings, SourceSettings, read_variable
from sophia_metrics.sources.file_source import FileSource
from sophia_metrics.sources.live.clock import Clock
from sophia_metrics.sources.live.live_format import LiveFormat
from sophia_metrics.sources.live.registry import find_live_format
from sophia_metrics.sources.live.terms import LiveTerms
from sophia_metrics.sources.mapped import mapped_format
from sophia_metrics.sources.registry import FORMAT_NAMES, find_format
from sophia_metrics.sources.spool_source import SpoolSource
from sophia_metrics.sources.table_settings import TableSettings, TableTerms
from sophia_metrics.sources.terms import SAMPLE_SOURCE, SourceTerms
from sophia_metrics.usage.collect import Collector
from sophia_metrics.usage.forget import Forgetter
from sophia_metrics.usage.gate import GateLimits
from sophia_metrics.usage.identity import Identity, load_identity
from sophia_metrics.usage.live_pulling import LiveHealth, LivePuller
from sophia_metrics.usage.pulling import Puller
from sophia_metrics.usage.spool import Spool
from sophia_metrics.warehouse.forwarding import Forwarder
from sophia_metrics.warehouse.moving import Mover
from sophia_metrics.warehouse.protocol import Warehouse
from sophia_metrics.windows import Window, naive_utc

if TYPE_CHECKING:
    from sophia_metrics.cache.redis_cache import RedisCache
    from sophia_metrics.dashboard.server import PageServer
    from sophia_metrics.warehouse.duckdb.backups import BackupPlace
    from sophia_metrics.warehouse.duckdb.upkeep import DuckDBUpkeep
    from sophia_metrics.warehouse.snowflake.analytics_sink import AnalyticsSink
    from sophia_metrics.warehouse.snowflake.mirror import Mirror
    from sophia_metrics.warehouse.snowflake.session import SnowflakeSession

__all__ = [
    "AGENT_FORMATS",
    "alert_channels",
    "alert_policy",
    "alert_rules",
    "configured_budgets",
    "connect_analytics_sink",
    "connect_bill_collector",
    "connect_bills",
    "connect_cache",
    "connect_collector",
    "connect_components",
    "connect_forgetter",
    "connect_forwarder",
    "connect_mover",
    "connect_notifier",
    "connect_page",
    "connect_prober",
    "connect_puller",
    "connect_reach",
    "connect_source",
    "connect_upkeep",
    "connect_warehouse",
    "every_source",
    "plan_sources",
    "price_book",
    "roles_in_force",
    "sample_settings",
    "snowflake_grants",
    "source_for_paths",
]


AGENT_FORMATS = ("claude", "codex")
"""The logs that a run looks for by itself, where nothing is configured."""
COMPONENT_DEADLINE_SECONDS = 10.0
"""Our own components wait for a lock and for disks, and for no network but that of a cache."""

SECRETS = {
    "webhook": "the key of its signatures",
    "pagerduty": "its integration key",
    "prefect": "the key of the Prefect API",
}


def connect_warehouse(settings: Settings, now: datetime) -> Warehouse:
    """Return the configured warehouse, ready for use; `now` is naive UTC."""
    local = _duckdb_warehouse(settings, now)
    if settings.warehouse == "duckdb":
        return local
    from sophia_metrics.warehouse.snowflake.adapter import SnowflakeWarehouse  # noqa: PLC0415 - adapters are loaded when asked for

    session = _snowflake_session(settings)
    warehouse = SnowflakeWarehouse(session, _mirror(settings), local, settings.home, settings.memory_limit)
    warehouse.prepare(now)
    return warehouse


def _duckdb_warehouse(settings: Settings, now: datetime) -> Warehouse:
    from sophia_metrics.warehouse.duckdb.adapter import DuckDBWarehouse  # noqa: PLC0415 - see above

    warehouse = DuckDBWarehouse(
        settings.home,
        memory_limit=settings.memory_limit,
        keep_versions=settings.keep_versions,
        backups=_backup_place(settings),
        lock_wait_seconds=settings.lock_wait_seconds,
    )
    warehouse.prepare(now)
    return warehouse


def connect_forwarder(settings: Settings, now: datetime) -> Forwarder | None:
    """Return what brings observations to the configured warehouse; None: it is on this machine. `now` is naive UTC.

    The tables there are prepared already.
    """
    if settings.warehouse == "duckdb":
        return None
    from sophia_metrics.warehouse.snowflake.mirror import MirrorForwarder  # noqa: PLC0415 - see above

    _duckdb_warehouse(settings, now)
    return MirrorForwarder(_mirror(settings), _snowflake_session(settings))


def connect_mover(settings: Settings, now: datetime) -> Mover:
    """Return what moves the state folder to the configured schema of Snowflake; `now` is naive UTC.

    Raises:
        ConfigurationError: nothing says where Snowflake is.
    """
    from sophia_metrics.warehouse.snowflake.moving import SnowflakeMover  # noqa: PLC0415 - see above

    session = _snowflake_session(settings)
    _duckdb_warehouse(settings, now)
    return SnowflakeMover(
        session,
        settings.home,
        _duckdb_upkeep(settings).back_up,
        memory_limit=settings.memory_limit,
        lock_wait_seconds=settings.lock_wait_seconds,
    )


def _mirror(settings: Settings) -> "Mirror":
    """Return the mirror of the configured schema of Snowflake; the state folder is prepared already."""
    from sophia_metrics.warehouse.snowflake.mirror import Mirror  # noqa: PLC0415 - see above

    snowflake = _snowflake_settings(settings)
    return Mirror(
        settings.home,
        snowflake.place,
        memory_limit=settings.memory_limit,
        forward_every=timedelta(minutes=snowflake.commit_every_minutes),
        lock_wait_seconds=settings.lock_wait_seconds,
    )


def connect_upkeep(settings: Settings) -> Upkeep:
    """Return what takes care of the state folder of the configured warehouse, which is prepared already."""
    local = _duckdb_upkeep(settings)
    if settings.warehouse == "duckdb":
        return local
    from sophia_metrics.warehouse.snowflake.upkeep import SnowflakeUpkeep  # noqa: PLC0415 - see above

    return SnowflakeUpkeep(local, partial(_snowflake_session, settings))


def _duckdb_upkeep(settings: Settings) -> "DuckDBUpkeep":
    from sophia_metrics.warehouse.duckdb.upkeep import DuckDBUpkeep  # noqa: PLC0415 - adapters are loaded when asked for

    return DuckDBUpkeep(
        settings.home,
        memory_limit=settings.memory_limit,
        keep_versions=settings.keep_versions,
        backups=_backup_place(settings),
        lock_wait_seconds=settings.lock_wait_seconds,
    )


def _backup_place(settings: Settings) -> "BackupPlace":
    from sophia_metrics.warehouse.duckdb.backups import BACKUPS_FOLDER, BackupPlace  # noqa: PLC0415 - see above

    return BackupPlace(settings.backup.folder or settings.home / BACKUPS_FOLDER, settings.backup.keep)


def connect_source(source: SourceSettings) -> FileSource:
    """Return one source; of one that is pulled, the files that were."""
    file_format = mapped_format(source.mapping) if source.mapping else find_format(source.format)
    hours = file_format.settling_hours if source.settling_hours is None else source.settling_hours
    terms = SourceTerms(
        name=source.name,
        format=file_format.name,
        role=source.usual_role,
        parts=tuple(each.part for each in source.roles),
        billing=source.billing or file_format.billing,
        reported_basis=file_format.reported_basis,
        expected_within_seconds=source.expected_within_hours * 3600,
        settling_seconds=hours * 3600,
        account=source.account,
    )
    if not source.is_pulled:
        return FileSource(terms, file_format, source.paths)
    if source.is_live:
        return SpoolSource(terms, file_format, source.paths)
    table = source.table or TableSettings()
    lag = table.terms(source.name, source.format, warehouse="", query_tag="").settling_minutes * 60
    return SpoolSource(replace(terms, settling_seconds=terms.settling_seconds + lag), file_format, source.paths)


def roles_in_force(settings: Settings) -> tuple[SourceTerms, ...]:
    """Return what the rows of each configured source of usage count as from now on."""
    return tuple(
        SourceTerms(
            each.name,
            each.format,
            role=each.usual_role,
            parts=tuple(role.part for role in each.roles),
            account=each.account,
        )
        for each in settings.sources
        if not each.is_bill
    )


def connect_bills(source: SourceSettings) -> BillFiles:
    """Return one source of bills: it never counts as usage."""
    hours = BILL_FORMATS[source.format] if source.settling_hours is None else source.settling_hours
    terms = SourceTerms(
        name=source.name,
        format=source.format,
        role="reconcile",
        expected_within_seconds=source.expected_within_hours * 3600,
        settling_seconds=hours * 3600,
        account=source.account,
    )
    return BillFiles(terms, source.paths, find_live_format(source.format).format.mapping if source.is_live else None)


def connect_bill_collector(settings: Settings, warehouse: Warehouse) -> BillCollector:
    """Return what collects bills."""
    return BillCollector(warehouse, settings.exchange_rates)


def connect_puller(settings: Settings, source: SourceSettings, warehouse: Warehouse, clock: Clock) -> Puller:
    """Return what pulls a source into files of the state folder; nothing is asked yet.

    Raises:
        ConfigurationError: nothing says where Snowflake or the vendor is, or identity.key cannot be read.
    """
    (folder,) = source.paths
    spool = Spool(Path(folder), source.name, warehouse)
    if source.is_live:
        live = find_live_format(source.format)
        terms = _live_terms(source, live)
        return LivePuller(live, terms, spool, _identity(settings), clock)
    from sophia_metrics.warehouse.snowflake.pulling import TablePuller  # noqa: PLC0415 - adapters are loaded when asked for

    return TablePuller(_snowflake_session(settings), _table_terms(settings, source), spool, _identity(settings))


def snowflake_grants(settings: Settings, *, role: str | None, read_role: str | None, is_moving: bool = False) -> str:
    """Return the script that grants what these settings need in Snowflake; nothing is asked.

    `is_moving`: the state folder is to be moved there, whatever the settings name as the warehouse now.

    Raises:
        ConfigurationError: nothing of Snowflake is configured, or a role is no name.
    """
    from sophia_metrics.warehouse.snowflake.grants import Reach, grants_script  # noqa: PLC0415 - adapters are loaded when asked for

    connection = _snowflake_settings(settings)
    sink = connection.analytics_sink
    reach = Reach(
        is_warehouse=is_moving or settings.warehouse == "snowflake",
        is_moving=is_moving,
        sources=tuple(_table_terms(settings, source) for source in settings.sources if source.is_table),
        sink=sink.place if sink is not None else None,
    )
    return grants_script(connection, reach, role=role, read_role=read_role)


def connect_analytics_sink(settings: Settings, warehouse: Warehouse) -> "AnalyticsSink | None":
    """Return what writes events to the platform's table; None: that is not wanted."""
    connection = settings.snowflake
    if connection is None or connection.analytics_sink is None:
        return None
    from sophia_metrics.warehouse.snowflake.analytics_sink import AnalyticsSink  # noqa: PLC0415 - adapters are loaded when asked for

    left_out = [source.name for source in settings.sources if source.format == "snowflake_analytics"]
    return AnalyticsSink(
        _snowflake_session(settings),
        connection.analytics_sink,
        warehouse,
        settings.home,
        frozenset({*left_out, SAMPLE_SOURCE}),
    )


def connect_reach(settings: Settings, source: SourceSettings, now: datetime) -> Service:
    """Return what tells whether a source can be reached: one that is pulled is asked itself."""
    if source.is_live:
        live = find_live_format(source.format)
        terms = _live_terms(source, live)
        return LiveHealth(terms, lambda: live.connect(terms, Clock.starting(now)))
    if source.is_bill:
        return connect_bills(source)
    if not source.is_table:
        return connect_source(source)
    from sophia_metrics.warehouse.snowflake.pulling import TableHealth  # noqa: PLC0415 - adapters are loaded when asked for

    return TableHealth(_snowflake_session(settings), _table_terms(settings, source))


def _live_terms(source: SourceSettings, live: LiveFormat) -> LiveTerms:
    return (source.api or ApiSettings()).terms(source.name, live, read_variable)


def _table_terms(settings: Settings, source: SourceSettings) -> TableTerms:
    connection = _snowflake_settings(settings)
    return (source.table or TableSettings()).terms(
        source.name, source.format, warehouse=connection.warehouse, query_tag=connection.query_tag
    )


def _snowflake_settings(settings: Settings) -> SnowflakeSettings:
    if settings.snowflake is None:
        raise ConfigurationError(
            "nothing says where Snowflake is: write a table [snowflake] with account, user and role into sophia.toml"
        )
    return settings.snowflake


def _snowflake_session(settings: Settings) -> "SnowflakeSession":
    from sophia_metrics.warehouse.snowflake.session import connect_session  # noqa: PLC0415 - adapters are loaded when asked for

    return connect_session(_snowflake_settings(settings), read_variable, lock_wait_seconds=settings.lock_wait_seconds)


def connect_cache(cache: CacheSettings) -> "RedisCache":
    """Return one cache; nothing is asked yet.

    Raises:
        ConfigurationError: the variable of its URL is not set, or holds none.
    """
    from sophia_metrics.cache.redis_cache import CacheTerms, RedisCache  # noqa: PLC0415 - Redis' client, where it is used

    url = (read_variable(cache.url_env) if cache.url_env else None) or cache.url
    if not url:
        raise ConfigurationError(
            f"cache {cache.name}: the variable {cache.url_env} is not set: "
            f"export {cache.url_env}=redis://user:password@host:6379/0"
        )
    return RedisCache(
        CacheTerms(
            name=cache.name,
            url=url,
            key_patterns=cache.key_patterns,
            lookups_prefix=cache.lookups_prefix,
            scan_limit=cache.scan_limit,
            timeout_seconds=cache.timeout_seconds,
        )
    )


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
    """Return the configured sources of usage, and one for each format's own name, as in `ingest --source litellm`.

    A configured source stands for the format of its name.
    """
    configured = {source.name: source for source in settings.sources if not source.is_bill}
    named = {name: SourceSettings(name=name, format=name) for name in FORMAT_NAMES}
    sample = {SAMPLE_SOURCE: sample_settings(settings)}
    return tuple(connect_source(source) for source in {**named, **sample, **configured}.values())


def source_for_paths(settings: Settings, name: str, paths: Sequence[Path]) -> SourceSettings:
    """Return the source of some files that a person names: a configured source, or a format's own name.

    Raises:
        ConfigurationError: there is neither a source nor a format of that name, or it is no source of files.
    """
    absolute = tuple(str(path.expanduser().absolute()) for path in paths)
    for source in settings.sources:
        if source.name == name and source.is_pulled:
            raise ConfigurationError(f"source {name} has no files: `sophia-metrics run` pulls it from where it is")
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
            start_day=each.start_day,
            forecast_thresholds=each.forecast_thresholds,
        )
        for each in settings.budgets
    )


def connect_collector(settings: Settings, warehouse: Warehouse) -> Collector:
    """Return what collecting needs; the first call writes identity.key into the state folder."""
    return Collector(
        folder=settings.home,
        warehouse=warehouse,
        book=price_book(settings),
        identity=_identity(settings),
        limits=GateLimits(settings.gate.max_quarantined_ratio, settings.gate.min_rows),
        exchange_rates=settings.exchange_rates,
        batch_bytes=settings.batch_bytes,
        memory_limit=settings.memory_limit,
    )


def price_book(settings: Settings) -> PriceBook:
    """Return the prices that the settings name.

    Raises:
        ConfigurationError: a file of prices cannot be read, or says what is no price.
    """
    overrides = load_overrides(settings.price_overrides) if settings.price_overrides else ()
    path = settings.pricing.litellm_prices
    return PriceBook((*overrides, *_credit_prices(settings)), fallback=load_litellm(path) if path else None)


def _credit_prices(settings: Settings) -> Iterator[Override]:
    """Yield what credits cost: usage of Snowflake is billed by them, and by no token."""
    usual = settings.snowflake.credit_price_usd if settings.snowflake else None
    for table_format, route in CREDIT_ROUTES.items():
        sources = [source for source in settings.sources if source.format == table_format]
        own = next((source.table.credit_price_usd for source in sources if source.table), None)
        if sources and (own or usual) is not None:
            yield credit_price(route, own or usual or Decimal(0))


def _identity(settings: Settings) -> Identity:
    return load_identity(settings.home, plain=settings.identity == "plain", secret=_identity_secret(settings))


def _identity_secret(settings: Settings) -> str | None:
    return settings.identity_secret.get_secret_value() if settings.identity_secret else None


def connect_forgetter(settings: Settings, now: datetime) -> Forgetter:
    """Return what forgetting a person needs; `now` is naive UTC.

    Where identifiers are plain text, the first call writes identity.key into the state folder.
    """
    from sophia_metrics.warehouse.duckdb.remains import DuckDBRemains  # noqa: PLC0415 - adapters are loaded when asked for

    return Forgetter(
        folder=settings.home,
        warehouse=connect_warehouse(settings, now),
        sources={source.name: source for source in every_source(settings)},
        key=load_identity(settings.home, secret=_identity_secret(settings)).key,
        remains=DuckDBRemains(settings.home, settings.memory_limit),
        renew_backups=_duckdb_upkeep(settings).renew_backups,
        memory_limit=settings.memory_limit,
    )


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
    from sophia_metrics.health.component_probe import ComponentProbe  # noqa: PLC0415 - adapters are loaded when asked for

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
        from sophia_metrics.health.tcp_probe import TcpProbe  # noqa: PLC0415 - see above

        return TcpProbe(service.host or "", service.port or 0)
    if service.kind == "redis":
        from sophia_metrics.health.redis_probe import RedisProbe  # noqa: PLC0415 - see above

        return RedisProbe(url)
    from sophia_metrics.health.http_probe import HttpProbe  # noqa: PLC0415 - see above

    return HttpProbe(url, expected_status=service.expected_status, token=values.get(service.token_env or ""))


def alert_rules(settings: Settings) -> tuple[Rule, ...]:
    """Return the rules of alerts."""
    held = settings.alerts
    resolve_after = timedelta(seconds=held.resolve_after_seconds)
    services = service_rules(
        down_after=timedelta(seconds=held.down_after_seconds),
        degraded_after=timedelta(seconds=held.degraded_after_seconds),
        resolve_after=resolve_after,
    )
    return (
        BudgetRule(resolve_after=resolve_after),
        ForecastRule(hysteresis=held.forecast_hysteresis_ratio, resolve_after=resolve_after),
        AnomalyRule(min_impact_usd=held.min_anomaly_usd),
        PriceRule(min_change_ratio=held.min_price_change_ratio),
        ReconciliationRule(min_gap_usd=held.min_gap_usd, min_gap_ratio=held.min_gap_ratio),
        *services,
        FlowRule(resolve_after=resolve_after),
    )


def alert_policy(settings: Settings) -> Policy:
    """Return how alerts are told."""
    held = settings.alerts
    every = held.remind_every_seconds
    return Policy(
        maintenance=tuple(_maintenance_window(each, settings.time_zone) for each in settings.maintenance),
        cool_down=timedelta(seconds=held.cool_down_seconds),
        remind_every=None if every is None else timedelta(seconds=every),
        is_inhibiting=held.is_inhibiting,
        group_wait=timedelta(seconds=held.group_wait_seconds),
    )


def _maintenance_window(each: AlertMaintenanceSettings, time_zone: str) -> MaintenanceWindow:
    times: Window | WeeklyTimes
    if each.start_at is not None and each.end_at is not None:
        times = Window(naive_utc(each.start_at), naive_utc(each.end_at))
    else:
        times = WeeklyTimes(
            frozenset(WEEKDAYS.index(day) for day in each.weekdays),
            each.start_time or time.min,
            each.end_time or time.min,
            each.time_zone or time_zone,
        )
    return MaintenanceWindow(each.name, times, frozenset(each.services), frozenset(each.scopes))


def alert_channels(settings: Settings) -> tuple[Channel, ...]:
    """Return who takes which alerts, usable now or not."""
    return tuple(
        Channel(each.name, frozenset(each.severities), each.groups, is_acknowledging=each.kind == "pagerduty")
        for each in settings.notifiers
    )


def connect_notifier(notifier: NotifierSettings) -> Notifier:
    """Return one notifier, with the secrets that its settings name.

    Raises:
        ConfigurationError: a variable that the settings name is not set.
    """
    from sophia_metrics.notifiers.by_apprise import AppriseNotifier  # noqa: PLC0415 - adapters are loaded when asked for
    from sophia_metrics.notifiers.pagerduty import ENQUEUE_URL, PagerDutyNotifier  # noqa: PLC0415 - see above
    from sophia_metrics.notifiers.prefect_events import PrefectEventsNotifier  # noqa: PLC0415 - see above
    from sophia_metrics.notifiers.slack import SlackNotifier  # noqa: PLC0415 - see above
    from sophia_metrics.notifiers.webhook import WebhookNotifier  # noqa: PLC0415 - see above

    name = notifier.name
    url = _secret(name, notifier.url_env, "its URL") if notifier.url_env else SecretStr(ENQUEUE_URL)
    key = _secret(name, notifier.secret_env, SECRETS[notifier.kind]) if notifier.secret_env else SecretStr("")
    match notifier.kind:
        case "webhook":
            return WebhookNotifier(name, url, key)
        case "slack":
            return SlackNotifier(name, url)
        case "pagerduty":
            return PagerDutyNotifier(name, key, url.get_secret_value())
        case "apprise":
            return AppriseNotifier(name, url)
        case "prefect":
            return PrefectEventsNotifier(name, url, key if notifier.secret_env else None)


def _secret(notifier: str, variable: str, what: str) -> SecretStr:
    value = read_variable(variable)
    if value is None:
        raise ConfigurationError(
            f"notifier {notifier} waits for {what}: set the variable {variable} in the environment"
        )
    return SecretStr(value)


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
