"""From settings to the parts of the pipeline: the only place that names concrete adapters.

A file for each thing that is connected.
"""

from sophia_metrics.connect.alerts import alert_channels, alert_policy, alert_rules
from sophia_metrics.connect.bills import connect_bill_collector, connect_bills
from sophia_metrics.connect.budgets import configured_budgets
from sophia_metrics.connect.caches import connect_cache
from sophia_metrics.connect.notifiers import connect_notifier
from sophia_metrics.connect.page import connect_page
from sophia_metrics.connect.prices import price_book
from sophia_metrics.connect.pulling import connect_puller, connect_reach, vendor_of
from sophia_metrics.connect.services import connect_components, connect_prober
from sophia_metrics.connect.snowflake import connect_analytics_sink, snowflake_grants
from sophia_metrics.connect.sources import (
    AGENT_FORMATS,
    connect_source,
    every_source,
    plan_sources,
    roles_in_force,
    sample_settings,
    source_for_paths,
)
from sophia_metrics.connect.usage import connect_collector, connect_forgetter
from sophia_metrics.connect.warehouse import connect_forwarder, connect_mover, connect_upkeep, connect_warehouse

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
    "vendor_of",
]
