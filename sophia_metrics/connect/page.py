"""The page and its API."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from sophia_metrics.connect.budgets import configured_budgets
from sophia_metrics.connect.warehouse import connect_warehouse
from sophia_metrics.serving import Serving
from sophia_metrics.settings import Settings

if TYPE_CHECKING:
    from sophia_metrics.dashboard.server import PageServer

__all__ = ["connect_page"]


def connect_page(settings: Settings, environment: Mapping[str, str], clock: Callable[[], datetime]) -> "PageServer":
    """Return the server of the page and its API, not started yet; `clock` tells the present (naive UTC).

    Raises:
        ConfigurationError: the page may not listen where the settings say, or its token is too short.
    """
    from sophia_metrics.dashboard.access import access_from
    from sophia_metrics.dashboard.app import create_app
    from sophia_metrics.dashboard.limits import BudgetLimits
    from sophia_metrics.dashboard.server import PageServer
    from sophia_metrics.dashboard.service import Dashboard

    access = access_from(settings.dashboard, environment)
    dashboard = Dashboard(Serving(settings.home), settings.time_zone, clock)
    limits = BudgetLimits(
        lambda now: connect_warehouse(settings, now), configured_budgets(settings), settings.time_zone, clock
    )
    return PageServer(create_app(dashboard, access, limits), settings.dashboard.host, settings.dashboard.port)
