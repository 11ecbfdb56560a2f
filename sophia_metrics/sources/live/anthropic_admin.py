"""What the endpoints of Anthropic's Admin API share: the key's header, instants, pages of buckets.

Source: https://platform.claude.com/docs/en/manage-claude/usage-cost-api.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from pydantic import AwareDatetime, TypeAdapter
from typing_extensions import TypedDict

from sophia_metrics.sources.live.api import Api, Params
from sophia_metrics.sources.live.clock import Clock
from sophia_metrics.sources.live.pages import Cursor, every_page
from sophia_metrics.sources.live.terms import LiveTerms
from sophia_metrics.windows import Window, floored

__all__ = ["BASE_URL", "KEY", "Bucket", "BucketPage", "admin_api", "read_buckets", "rfc3339"]

KEY = "ANTHROPIC_ADMIN_KEY"
BASE_URL = "https://api.anthropic.com/v1/organizations"
VERSION = "2023-06-01"

R = TypeVar("R")


class Bucket(TypedDict, Generic[R]):
    """One hour or one UTC day, and what fell into it, group by group."""

    starting_at: AwareDatetime
    ending_at: AwareDatetime
    results: list[R]


class BucketPage(TypedDict, Generic[R]):
    """Buckets in order of time."""

    data: list[Bucket[R]]
    has_more: bool
    next_page: str | None


def admin_api(terms: LiveTerms, clock: Clock) -> Api:
    """Return the API with its key.

    Raises:
        ConfigurationError: the key is not set.
    """
    return Api.of_terms(terms, clock, {"x-api-key": terms.key(KEY), "anthropic-version": VERSION})


def read_buckets(
    api: Api, path: str, asked: Window, width: timedelta, params: Params, shape: TypeAdapter[BucketPage[R]]
) -> Iterator[Bucket[R]]:
    """Yield the buckets of a window that have ended, page by page; a bucket may come twice.

    The vendor cuts a window to whole buckets, and refuses one of which nothing is left: then nothing is asked.
    """
    end_at = floored(asked.end_at, width)
    if end_at <= asked.start_at:
        return
    fixed: Params = [("starting_at", rfc3339(asked.start_at)), ("ending_at", rfc3339(end_at)), *params]

    def page(cursor: Cursor | None) -> BucketPage[R]:
        return api.get(path, [*fixed, *((("page", cursor),) if cursor is not None else ())], shape)

    for each in every_page(api.source, page, _buckets, _following):
        yield from each["data"]


def rfc3339(moment: datetime) -> str:
    """Return an instant (naive UTC) as the API takes it."""
    return moment.replace(tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _buckets(page: BucketPage[Any]) -> list[Bucket[Any]]:
    return page["data"]


def _following(page: BucketPage[Any]) -> Cursor | None:
    return page["next_page"] if page["has_more"] else None
