"""LiteLLM's spend logs over HTTP: one row a call through the proxy.

Source: `/spend/logs/v2` of the proxy, https://docs.litellm.ai/docs/proxy/cost_tracking. Its pages are offsets, which
move while rows arrive: a window is taken only when as many rows were read of it as the proxy counts, twice the same.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import NotRequired

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from sophia_metrics.errors import ProcessingError, ServiceUnavailableError
from sophia_metrics.sources.live.api import Api, Params
from sophia_metrics.sources.live.clock import Clock
from sophia_metrics.sources.live.litellm_rows import SpendRow, flat_row, live_copy
from sophia_metrics.sources.live.live_format import LiveFormat, Row
from sophia_metrics.sources.live.pages import Cursor, every_page
from sophia_metrics.sources.live.terms import LiveTerms
from sophia_metrics.windows import Window

__all__ = ["LIVE"]

KEY = "LITELLM_API_KEY"
PATH = "/spend/logs/v2"
ROWS_A_PAGE = 1_000
"""The most that the proxy takes."""
READINGS = 3
"""So often a window is read before it is parted: smaller ones are on one page, which cannot move."""
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


class Page(TypedDict):
    """Calls in order of their start."""

    data: list[SpendRow]
    total: int
    page: int
    total_pages: int
    total_is_capped: NotRequired[bool]


PAGE = TypeAdapter(Page)


class _MovedError(Exception):
    """The rows of a window are not those that the proxy counts: some arrived or went between two pages."""


class _CappedError(Exception):
    """The proxy counts no further, and gives no page beyond."""


class SpendReader:
    """Reads the calls of a proxy."""

    def __init__(self, terms: LiveTerms, clock: Clock) -> None:
        """Prepare; nothing is asked yet.

        Raises:
            ConfigurationError: the key is not set.
        """
        self._api = Api.of_terms(terms, clock, {"Authorization": f"Bearer {terms.key(KEY)}"})

    @property
    def lead(self) -> timedelta | None:
        """How far our clock is ahead of the proxy's."""
        return self._api.lead

    def read(self, window: Window) -> Iterator[Row]:
        """Yield the calls that started in the window.

        Raises:
            ProcessingError: a second holds more calls than the proxy shows.
        """
        for row in self._calls(window):
            yield flat_row(row)

    def check(self) -> str:
        """Ask for one call of the hour before this one."""
        end_at = self._api.now.replace(minute=0, second=0, microsecond=0)
        self._page(Window(end_at - HOUR, end_at), 1, None)
        return f"{self._api.host} shows the proxy's spend logs"

    def close(self) -> None:
        """Give the connections back."""
        self._api.close()

    def _calls(self, window: Window) -> Iterator[SpendRow]:
        try:
            yield from self._settled(window)
        except (_MovedError, _CappedError) as error:
            seconds = (window.end_at - window.start_at) // SECOND
            if seconds > 1:
                for half in window.split(-(-seconds // 2) * SECOND):
                    yield from self._calls(half)
                return
            place = f"source {self._api.source}: the second {window.start_at:%Y-%m-%d %H:%M:%S} UTC"
            if isinstance(error, _CappedError):
                raise ProcessingError(
                    f'{place} holds more calls than the proxy shows: read its database, by format = "litellm_database"'
                ) from error
            raise ServiceUnavailableError(
                f"{place} changed while it was read, {READINGS} times: the next run asks again"
            ) from error

    def _settled(self, window: Window) -> Iterator[SpendRow]:
        """Return the calls of a window, all of them.

        Raises:
            _MovedError: they were others each time.
            _CappedError: they are more than the proxy shows.
        """
        for _ in range(READINGS):
            by_id: dict[str, SpendRow] = {}
            totals: set[int] = set()
            ask = partial(self._page, window, ROWS_A_PAGE)
            for page in every_page(self._api.source, ask, _rows, _following):
                if page.get("total_is_capped"):
                    raise _CappedError
                totals.add(page["total"])
                by_id.update((row["request_id"], row) for row in page["data"])
            if totals == {len(by_id)}:
                return (row for row in by_id.values() if row["startTime"] in window)
        raise _MovedError

    def _page(self, window: Window, size: int, cursor: Cursor | None) -> Page:
        params: Params = [
            ("start_date", _told(window.start_at)),
            ("end_date", _told(window.end_at)),
            ("sort_by", "startTime"),
            ("sort_order", "asc"),
            ("page", cursor or 1),
            ("page_size", size),
        ]
        return self._api.get(PATH, params, PAGE)


def _rows(page: Page) -> list[SpendRow]:
    return page["data"]


def _following(page: Page) -> Cursor | None:
    return page["page"] + 1 if page["page"] < page["total_pages"] else None


def _told(moment: datetime) -> str:
    """Return a whole second in the proxy's only form, which it takes for UTC; both ends of a window are in it."""
    return moment.strftime("%Y-%m-%d %H:%M:%S")


LIVE = LiveFormat(
    format=live_copy("litellm_spend", "Spend logs of a LiteLLM proxy, read from the proxy."),
    connect=SpendReader,
    base_url="",
    key_variables=(KEY,),
    window=HOUR,
    span=HOUR,
    instant="startTime",
    settling_minutes=5,
    reread_hours=24,
    is_open_read=False,
    requests_per_minute=120,
)
