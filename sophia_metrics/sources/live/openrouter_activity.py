"""OpenRouter's activity: what an account used by UTC day, model and endpoint, in the last 30 days that have ended.

`usage` is what OpenRouter took from the account's credits; with a key of one's own that is its fee, and what the
provider bills beside it is `byok_usage_inference`: spend is both. Cached tokens are not told apart.

Source: https://openrouter.ai/docs/api/api-reference/analytics/get-user-activity.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal

from pydantic import ConfigDict, TypeAdapter, with_config
from typing_extensions import TypedDict

from sophia_metrics.sources.format import Completeness, Format, LandedColumn, TokenConvention
from sophia_metrics.sources.live.api import Api
from sophia_metrics.sources.live.clock import Clock
from sophia_metrics.sources.live.live_format import LiveFormat, Row
from sophia_metrics.sources.live.money import dollars
from sophia_metrics.sources.live.numbers import is_number
from sophia_metrics.sources.live.terms import LiveTerms
from sophia_metrics.sources.queries import source_query
from sophia_metrics.windows import Window

__all__ = ["LIVE"]

KEY = "OPENROUTER_MANAGEMENT_KEY"
DAY = timedelta(days=1)
TEXTS = ("model", "model_permaslug", "endpoint_id", "provider_name")
COUNTS = ("requests", "prompt_tokens", "completion_tokens", "reasoning_tokens")
MONEY = ("usage", "byok_usage_inference")


@with_config(ConfigDict(extra="allow"))
class Item(TypedDict):
    """One endpoint on one day. A key that is not named here is kept where it is a number: it may be usage."""

    date: str
    model: str | None
    model_permaslug: str | None
    endpoint_id: str | None
    provider_name: str | None
    usage: Decimal
    byok_usage_inference: Decimal | None
    requests: int
    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int | None


class Activity(TypedDict):
    """What was asked for, whole: there are no pages."""

    data: list[Item]


ACTIVITY = TypeAdapter(Activity)


class ActivityReader:
    """Reads the activity of an account, day by day."""

    def __init__(self, terms: LiveTerms, clock: Clock) -> None:
        """Prepare; nothing is asked yet.

        Raises:
            ConfigurationError: the key is not set.
        """
        self._api = Api.of_terms(terms, clock, {"Authorization": f"Bearer {terms.key(KEY)}"})

    @property
    def lead(self) -> timedelta | None:
        """How far our clock is ahead of OpenRouter's."""
        return self._api.lead

    def read(self, window: Window) -> Iterator[Row]:
        """Yield the endpoints of every day of the window."""
        for each in window.split(DAY):
            for item in self._of_day(each.start_at.date()):
                yield _row(item)

    def check(self) -> str:
        """Ask for yesterday."""
        self._of_day(self._api.now.date() - DAY)
        return f"{self._api.host} tells the account's activity"

    def close(self) -> None:
        """Give the connections back."""
        self._api.close()

    def _of_day(self, day: date) -> list[Item]:
        return self._api.get("/activity", [("date", day.isoformat())], ACTIVITY)["data"]


def _row(item: Item) -> Row:
    """Return what is read of an endpoint, and the numbers that are new."""
    start_at = datetime.fromisoformat(item["date"][:10])
    others = {key: value for key, value in item.items() if key not in KEYS and is_number(value)}
    return {
        **{key: item.get(key) for key in (*TEXTS, *COUNTS)},
        **{key: dollars(item.get(key)) for key in MONEY},
        **others,
        "start_at": start_at,
    }


FORMAT = Format(
    name="openrouter_activity",
    doc="Activity of an OpenRouter account by UTC day, model and endpoint, from its API.",
    convention=TokenConvention.INCLUSIVE,
    reported_basis="billed",
    completeness=Completeness.COMPLETE,
    settling_hours=24,
    columns=(
        LandedColumn("start_at", "TIMESTAMPTZ"),
        *(LandedColumn(name, "VARCHAR") for name in TEXTS),
        *(LandedColumn(name, "DOUBLE") for name in COUNTS),
        *(LandedColumn(name, "DECIMAL(38,12)") for name in MONEY),
        LandedColumn("read_at", "TIMESTAMPTZ"),
    ),
    mapping=source_query("openrouter_activity"),
    signature=("model_permaslug", "start_at"),
    required=("start_at", "model", "usage", "read_at"),
)
KEYS = frozenset({"date", *(column.name for column in FORMAT.columns)})

LIVE = LiveFormat(
    format=FORMAT,
    connect=ActivityReader,
    base_url="https://openrouter.ai/api/v1",
    key_variables=(KEY,),
    window=DAY,
    span=DAY,
    instant="start_at",
    settling_minutes=60,
    reread_hours=72,
    history_days=30,
    is_open_read=False,
)
