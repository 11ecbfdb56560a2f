"""Portkey's analytics: what a workspace's calls cost by UTC day and model, by Portkey's own prices. It is no bill.

One request tells a day by model: how many calls, and their cost. Neither tokens nor providers are told, so these rows
are for comparing, and the maker of a model is read from its name. The description of the API lists no `cost` and types
`requests` as a text; answers hold a `cost` in cents with their fractions, and `requests` as a number.

Sources: the OpenAPI description of Portkey, https://github.com/Portkey-AI/openapi (`/analytics/groups/ai-models`, its
parameters and pages), and an answer of June 2026 in the tests of https://github.com/rknightion/genai-otel-bridge.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NotRequired

from pydantic import ConfigDict, TypeAdapter, with_config
from typing_extensions import TypedDict

from sophia_metrics.errors import ProcessingError, ServiceUnavailableError
from sophia_metrics.sources.format import Completeness, Format, LandedColumn, TokenConvention
from sophia_metrics.sources.live.api import Api, Params
from sophia_metrics.sources.live.clock import Clock
from sophia_metrics.sources.live.live_format import LiveFormat, Row
from sophia_metrics.sources.live.money import Money, dollars_of_cents
from sophia_metrics.sources.live.numbers import is_number
from sophia_metrics.sources.live.terms import LiveTerms
from sophia_metrics.sources.queries import source_query
from sophia_metrics.windows import Window

__all__ = ["LIVE"]

KEY = "PORTKEY_API_KEY"
HEADER = "x-portkey-api-key"
PATH = "/analytics/groups/ai-models"
DAY = timedelta(days=1)
PAGE_SIZE = 100
MOST_IDLE = 5
"""So many pages one after the other without a model that is new are a fault of the source."""


@with_config(ConfigDict(extra="allow"))
class Group(TypedDict):
    """The calls of one model. A key that is not named here is kept where it is a number: it may be usage."""

    ai_model: str | None
    requests: int
    cost: NotRequired[Money | None]


class Page(TypedDict):
    """Some of the models; `total` is how many there are on all pages."""

    data: list[Group]
    total: int
    is_quota_exceeded: NotRequired[bool | None]


PAGE = TypeAdapter(Page)


class AnalyticsReader:
    """Reads the analytics of a workspace, day by day."""

    def __init__(self, terms: LiveTerms, clock: Clock) -> None:
        """Prepare; nothing is asked yet.

        Raises:
            ConfigurationError: the key is not set.
        """
        self._workspace = terms.workspace
        self._api = Api.of_terms(terms, clock, {HEADER: terms.key(KEY)})

    @property
    def lead(self) -> timedelta | None:
        """How far our clock is ahead of Portkey's."""
        return self._api.lead

    def read(self, window: Window) -> Iterator[Row]:
        """Yield the models of every day of the window."""
        for day in window.split(DAY):
            for group in self._groups(day):
                yield _row(group, day)

    def check(self) -> str:
        """Ask for yesterday's first model."""
        today = self._api.now.replace(hour=0, minute=0, second=0, microsecond=0)
        self._page(Window(today - DAY, today), 0, 1)
        return f"{self._api.host} tells a workspace's analytics"

    def close(self) -> None:
        """Give the connections back."""
        self._api.close()

    def _groups(self, day: Window) -> list[Group]:
        """Return every model of a day, page by page; a page that comes twice counts once.

        Raises:
            ProcessingError: the pages end before all models were told.
        """
        found: dict[str | None, Group] = {}
        place = idle = 0
        while True:
            page = self._page(day, place, PAGE_SIZE)
            known = len(found)
            found |= {group["ai_model"]: group for group in page["data"]}
            if len(found) >= page["total"]:
                return list(found.values())
            place += 1
            idle = idle + 1 if len(found) == known else 0
            if not page["data"] or idle > MOST_IDLE:
                raise ProcessingError(
                    f"source {self._api.source}: Portkey says that {day.start_at:%Y-%m-%d} has {page['total']} models, "
                    f"and tells {len(found)}. Nothing of this day was taken; the next run asks again. If it stays, "
                    "report it to the vendor"
                )

    def _page(self, day: Window, place: int, size: int) -> Page:
        params: Params = [
            ("time_of_generation_min", _instant(day.start_at)),
            ("time_of_generation_max", _instant(day.end_at - timedelta(milliseconds=1))),
            ("current_page", place),
            ("page_size", size),
            *((("workspace_slug", self._workspace),) if self._workspace else ()),
        ]
        page = self._api.get(PATH, params, PAGE)
        if page.get("is_quota_exceeded"):
            raise ServiceUnavailableError(
                f"source {self._api.source}: Portkey says that its quota of analytics is used up; a later run goes on"
            )
        return page


def _row(group: Group, day: Window) -> Row:
    """Return what is read of a model, and the numbers that are new."""
    others = {key: value for key, value in group.items() if key not in KEYS and is_number(value)}
    return {
        **others,
        "start_at": day.start_at,
        "ai_model": group["ai_model"],
        "requests": group["requests"],
        "cost_usd": dollars_of_cents(group.get("cost")),
    }


def _instant(moment: datetime) -> str:
    """Return an instant (naive UTC) with its milliseconds: the last one of a day belongs to it."""
    return f"{moment.isoformat(timespec='milliseconds')}Z"


FORMAT = Format(
    name="portkey_analytics",
    doc="What the calls of a Portkey workspace cost by UTC day and model, from its analytics.",
    convention=TokenConvention.INCLUSIVE,
    reported_basis="estimated",
    completeness=Completeness.COMPLETE,
    settling_hours=24,
    columns=(
        LandedColumn("start_at", "TIMESTAMPTZ"),
        LandedColumn("ai_model", "VARCHAR"),
        LandedColumn("requests", "DOUBLE"),
        LandedColumn("cost_usd", "DECIMAL(38,12)"),
        LandedColumn("read_at", "TIMESTAMPTZ"),
    ),
    mapping=source_query("portkey_analytics"),
    signature=("ai_model", "start_at"),
    required=("start_at", "ai_model", "requests", "read_at"),
)
KEYS = frozenset({"cost", *(column.name for column in FORMAT.columns)})

LIVE = LiveFormat(
    format=FORMAT,
    connect=AnalyticsReader,
    base_url="https://api.portkey.ai/v1",
    key_variables=(KEY,),
    window=DAY,
    span=DAY,
    instant="start_at",
    settling_minutes=60,
    reread_hours=48,
    is_open_read=False,
)
