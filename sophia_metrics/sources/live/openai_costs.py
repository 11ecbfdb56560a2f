"""OpenAI's costs: what is billed for each UTC day, by project, line item and key. It is no usage.

Source: the OpenAPI description 2.3.0 of OpenAI, https://platform.openai.com/docs/api-reference/usage/costs. Amounts are
dollars, not cents. A line item names the model and what is paid for: "gpt-4o-2024-08-06, input".
"""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import NotRequired

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from sophia_metrics.sources.format import Completeness, Format, LandedColumn, TokenConvention
from sophia_metrics.sources.live.api import Params
from sophia_metrics.sources.live.clock import Clock
from sophia_metrics.sources.live.live_format import LiveFormat, Row
from sophia_metrics.sources.live.money import Money, dollars
from sophia_metrics.sources.live.openai_admin import KEY, BucketPage, admin_api, buckets_of, epoch, following, instant
from sophia_metrics.sources.live.pages import Cursor, every_page
from sophia_metrics.sources.live.terms import LiveTerms
from sophia_metrics.sources.queries import source_query
from sophia_metrics.windows import Window

__all__ = ["LIVE"]

PATH = "/organization/costs"
DAY = timedelta(days=1)
DAYS_A_PAGE = 180
"""The most daily buckets that a page may hold."""
GROUPS = ("project_id", "line_item", "api_key_id")


class Amount(TypedDict):
    """Money in whole units of its currency, as a number; some answers have a text."""

    value: Money
    currency: str


class Result(TypedDict):
    """One line."""

    amount: Amount
    line_item: NotRequired[str | None]
    project_id: NotRequired[str | None]
    api_key_id: NotRequired[str | None]
    quantity: NotRequired[Money | None]
    quantity_unit: NotRequired[str | None]


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
        """How far our clock is ahead of OpenAI's."""
        return self._api.lead

    def read(self, window: Window) -> Iterator[Row]:
        """Yield the lines of every UTC day of the window."""

        def ask(cursor: Cursor | None) -> BucketPage[Result]:
            return self._page(window, DAYS_A_PAGE, GROUPS, cursor)

        for page in every_page(self._api.source, ask, buckets_of, following):
            for bucket in page["data"]:
                span = {"start_at": instant(bucket["start_time"]), "end_at": instant(bucket["end_time"])}
                for result in bucket["results"]:
                    yield {**span, **_line(result)}

    def check(self) -> str:
        """Ask for one bucket, that of yesterday."""
        today = self._api.now.replace(hour=0, minute=0, second=0, microsecond=0)
        self._page(Window(today - DAY, today), 1, (), None)
        return f"{self._api.host} tells what the organisation is billed"

    def close(self) -> None:
        """Give the connections back."""
        self._api.close()

    def _page(self, window: Window, limit: int, groups: tuple[str, ...], cursor: Cursor | None) -> BucketPage[Result]:
        params: Params = [
            ("start_time", epoch(window.start_at)),
            ("end_time", epoch(window.end_at)),
            ("bucket_width", "1d"),
            ("limit", limit),
            *(("group_by[]", group) for group in groups),
            *((("page", cursor),) if cursor is not None else ()),
        ]
        return self._api.get(PATH, params, PAGE)


def _line(result: Result) -> dict[str, str | Decimal | None]:
    return {
        "amount": dollars(result["amount"]["value"]),
        "currency": result["amount"]["currency"],
        "line_item": result.get("line_item"),
        "project_id": result.get("project_id"),
        "api_key_id": result.get("api_key_id"),
        "quantity": dollars(result.get("quantity")),
        "quantity_unit": result.get("quantity_unit"),
    }


FORMAT = Format(
    name="openai_costs",
    doc="What an OpenAI organisation is billed by day, from its Costs API.",
    convention=TokenConvention.INCLUSIVE,
    completeness=Completeness.COMPLETE,
    columns=(
        LandedColumn("start_at", "TIMESTAMPTZ"),
        LandedColumn("end_at", "TIMESTAMPTZ"),
        LandedColumn("amount", "DECIMAL(38,12)"),
        LandedColumn("currency", "VARCHAR"),
        LandedColumn("line_item", "VARCHAR"),
        LandedColumn("project_id", "VARCHAR"),
        LandedColumn("api_key_id", "VARCHAR", is_identity=True),
        LandedColumn("quantity", "DECIMAL(38,12)"),
        LandedColumn("quantity_unit", "VARCHAR"),
        LandedColumn("read_at", "TIMESTAMPTZ"),
    ),
    mapping=source_query("openai_costs"),
    signature=("start_at", "amount"),
)

LIVE = LiveFormat(
    format=FORMAT,
    connect=CostReader,
    base_url="https://api.openai.com/v1",
    key_variables=(KEY,),
    window=DAY,
    span=30 * DAY,
    instant="start_at",
    settling_minutes=60,
    reread_hours=168,
    is_open_read=False,
    is_invoice=True,
)
