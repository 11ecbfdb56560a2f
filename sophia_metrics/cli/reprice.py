"""`sophia-metrics reprice`: usage of some days priced again, with the prices that are known now."""

from datetime import UTC, date, datetime

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from sophia_metrics.cli.facts import print_facts
from sophia_metrics.cli.figures import count, money, plural
from sophia_metrics.cli.progress import Progress
from sophia_metrics.connect import connect_collector, connect_warehouse
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.quality.publishing import publish_judged
from sophia_metrics.settings import load_settings
from sophia_metrics.usage.repriced import Repriced
from sophia_metrics.warehouse.protocol import Publication, RepriceOrder
from sophia_metrics.windows import Window, naive_utc

__all__ = ["days_to_reprice", "reprice_days"]


def days_to_reprice(first: date, last: date, reason: str, *, model: str | None, is_dry_run: bool) -> RepriceOrder:
    """Return the order for some UTC days, both included.

    Raises:
        ConfigurationError: there are no such days, or nobody says why.
    """
    if last < first:
        raise ConfigurationError(f"--to {last} is before --from {first}: the first day comes first, and both count")
    if not reason.strip():
        raise ConfigurationError('--reason is empty: say why, such as --reason "the contract was signed late"')
    return RepriceOrder(Window.of_days(first, last), reason.strip(), model, is_dry_run)


def reprice_days(order: RepriceOrder, *, is_json: bool) -> bool:
    """Price some days again and publish them, or show what that would change; say whether the publish is held back.

    Raises:
        ConfigurationError: the rows of some of these days have expired.
    """
    settings, now = load_settings(), naive_utc(datetime.now(UTC))
    with Progress("pricing again"):
        warehouse = connect_warehouse(settings, now)
        repriced = connect_collector(settings, warehouse).reprice(order, now)
        publication = None if order.is_dry_run else publish_judged(warehouse, now)
    if is_json:
        print_facts(_facts(repriced, publication))
    else:
        Console(highlight=False).print(_page(repriced, publication))
    return publication is not None and publication.held_because is not None


def _facts(repriced: Repriced, publication: Publication | None) -> dict[str, object]:
    order = repriced.order
    return {
        "is_dry_run": order.is_dry_run,
        "window_start_at": order.window.start_at,
        "window_end_at": order.window.end_at,
        "model": order.model,
        "reason": order.reason,
        "event_count": repriced.event_count,
        "days": repriced.days,
        "changes": repriced.changes,
        "version": publication.version if publication else None,
        "held_because": publication.held_because if publication else None,
    }


def _page(repriced: Repriced, publication: Publication | None) -> RenderableType:
    if not repriced.changes:
        return Text("nothing changes: every event of these days has the price that is known now")
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    grid.add_column("model", overflow="fold")
    grid.add_column("provider", overflow="fold")
    for heading in ("events", "before, USD", "after, USD", "difference", "unpriced before", "after"):
        grid.add_column(heading, justify="right")
    for each in repriced.changes:
        difference = "" if each.difference_usd is None else money(each.difference_usd)
        figures = (count(each.event_count), money(each.before_usd), money(each.after_usd), difference)
        unpriced = (count(each.unpriced_before_count), count(each.unpriced_after_count))
        grid.add_row(each.model, each.provider, *figures, *unpriced)
    what = f"{plural(repriced.event_count, 'event')} of {plural(len(repriced.days), 'day')}"
    if publication is None:
        return Group(grid, Text(f"{what} would be priced otherwise; nothing was changed: --apply does it"))
    state = publication.held_because or "published"
    return Group(grid, Text(f"{what} are priced otherwise now; version {publication.version}: {state}"))
