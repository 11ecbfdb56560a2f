"""OpenAI's organisation usage: buckets by project, user, key, model, batch and tier, one endpoint a kind of usage.

Source: the OpenAPI description 2.3.0 of OpenAI, https://platform.openai.com/docs/api-reference/usage.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, timedelta
from functools import partial

from pydantic import ConfigDict, TypeAdapter, with_config
from typing_extensions import TypedDict

from sophia_metrics.errors import ConfigurationError
from sophia_metrics.sources.format import Completeness, Format, LandedColumn, TokenConvention
from sophia_metrics.sources.live.api import Params
from sophia_metrics.sources.live.clock import Clock
from sophia_metrics.sources.live.live_format import Bucket, LiveFormat, Row
from sophia_metrics.sources.live.numbers import is_number
from sophia_metrics.sources.live.openai_admin import KEY, BucketPage, admin_api, buckets_of, epoch, following, instant
from sophia_metrics.sources.live.pages import Cursor, every_page
from sophia_metrics.sources.live.terms import LiveTerms
from sophia_metrics.sources.queries import source_query
from sophia_metrics.windows import Window

__all__ = ["LIVE"]

HOURS_A_PAGE = 168
"""The most hourly buckets that a page may hold."""
BY_MODEL = ("project_id", "user_id", "api_key_id", "model")
GROUPS: dict[str, tuple[str, ...]] = {
    "completions": (*BY_MODEL, "batch", "service_tier"),
    "embeddings": BY_MODEL,
    "moderations": BY_MODEL,
    "images": (*BY_MODEL, "source", "size"),
    "audio_speeches": BY_MODEL,
    "audio_transcriptions": BY_MODEL,
    "vector_stores": ("project_id",),
    "code_interpreter_sessions": ("project_id",),
    "file_search_calls": ("project_id", "user_id", "api_key_id", "vector_store_id"),
    "web_search_calls": (*BY_MODEL, "context_level"),
}
"""The kinds of usage, and by what each can be grouped."""
TOKENS = (
    "input_tokens",
    "input_cached_tokens",
    "input_cache_write_tokens",
    "input_uncached_tokens",
    "output_tokens",
    "input_text_tokens",
    "output_text_tokens",
    "input_cached_text_tokens",
    "input_audio_tokens",
    "input_cached_audio_tokens",
    "output_audio_tokens",
    "input_image_tokens",
    "input_cached_image_tokens",
    "output_image_tokens",
)
QUANTITIES = ("images", "characters", "seconds", "usage_bytes", "num_sessions", "num_requests")
TEXTS = (
    *("project_id", "user_id", "api_key_id", "model", "service_tier"),
    *("source", "size", "vector_store_id", "context_level"),
)


@with_config(ConfigDict(extra="allow"))
class Result(TypedDict, total=False):
    """One group of a bucket. A key that is not named here is kept where it is a number: it may be usage."""

    object: str
    project_id: str | None
    user_id: str | None
    api_key_id: str | None
    model: str | None
    batch: bool | None
    service_tier: str | None
    source: str | None
    size: str | None
    vector_store_id: str | None
    context_level: str | None
    num_model_requests: int | None
    input_tokens: int | None
    input_cached_tokens: int | None
    input_cache_write_tokens: int | None
    input_uncached_tokens: int | None
    output_tokens: int | None
    input_text_tokens: int | None
    output_text_tokens: int | None
    input_cached_text_tokens: int | None
    input_audio_tokens: int | None
    input_cached_audio_tokens: int | None
    output_audio_tokens: int | None
    input_image_tokens: int | None
    input_cached_image_tokens: int | None
    output_image_tokens: int | None
    images: int | None
    characters: int | None
    seconds: float | None
    usage_bytes: int | None
    num_sessions: int | None
    num_requests: int | None


PAGE: TypeAdapter[BucketPage[Result]] = TypeAdapter(BucketPage[Result])


class UsageReader:
    """Reads the usage of an organisation."""

    def __init__(self, terms: LiveTerms, clock: Clock) -> None:
        """Prepare; nothing is asked yet.

        Raises:
            ConfigurationError: the key is not set, or there is no such kind of usage.
        """
        if unknown := sorted(set(terms.kinds) - set(GROUPS)):
            raise ConfigurationError(
                f"source {terms.source}: there is no usage of the kind {unknown[0]!r}: name some of {', '.join(GROUPS)}"
            )
        self._kinds = terms.kinds or tuple(GROUPS)
        self._api = admin_api(terms, clock)

    @property
    def lead(self) -> timedelta | None:
        """How far our clock is ahead of OpenAI's."""
        return self._api.lead

    def read(self, window: Window) -> Iterator[Bucket]:
        """Yield the groups of every bucket of the window, kind by kind."""
        for kind in self._kinds:
            for page in every_page(self._api.source, partial(self._page, kind, window), buckets_of, following):
                for bucket in page["data"]:
                    start_at, end_at = instant(bucket["start_time"]), instant(bucket["end_time"])
                    shared = {"kind": kind, "start_at": start_at, "end_at": end_at}
                    yield Bucket(shared, _counted(bucket["results"]))

    def check(self) -> str:
        """Ask for one bucket of completions, that of the hour before the last."""
        end = int(self._api.now.replace(tzinfo=UTC).timestamp()) // 3600 * 3600
        params = [("start_time", end - 3600), ("end_time", end), ("bucket_width", "1h"), ("limit", 1)]
        self._api.get("/organization/usage/completions", params, PAGE)
        return f"{self._api.host} tells the organisation's usage"

    def close(self) -> None:
        """Give the connections back."""
        self._api.close()

    def _page(self, kind: str, window: Window, cursor: Cursor | None) -> BucketPage[Result]:
        params: Params = [
            ("start_time", epoch(window.start_at)),
            ("end_time", epoch(window.end_at)),
            ("bucket_width", "1h"),
            ("limit", HOURS_A_PAGE),
            *(("group_by[]", group) for group in GROUPS[kind]),
            *((("page", cursor),) if cursor is not None else ()),
        ]
        return self._api.get(f"/organization/usage/{kind}", params, PAGE)


