"""Providers' bills."""

from sophia_metrics.invoices.collect import BillCollector
from sophia_metrics.invoices.files import BillFiles
from sophia_metrics.invoices.formats import BILL_FORMATS
from sophia_metrics.settings import Settings, SourceSettings
from sophia_metrics.sources.live.registry import find_live_format
from sophia_metrics.sources.terms import SourceTerms
from sophia_metrics.warehouse.protocol import Warehouse

__all__ = ["connect_bill_collector", "connect_bills"]


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
