"""What collects usage, prices it, and forgets people."""

from datetime import datetime

from sophia_metrics.connect.prices import price_book
from sophia_metrics.connect.sources import every_source
from sophia_metrics.connect.warehouse import connect_warehouse, duckdb_upkeep
from sophia_metrics.settings import Settings
from sophia_metrics.usage.collect import Collector
from sophia_metrics.usage.forget import Forgetter
from sophia_metrics.usage.gate import GateLimits
from sophia_metrics.usage.identity import Identity, load_identity
from sophia_metrics.warehouse.protocol import Warehouse

__all__ = ["connect_collector", "connect_forgetter", "connect_identity", "identity_secret"]


def connect_collector(settings: Settings, warehouse: Warehouse) -> Collector:
    """Return what collecting needs; the first call writes identity.key into the state folder."""
    return Collector(
        folder=settings.home,
        warehouse=warehouse,
        book=price_book(settings),
        identity=connect_identity(settings),
        limits=GateLimits(settings.gate.max_quarantined_ratio, settings.gate.min_rows),
        exchange_rates=settings.exchange_rates,
        batch_bytes=settings.batch_bytes,
        memory_limit=settings.memory_limit,
    )


def connect_forgetter(settings: Settings, now: datetime) -> Forgetter:
    """Return what forgetting a person needs; `now` is naive UTC.

    Where identifiers are plain text, the first call writes identity.key into the state folder.
    """
    from sophia_metrics.warehouse.duckdb.remains import DuckDBRemains

    return Forgetter(
        folder=settings.home,
        warehouse=connect_warehouse(settings, now),
        sources={source.name: source for source in every_source(settings)},
        key=load_identity(settings.home, secret=identity_secret(settings)).key,
        remains=DuckDBRemains(settings.home, settings.memory_limit),
        renew_backups=duckdb_upkeep(settings).renew_backups,
        memory_limit=settings.memory_limit,
    )


def connect_identity(settings: Settings) -> Identity:
    """Return how identifiers are hashed; the first call writes identity.key into the state folder."""
    return load_identity(settings.home, plain=settings.identity == "plain", secret=identity_secret(settings))


def identity_secret(settings: Settings) -> str | None:
    """Return the key of those hashes. None: it is in identity.key."""
    return settings.identity_secret.get_secret_value() if settings.identity_secret else None