def _counted(results: list[Result]) -> Sequence[Row]:
    """Return the groups of a bucket, of keys that nobody knows only the numbers."""
    for result in results:
        result.pop("object", None)
    if KEYS.issuperset(set[str]().union(*results)):
        return results
    return [{key: value for key, value in result.items() if key in KEYS or is_number(value)} for result in results]


FORMAT = Format(
    name="openai_usage",
    doc="Usage of an OpenAI organisation by hour, from its Usage API.",
    convention=TokenConvention.INCLUSIVE,
    completeness=Completeness.COMPLETE,
    settling_hours=24,
    columns=(
        LandedColumn("kind", "VARCHAR"),
        LandedColumn("start_at", "TIMESTAMPTZ"),
        LandedColumn("end_at", "TIMESTAMPTZ"),
        LandedColumn("num_model_requests", "DOUBLE"),
        LandedColumn("batch", "BOOLEAN"),
        *(LandedColumn(name, "VARCHAR", is_identity=name in {"user_id", "api_key_id"}) for name in TEXTS),
        *(LandedColumn(name, "DOUBLE") for name in (*TOKENS, *QUANTITIES)),
        LandedColumn("read_at", "TIMESTAMPTZ"),
    ),
    mapping=source_query("openai_usage"),
    units=source_query("openai_usage_units"),
    signature=("kind", "start_at"),
    required=("kind", "start_at", "read_at"),
)
KEYS = frozenset(column.name for column in FORMAT.columns)

LIVE = LiveFormat(
    format=FORMAT,
    connect=UsageReader,
    base_url="https://api.openai.com/v1",
    key_variables=(KEY,),
    window=timedelta(days=1),
    span=timedelta(days=7),
    instant="start_at",
    settling_minutes=60,
    reread_hours=72,
)
