"""`sophia-metrics prices`: what is not priced, what prices rest on, and which changed."""

from decimal import Decimal

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from sophia_metrics.cli.doctor_page import assumption_section, unpriced_section
from sophia_metrics.cli.facts import exact_text, print_facts
from sophia_metrics.cli.figures import UNKNOWN, day, money
from sophia_metrics.cli.price_gaps import load_price_gaps
from sophia_metrics.connect import price_book
from sophia_metrics.costs.price_drifts import PriceDrift, load_price_drifts
from sophia_metrics.serving import Serving
from sophia_metrics.settings import load_settings

__all__ = ["print_gaps", "print_price_drifts"]

MILLION = 1_000_000
TOKEN_KINDS = frozenset({"input", "cache_read", "cache_write_5m", "cache_write_1h", "output"})
SHOWN_COUNT = 50


def print_gaps(*, is_json: bool) -> None:
    """Print the models without a price, the most tokens first, and the assumptions on which prices rest.

    Raises:
        ConfigurationError: nothing is published yet.
    """
    settings = load_settings()
    gaps = load_price_gaps(Serving(settings.home), price_book(settings).fallback)
    if is_json:
        print_facts({"unpriced": gaps.unpriced, "assumptions": gaps.assumptions})
        return
    console = Console(highlight=False)
    console.print(Text("Models whose cost is not known, by tokens", style="bold"), unpriced_section(gaps.unpriced))
    console.print(
        Text("\nPrices that rest on an assumption, by cost", style="bold"), assumption_section(gaps.assumptions)
    )


def print_price_drifts(*, is_json: bool) -> None:
    """Print the prices of models in use that changed, the newest first.

    Raises:
        ConfigurationError: nothing is published yet.
    """
    drifts = load_price_drifts(Serving(load_settings().home))
    if is_json:
        print_facts({"drifts": drifts})
    else:
        Console(highlight=False).print(_page(drifts))


def _page(drifts: tuple[PriceDrift, ...]) -> RenderableType:
    if not drifts:
        return Text("no price of a model in use has changed since it was first known")
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("noticed", "model", "price of"):
        grid.add_column(heading, overflow="fold")
    for heading in ("before", "after", "change", "from", "spent in 28 days"):
        grid.add_column(heading, justify="right")
    for each in drifts[:SHOWN_COUNT]:
        tier = "" if each.service_tier == "standard" else f", {each.service_tier}"
        grid.add_row(
            day(each.found_at),
            each.model,
            f"{each.price_kind}{tier}",
            _rate(each, each.rate_before_usd),
            _rate(each, each.rate_after_usd),
            "" if each.change_ratio is None else f"{each.change_ratio:+.1%}",
            "not said" if each.effective_from_at is None else f"{each.effective_from_at:%Y-%m-%d}",
            UNKNOWN if each.spend_28d_usd is None else money(each.spend_28d_usd),
        )
    hint = "USD for a million tokens, or for one of another unit; `sophia-metrics reprice` brings a price to past days"
    return Group(grid, Text(hint, style="dim"))


def _rate(drift: PriceDrift, rate: Decimal | None) -> str:
    """Return a rate in full: a rounded one may look as if nothing had changed."""
    if rate is None:
        return "none"
    return exact_text(rate * MILLION if drift.price_kind in TOKEN_KINDS else rate)
