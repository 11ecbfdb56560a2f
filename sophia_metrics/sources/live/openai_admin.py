"""What the endpoints of OpenAI's organisation API share: the key's header, instants, and what a page of buckets is.

Source: the OpenAPI description 2.3.0 of OpenAI, https://platform.openai.com/docs/api-reference/usage.
"""

from datetime import UTC, datetime
from typing import Generic, TypeVar

from typing_extensions import TypedDict

from sophia_metrics.sources.live.api import Api
from sophia_metrics.sources.live.clock import Clock
from sophia_metrics.sources.live.pages import Cursor
from sophia_metrics.sources.live.terms import LiveTerms

__all__ = ["KEY", "Bucket", "BucketPage", "admin_api", "buckets_of", "epoch", "following", "instant"]

KEY = "OPENAI_ADMIN_KEY"

R = TypeVar("R")


class Bucket(TypedDict, Generic[R]):
    """A span of time, in seconds of the epoch, and what fell into it, group by group."""

    start_time: int
    end_time: int
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
    return Api.of_terms(terms, clock, {"Authorization": f"Bearer {terms.key(KEY)}"})


def buckets_of(page: BucketPage[R]) -> list[Bucket[R]]:
    """Return what a page holds."""
    return page["data"]


def following(page: BucketPage[R]) -> Cursor | None:
    """Return the cursor of the next page. None: there is none."""
    return page["next_page"] if page["has_more"] else None


def epoch(moment: datetime) -> int:
    """Return an instant (naive UTC) in seconds of the epoch."""
    return int(moment.replace(tzinfo=UTC).timestamp())


def instant(seconds: int) -> datetime:
    """Return seconds of the epoch as an instant (naive UTC)."""
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
