"""What the doctor looks at, as values."""

import platform
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from sophia_metrics.cli.prefect_api import PrefectApi, find_api
from sophia_metrics.cli.prefect_runs import RunsUnderway, look_at_prefect
from sophia_metrics.cli.price_gaps import Assumption, PriceGaps, Unpriced, load_price_gaps
from sophia_metrics.cli.published import Published, load_late_flows, load_published
from sophia_metrics.cli.recoveries import Recovery, load_recoveries
from sophia_metrics.cli.setting_values import SettingValue, setting_values
from sophia_metrics.connect import (
    connect_cache,
    connect_notifier,
    connect_reach,
    connect_warehouse,
    plan_sources,
    roles_in_force,
)
from sophia_metrics.costs.outdated_roles import OutdatedRole, load_outdated_roles
from sophia_metrics.costs.reconciliation import DoubleLedger, load_double_ledgers
from sophia_metrics.errors import SophiaError
from sophia_metrics.pricing.litellm import load_litellm
from sophia_metrics.services import Health, HealthStatus, Service, run_sync
from sophia_metrics.serving import Held, Serving
from sophia_metrics.settings import Settings
from sophia_metrics.sources.terms import SAMPLE_SOURCE

__all__ = ["Diagnosis", "StateFolder", "diagnose"]

PACKAGES = ("sophia-metrics", "duckdb", "polars", "prefect", "genai-prices")


NO_SOURCE = "none in sophia.toml and no agent logs on this machine: `run` makes sample data, `ingest` takes files"


@dataclass(frozen=True, slots=True)
class StateFolder:
    """The folder that holds everything; sizes in bytes. `size_bytes` 0: it does not exist yet."""

    path: Path
    size_bytes: int
    free_bytes: int


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """How everything is.

    Attributes:
        versions: of Python and of the packages that matter.
        state: the state folder.
        settings: every setting, secrets masked.
        components: the answers of warehouse, sources, caches and notifiers.
        prefect: the Prefect API.
        published: the current version. None: nothing is published yet.
        held: what holds a newer version back. None: nothing does.
        unpriced: usage whose cost is not known, the most tokens first.
        double_ledgers: ledger sources that may count the same calls, in the last 28 days.
        outdated_roles: what counts as the settings no longer say, in the last 28 days.
        recoveries: when the state file was made again, the newest first.
        assumptions: what the prices of computed costs rest on, the most money first.
        late: our own flows that have not run when they were expected, each in a sentence.
        runs: what the Prefect API has of our deployments. None: there is no API that answers, or no state yet.
        repaired: what was repaired, each in a sentence. None: nothing was asked for.
    """

    versions: Mapping[str, str]
    state: StateFolder
    settings: tuple[SettingValue, ...]
    components: tuple[Health, ...]
    prefect: PrefectApi
    published: Published | None
    held: Held | None
    unpriced: tuple[Unpriced, ...]
    assumptions: tuple[Assumption, ...]
    late: tuple[str, ...]
    runs: RunsUnderway | None
    repaired: tuple[str, ...] | None
    recoveries: tuple[Recovery, ...] = ()
    double_ledgers: tuple[DoubleLedger, ...] = ()
    outdated_roles: tuple[OutdatedRole, ...] = ()

    @property
    def is_well(self) -> bool:
        """Nothing is down, no dead run holds a slot, and a configured Prefect API answers."""
        is_down = any(each.status is HealthStatus.DOWN for each in self.components)
        is_held = self.runs is not None and not self.runs.is_well
        return not is_down and not is_held and (self.prefect.url is None or self.prefect.is_reachable)


def diagnose(settings: Settings, now: datetime, *, is_repairing: bool = False) -> Diagnosis:
    """Look at everything; nothing is collected, and nothing is made that is not there.

    Args:
        settings: say what there is.
        now: the present (naive UTC).
        is_repairing: end dead runs and free slots that no run holds; else they are only shown.
    """
    serving = Serving(settings.home)
    is_published = serving.version is not None
    api = find_api(Path.cwd())
    runs, repaired = look_at_prefect(settings, api, now, is_repairing=is_repairing)
    prices = settings.pricing.litellm_prices
    fallback = load_litellm(prices) if prices else None
    gaps = load_price_gaps(serving, fallback) if is_published else PriceGaps()
    return Diagnosis(
        versions={"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        state=_state_folder(settings.home),
        settings=setting_values(settings),
        components=tuple(_components(settings, now)),
        prefect=api,
        published=load_published(serving) if is_published else None,
        held=serving.held,
        unpriced=gaps.unpriced,
        assumptions=gaps.assumptions,
        late=tuple(each.message(now) for each in load_late_flows(serving)) if is_published else (),
        runs=runs,
        repaired=repaired,
        recoveries=load_recoveries(serving) if is_published else (),
        double_ledgers=load_double_ledgers(serving, now) if is_published else (),
        outdated_roles=load_outdated_roles(serving, roles_in_force(settings), now) if is_published else (),
    )


def _state_folder(home: Path) -> StateFolder:
    size = sum(file.stat().st_size for file in home.rglob("*") if file.is_file() and not file.is_symlink())
    nearest = next(folder for folder in (home, *home.parents) if folder.exists())
    return StateFolder(home, size, shutil.disk_usage(nearest).free)


def _components(settings: Settings, now: datetime) -> Iterator[Health]:
    if settings.home.exists():
        try:
            yield _health(connect_warehouse(settings, now))
        except SophiaError as error:
            yield Health("warehouse", HealthStatus.DOWN, str(error))
    else:
        yield Health("warehouse", HealthStatus.UNKNOWN, "no state yet: `sophia-metrics run` makes it")
    for source in plan_sources(settings):
        if source.name == SAMPLE_SOURCE:
            yield Health("sources", HealthStatus.UNKNOWN, NO_SOURCE)
            continue
        try:
            yield _health(connect_reach(settings, source, now))
        except SophiaError as error:
            yield Health(source.name, HealthStatus.DOWN, str(error))
    for cache in settings.caches:
        try:
            yield _health(connect_cache(cache))
        except SophiaError as error:
            yield Health(cache.name, HealthStatus.DOWN, str(error))
    for notifier in settings.notifiers:
        try:
            yield _health(connect_notifier(notifier))
        except SophiaError as error:
            yield Health(f"notifier {notifier.name}", HealthStatus.DOWN, str(error))


def _health(service: Service) -> Health:
    async def ask() -> Health:
        await service.initialize()
        try:
            return await service.health_check()
        finally:
            await service.cleanup()

    return run_sync(ask())
