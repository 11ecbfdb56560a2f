"""Anthropic's usage of messages: hourly buckets by key, workspace, model, tier, size of the calls, account and place.

Source: https://platform.claude.com/docs/en/api/admin/usage_report/retrieve_messages.
The report says nothing of how many calls a bucket holds. Its cache writes stand in an object of their own, by how long
they are kept.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, cast

from pydantic import ConfigDict, TypeAdapter, with_config
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
from sophia_metrics.sources.live.numbers import is_number
from sophia_metrics.sources.live.terms import LiveTerms
from sophia_metrics.sources.queries import source_query
from sophia_metrics.windows import Window, floored, naive_utc

__all__ = ["LIVE"]

PATH = "/usage_report/messages"
HOUR = timedelta(hours=1)
HOURS_A_PAGE = 168
"""The most hourly buckets that a page may hold."""
GROUPS = (
    *("api_key_id", "workspace_id", "model", "service_tier", "context_window"),
    *("account_id", "service_account_id", "inference_geo"),
)
"""All by which the report can be grouped, but for speed, which takes a beta header."""
TOKENS = (
    "uncached_input_tokens",
    "cache_creation_ephemeral_5m_input_tokens",
    "cache_creation_ephemeral_1h_input_tokens",
    "cache_read_input_tokens",
    "output_tokens",
)
SEARCHES = "server_tool_use_web_search_requests"
IDENTITIES = frozenset({"api_key_id", "account_id", "service_account_id"})


@with_config(ConfigDict(extra="allow"))
class Result(TypedDict, total=False):
    """One group of a bucket. A key that is not named here is kept where it is a number: it may be usage."""

    uncached_input_tokens: int | None
    cache_creation: dict[str, Any] | None
    cache_read_input_tokens: int | None
    output_tokens: int | None
    server_tool_use: dict[str, Any] | None
    api_key_id: str | None
    workspace_id: str | None
    model: str | None
    service_tier: str | None
    context_window: str | None
    account_id: str | None
    service_account_id: str | None
    inference_geo: str | None


PAGE: TypeAdapter[BucketPage[Result]] = TypeAdapter(BucketPage[Result])


class MessagesReader:
    """Reads what an organisation used."""

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
        """Yield the groups of every hour of the window that has ended."""
        for bucket in read_buckets(self._api, PATH, window, HOUR, _params(HOURS_A_PAGE, GROUPS), PAGE):
            span = {"start_at": naive_utc(bucket["starting_at"]), "end_at": naive_utc(bucket["ending_at"])}
            for result in bucket["results"]:
                yield {**span, **_counted(result)}

    def check(self) -> str:
        """Ask for one bucket, that of the hour before this one."""
        end_at = floored(self._api.now, HOUR)
        span = [("starting_at", rfc3339(end_at - HOUR)), ("ending_at", rfc3339(end_at))]
        self._api.get(PATH, [*span, *_params(1, ())], PAGE)
        return f"{self._api.host} tells the organisation's usage of messages"

    def close(self) -> None:
        """Give the connections back."""
        self._api.close()


def _params(limit: int, groups: tuple[str, ...]) -> Params:
    return [("bucket_width", "1h"), ("limit", limit), *(("group_by[]", group) for group in groups)]


def _counted(result: Result) -> dict[str, Any]:
    """Return what is read of a group, objects flattened, and the numbers that are new."""
    return {key: value for key, value in _flat(result) if key in KEYS or is_number(value)}


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(cast("Mapping[str, Any]", value), f"{prefix}{key}_")
        else:
            yield f"{prefix}{key}", value


FORMAT = Format(
    name="anthropic_usage",
    doc="Usage of messages of an Anthropic organisation by hour, from its Admin API.",
    convention=TokenConvention.EXCLUSIVE,
    completeness=Completeness.COMPLETE,
    settling_hours=24,
    columns=(
        LandedColumn("start_at", "TIMESTAMPTZ"),
        LandedColumn("end_at", "TIMESTAMPTZ"),
        *(LandedColumn(name, "VARCHAR", is_identity=name in IDENTITIES) for name in GROUPS),
        *(LandedColumn(name, "DOUBLE") for name in (*TOKENS, SEARCHES)),
        LandedColumn("read_at", "TIMESTAMPTZ"),
    ),
    mapping=source_query("anthropic_usage"),
    units=source_query("anthropic_usage_units"),
    signature=("start_at", "uncached_input_tokens"),
    required=("start_at", "read_at"),
)
KEYS = frozenset(column.name for column in FORMAT.columns)

LIVE = LiveFormat(
    format=FORMAT,
    connect=MessagesReader,
    base_url=BASE_URL,
    key_variables=(KEY,),
    window=timedelta(days=1),
    span=timedelta(days=7),
    instant="start_at",
    settling_minutes=60,
    reread_hours=72,
)
