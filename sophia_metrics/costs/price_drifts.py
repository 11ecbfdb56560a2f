"""Prices that changed, as a published version says."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sophia_metrics.costs.reports import published_reports
from sophia_metrics.serving import Serving

__all__ = ["PriceDrift", "load_price_drifts"]


@dataclass(frozen=True, slots=True)
class PriceDrift:
    """One price that is not what it was; a row of core_price_drifts.

    Attributes:
        provider: who runs the model.
        model: the model.
        service_tier: in which service tier.
        price_kind: input, cache_read, cache_write_5m, cache_write_1h, output, or a unit.
        rate_before_usd: dollars for one token or unit, as it was known before. None: none was.
        rate_after_usd: the same, as it is known now. None: it has none any more.
        change_ratio: by which share it rose. None: there is nothing to compare.
        origin: the price source.
        effective_from_at: from when on the new price holds (naive UTC). None: the source does not say.
        spend_28d_usd: what the model cost in that tier in the 28 days before. None: unknown.
        found_at: when it was noticed (naive UTC).
    """

    provider: str
    model: str
    service_tier: str
    price_kind: str
    rate_before_usd: Decimal | None
    rate_after_usd: Decimal | None
    change_ratio: float | None
    origin: str
    effective_from_at: datetime | None
    spend_28d_usd: Decimal | None
    found_at: datetime


def load_price_drifts(serving: Serving) -> tuple[PriceDrift, ...]:
    """Read the changes of the version that is published now, the newest first.

    Raises:
        ConfigurationError: nothing is published yet.
    """
    with published_reports(serving) as reports:
        return tuple(PriceDrift(*row) for row in reports.rows("price_drifts"))
