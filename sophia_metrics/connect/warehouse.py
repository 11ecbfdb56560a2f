"""The warehouse, and what takes care of it."""

from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from sophia_metrics.connect.snowflake import snowflake_session, snowflake_settings
from sophia_metrics.maintenance.upkeep import Upkeep
from sophia_metrics.settings import Settings
from sophia_metrics.warehouse.forwarding import Forwarder
from sophia_metrics.warehouse.moving import Mover
from sophia_metrics.warehouse.protocol import Warehouse

if TYPE_CHECKING:
    from sophia_metrics.warehouse.duckdb.backups import BackupPlace
    from sophia_metrics.warehouse.duckdb.upkeep import DuckDBUpkeep
    from sophia_metrics.warehouse.snowflake.mirror import Mirror

__all__ = ["connect_forwarder", "connect_mover", "connect_upkeep", "connect_warehouse", "duckdb_upkeep"]


def connect_warehouse(settings: Settings, now: datetime) -> Warehouse:
    """Return the configured warehouse, ready for use; `now` is naive UTC."""
    local = _duckdb_warehouse(settings, now)
    if settings.warehouse == "duckdb":
        return local
    from sophia_metrics.warehouse.snowflake.adapter import SnowflakeWarehouse

    session = snowflake_session(settings)
    warehouse = SnowflakeWarehouse(session, _mirror(settings), local, settings.home, settings.memory_limit)
    warehouse.prepare(now)
    return warehouse


def _duckdb_warehouse(settings: Settings, now: datetime) -> Warehouse:
    from sophia_metrics.warehouse.duckdb.adapter import DuckDBWarehouse

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
    from sophia_metrics.warehouse.snowflake.mirror import MirrorForwarder

    _duckdb_warehouse(settings, now)
    return MirrorForwarder(_mirror(settings), snowflake_session(settings))


def connect_mover(settings: Settings, now: datetime) -> Mover:
    """Return what moves the state folder to the configured schema of Snowflake; `now` is naive UTC.

    Raises:
        ConfigurationError: nothing says where Snowflake is.
    """
    from sophia_metrics.warehouse.snowflake.moving import SnowflakeMover

    session = snowflake_session(settings)
    _duckdb_warehouse(settings, now)
    return SnowflakeMover(
        session,
        settings.home,
        duckdb_upkeep(settings).back_up,
        memory_limit=settings.memory_limit,
        lock_wait_seconds=settings.lock_wait_seconds,
    )


def _mirror(settings: Settings) -> "Mirror":
    """Return the mirror of the configured schema of Snowflake; the state folder is prepared already."""
    from sophia_metrics.warehouse.snowflake.mirror import Mirror

    snowflake = snowflake_settings(settings)
    return Mirror(
        settings.home,
        snowflake.place,
        memory_limit=settings.memory_limit,
        forward_every=timedelta(minutes=snowflake.commit_every_minutes),
        lock_wait_seconds=settings.lock_wait_seconds,
    )


def connect_upkeep(settings: Settings) -> Upkeep:
    """Return what takes care of the state folder of the configured warehouse, which is prepared already."""
    local = duckdb_upkeep(settings)
    if settings.warehouse == "duckdb":
        return local
    from sophia_metrics.warehouse.snowflake.upkeep import SnowflakeUpkeep

    return SnowflakeUpkeep(local, partial(snowflake_session, settings))


def duckdb_upkeep(settings: Settings) -> "DuckDBUpkeep":
    """Return what takes care of the state folder on this machine, which is prepared already."""
    from sophia_metrics.warehouse.duckdb.upkeep import DuckDBUpkeep

    return DuckDBUpkeep(
        settings.home,
        memory_limit=settings.memory_limit,
        keep_versions=settings.keep_versions,
        backups=_backup_place(settings),
        lock_wait_seconds=settings.lock_wait_seconds,
    )


def _backup_place(settings: Settings) -> "BackupPlace":
    from sophia_metrics.warehouse.duckdb.backups import BACKUPS_FOLDER, BackupPlace

    return BackupPlace(settings.backup.folder or settings.home / BACKUPS_FOLDER, settings.backup.keep)
