"""Anthropic's cost report: what is billed for each UTC day, by workspace and description. It is no usage.

Source: https://platform.claude.com/docs/en/api/admin/cost_report/retrieve. Amounts are texts in cents. Priority Tier is
billed otherwise, and never stands in it.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import NotRequired

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from sophia_metrics.sources.format import Completeness, Format, LandedColumn, TokenConvention
from sophia_metrics.sources.live.anthropic_admin import (
    BASE_URL,
    KEY,
    BucketPage,
    admin_api,
    read_buckets,
    rfc3339,
)
from sophia_metrics.sources.live.api import Params
from sophia_metrics.sources.live.clock import Clock
from sophia_metrics.sources.live.live_format import LiveFormat, Row
from sophia_metrics.sources.live.money import Money, dollars_of_cents
from sophia_metrics.sources.live.terms import LiveTerms
from sophia_metrics.sources.queries import source_query
from sophia_metrics.windows import Window, floored, naive_utc

__all__ = ["LIVE"]

PATH = "/cost_report"
DAY = timedelta(days=1)
DAYS_A_PAGE = 31
"""The most daily buckets that a page may hold."""
TEXTS = (
    *("workspace_id", "description", "cost_type", "model", "service_tier"),
    *("token_type", "context_window", "inference_geo", "speed"),
)


class Result(TypedDict):
    """One line. The amount is in cents, a text."""

    amount: Money
    currency: str
    workspace_id: NotRequired[str | None]
    description: NotRequired[str | None]
    cost_type: NotRequired[str | None]
    model: NotRequired[str | None]
    service_tier: NotRequired[str | None]
    token_type: NotRequired[str | None]
    context_window: NotRequired[str | None]
    inference_geo: NotRequired[str | None]
    speed: NotRequired[str | None]


PAGE: TypeAdapter[BucketPage[Result]] = TypeAdapter(BucketPage[Result])


class CostReader:
    """Reads what an organisation is billed."""

    def __init__(self, terms: LiveTerms, clock: Clock) -> None:
        """Prepare; nothing is asked yet.

        Raises:
            ConfigurationError: the key is not set.
        """
        self._api = admin_api(terms, clock)

    @property
    def lead(self) -> timedelta | None:
        """How far our clock is ahead of Anthropic's."""
        return self._api.lead

    def read(self, window: Window) -> Iterator[Row]:
        """Yield the lines of every UTC day of the window that has ended."""
        params = _params(DAYS_A_PAGE, ("workspace_id", "description"))
        for bucket in read_buckets(self._api, PATH, window, DAY, params, PAGE):
            span = {"start_at": naive_utc(bucket["starting_at"]), "end_at": naive_utc(bucket["ending_at"])}
            for result in bucket["results"]:
                yield {
                    **span,
                    "amount": dollars_of_cents(result["amount"]),
                    "currency": result["currency"],
                    **{name: result.get(name) for name in TEXTS},
                }

    def check(self) -> str:
        """Ask for one bucket, that of yesterday."""
        end_at = floored(self._api.now, DAY)
        span = [("starting_at", rfc3339(end_at - DAY)), ("ending_at", rfc3339(end_at))]
        self._api.get(PATH, [*span, *_params(1, ())], PAGE)
        return f"{self._api.host} tells what the organisation is billed"

    def close(self) -> None:
        """Give the connections back."""
        self._api.close()


def _params(limit: int, groups: tuple[str, ...]) -> Params:
    return [("bucket_width", "1d"), ("limit", limit), *(("group_by[]", group) for group in groups)]


FORMAT = Format(
    name="anthropic_costs",
    doc="What an Anthropic organisation is billed by day, from its Admin API.",
    convention=TokenConvention.EXCLUSIVE,
    completeness=Completeness.COMPLETE,
    columns=(
        LandedColumn("start_at", "TIMESTAMPTZ"),
        LandedColumn("end_at", "TIMESTAMPTZ"),
        LandedColumn("amount", "DECIMAL(38,12)"),
        LandedColumn("currency", "VARCHAR"),
        *(LandedColumn(name, "VARCHAR") for name in TEXTS),
        LandedColumn("read_at", "TIMESTAMPTZ"),
    ),
    mapping=source_query("anthropic_costs"),
    signature=("start_at", "amount"),
)

LIVE = LiveFormat(
    format=FORMAT,
    connect=CostReader,
    base_url=BASE_URL,
    key_variables=(KEY,),
    window=DAY,
    span=DAYS_A_PAGE * DAY,
    instant="start_at",
    settling_minutes=60,
    reread_hours=168,
    is_open_read=False,
    is_invoice=True,
)
