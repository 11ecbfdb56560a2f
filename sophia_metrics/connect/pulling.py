"""Sources that are pulled, and whether a source can be reached."""

from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from sophia_metrics.connect.bills import connect_bills
from sophia_metrics.connect.snowflake import snowflake_session, table_terms
from sophia_metrics.connect.sources import connect_source
from sophia_metrics.connect.usage import connect_identity
from sophia_metrics.services import Service
from sophia_metrics.settings import ApiSettings, Settings, SourceSettings, read_variable
from sophia_metrics.sources.live.clock import Clock
from sophia_metrics.sources.live.live_format import LiveFormat
from sophia_metrics.sources.live.registry import find_live_format
from sophia_metrics.sources.live.terms import LiveTerms
from sophia_metrics.usage.live_pulling import LiveHealth, LivePuller
from sophia_metrics.usage.pulling import Puller
from sophia_metrics.usage.spool import Spool
from sophia_metrics.warehouse.protocol import Warehouse

__all__ = ["connect_puller", "connect_reach", "vendor_of"]


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
        return LivePuller(live, terms, spool, connect_identity(settings), clock)
    from sophia_metrics.warehouse.snowflake.pulling import TablePuller

    return TablePuller(snowflake_session(settings), table_terms(settings, source), spool, connect_identity(settings))


def vendor_of(source: SourceSettings) -> str:
    """Return whom a live source asks: sources that ask the same one have the same text."""
    base_url = (source.api or ApiSettings()).base_url or find_live_format(source.format).base_url
    return urlsplit(base_url).netloc or source.name


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
    from sophia_metrics.warehouse.snowflake.pulling import TableHealth

    return TableHealth(snowflake_session(settings), table_terms(settings, source))


def _live_terms(source: SourceSettings, live: LiveFormat) -> LiveTerms:
    return (source.api or ApiSettings()).terms(source.name, live, read_variable)
