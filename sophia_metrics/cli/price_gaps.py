"""What the price book does not know, and what it had to assume: of one published version."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sophia_metrics.costs.reports import Reports, published_reports
from sophia_metrics.pricing.card import STANDARD, PriceKey, service_tier
from sophia_metrics.pricing.list_prices import list_prices
from sophia_metrics.pricing.litellm import LiteLLMPrices
from sophia_metrics.pricing.nearest import nearest_models
from sophia_metrics.pricing.routes import is_customised
from sophia_metrics.serving import Serving

__all__ = ["Assumption", "PriceGaps", "Unpriced", "UnpricedUsage", "load_price_gaps"]

MEANINGS = {
    "open_start": "older than the price list: its first price",
    "cache_read as input": "cached input at the price of input",
    "cache_write_5m as input": "cache writes at the price of input",
    "cache_write_1h as": "one-hour cache writes at the price of five minutes or of input",
}
"""Assumptions whose words in `origin` need some more; the others are shown as the card says them."""


@dataclass(frozen=True, slots=True)
class UnpricedUsage:
    """Calls with one price key whose cost is not known.

    Attributes:
        provider: who runs the model.
        route: through whom the calls went. None: the source does not tell.
        model: the model.
        service_tier: as the answers say it. None: they do not.
        price_status: unpriced, partial or invalid.
        request_count: the calls.
        input_tokens: their input, cached included. None: unknown.
        output_tokens: their output. None: unknown.
        first_on: UTC day of the first of them.
        last_on: UTC day of the last of them.
        token_ratio: their tokens as a share of those of all calls. None: unknown.
    """

    provider: str
    route: str | None
    model: str
    service_tier: str | None
    price_status: str
    request_count: int
    input_tokens: int | None
    output_tokens: int | None
    first_on: date
    last_on: date
    token_ratio: float | None

    @property
    def key(self) -> PriceKey:
        """What their price depends on."""
        return PriceKey(self.provider, self.route, self.model, service_tier(self.service_tier))

    @property
    def token_count(self) -> int | None:
        """Input and output together. None: neither is known."""
        known = [each for each in (self.input_tokens, self.output_tokens) if each is not None]
        return sum(known) if known else None


@dataclass(frozen=True, slots=True)
class Unpriced:
    """Such calls, and what could give them a price.

    Attributes:
        usage: the calls.
        reason: why their cost is not known.
        nearest: models of the list whose names come near.
        fallback: the name under which LiteLLM's price file has a price for them. None: it has none, or is not set.
    """

    usage: UnpricedUsage
    reason: str
    nearest: tuple[str, ...]
    fallback: str | None = None


@dataclass(frozen=True, slots=True)
class Assumption:
    """Calls whose computed cost rests on an assumption.

    Attributes:
        provider: who runs the model.
        model: the model.
        says: what was assumed.
        request_count: the calls.
        cost_usd: what they cost together, in dollars.
    """

    provider: str
    model: str
    says: str
    request_count: int
    cost_usd: Decimal


@dataclass(frozen=True, slots=True)
class PriceGaps:
    """What a person should know about prices.

    Attributes:
        unpriced: usage whose cost is not known, the most tokens first.
        assumptions: what computed costs rest on, the most money first; a call may stand under several.
    """

    unpriced: tuple[Unpriced, ...] = ()
    assumptions: tuple[Assumption, ...] = ()


def load_price_gaps(serving: Serving, fallback: LiteLLMPrices | None = None) -> PriceGaps:
    """Read the gaps of the version that is published now.

    Args:
        serving: the published versions.
        fallback: LiteLLM's prices; calls that wait to be priced by them say so.

    Raises:
        ConfigurationError: nothing is published yet.
    """
    with published_reports(serving) as reports:
        unpriced = tuple(_unpriced(UnpricedUsage(*row), fallback) for row in reports.rows("unpriced_keys"))
        return PriceGaps(unpriced, tuple(_assumptions(reports)))


def _unpriced(usage: UnpricedUsage, fallback: LiteLLMPrices | None) -> Unpriced:
    is_nameless = usage.price_status == "unpriced" and not _is_only_its_tier(usage.key)
    return Unpriced(
        usage,
        _reason(usage),
        nearest_models(usage.key) if is_nameless else (),
        fallback.name_of(usage.key) if fallback and usage.price_status == "unpriced" else None,
    )


def _reason(usage: UnpricedUsage) -> str:
    match usage.price_status:
        case "partial":
            return "usage is unknown" if usage.input_tokens is None else "a part has no price"
        case "invalid":
            return "cannot be priced"
        case _ if _is_only_its_tier(usage.key):
            return f"no price is known for tier {usage.key.service_tier}"
        case _ if is_customised(usage.model):
            return "a fine-tune or a model of your own: no list price, and not that of its base"
        case _:
            return "no price is known"


def _is_only_its_tier(key: PriceKey) -> bool:
    standard = PriceKey(key.provider, key.route, key.model)
    return key.service_tier != STANDARD and bool(list_prices(standard))


def _assumptions(reports: Reports) -> Iterable[Assumption]:
    """Yield one value for each row; a card may say more than one thing of a kind."""
    for provider, model, kind, origin, request_count, cost_usd in reports.rows("assumed_prices"):
        says = MEANINGS.get(kind) or ", ".join(part for part in origin.split("; ") if part.startswith(kind))
        yield Assumption(provider, model, says, request_count, cost_usd)
