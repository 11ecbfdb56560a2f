"""Portkey's log export: every call through the gateway, as a job that is made, started, awaited and downloaded.

Only organisations of the enterprise plan may export; the key is one of the workspace that is read. Costs are in cents,
by Portkey's own prices. What is asked for holds neither requests nor responses. How the exported fields are typed is
not documented, so texts that are numbers and instants without a zone (UTC) are taken too; whether `req_units` holds
cached tokens is not said, and caches are not told apart: usage is partial.

Sources: https://portkey.ai/docs/product/observability/logs-export (fields, cents),
https://portkey.ai/docs/api-reference/admin-api/data-plane/logs/log-exports-beta (jobs; beta).
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, Required, cast

import httpx
from pydantic import ConfigDict, TypeAdapter, with_config
from typing_extensions import TypedDict

from sophia_metrics.errors import ProcessingError, ServiceUnavailableError
from sophia_metrics.sources.format import Format, LandedColumn, TokenConvention
from sophia_metrics.sources.live.api import Api
from sophia_metrics.sources.live.clock import Clock
from sophia_metrics.sources.live.live_format import LiveFormat, Row
from sophia_metrics.sources.live.money import dollars_of_cents
from sophia_metrics.sources.live.numbers import is_number
from sophia_metrics.sources.live.terms import LiveTerms
from sophia_metrics.sources.queries import source_query
from sophia_metrics.windows import Window, naive_utc

__all__ = ["LIVE"]

KEY = "PORTKEY_API_KEY"
HEADER = "x-portkey-api-key"
PATH = "/logs/exports"
PAGE_SIZE = 50_000
"""The most that one export holds."""
LOOK_SECONDS, MOST_LOOKS = 5.0, 180
"""How often, and how many times, is asked whether an export is done: a quarter of an hour."""
TEXTS = ("id", "trace_id", "ai_org", "ai_model", "cost_currency", "response_status_code", "prompt_slug", "cache_status")
COUNTS = ("req_units", "res_units", "total_units", "response_time")
REQUESTED = (
    *("id", "trace_id", "created_at", "is_success", "ai_org", "ai_model", "req_units", "res_units", "total_units"),
    *("cost", "cost_currency", "response_time", "response_status_code", "prompt_slug", "metadata"),
)
LABELS = {"user": "_user", "environment": "_environment", "team": "team", "project": "project"}
"""What is read of a call's metadata, and under which key."""
SHORT_NAME = re.compile(r"[\w.:@/ -]{1,100}")


@with_config(ConfigDict(extra="allow"))
class Call(TypedDict, total=False):
    """One call. A key that is not named here is kept where it is a number: it may be usage."""

    id: Required[str]
    trace_id: str | None
    created_at: Required[datetime]
    is_success: bool | None
    ai_org: str | None
    ai_model: str | None
    req_units: float | None
    res_units: float | None
    total_units: float | None
    cost: Decimal | None
    cost_currency: str | None
    response_time: float | None
    response_status_code: str | int | None
    prompt_slug: str | None
    cache_status: str | None
    metadata: Any


class Made(TypedDict):
    """An export that was made."""

    id: str


class Export(TypedDict):
    """How far an export is."""

    status: Literal["draft", "in_progress", "success", "failed", "stopped"]


class Download(TypedDict):
    """Where its file is, for a while."""

    signed_url: str


CALL, MADE, EXPORT, DOWNLOAD = TypeAdapter(Call), TypeAdapter(Made), TypeAdapter(Export), TypeAdapter(Download)
ANYTHING: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])


class ExportReader:
    """Reads the calls of a workspace, by exports."""

    def __init__(self, terms: LiveTerms, clock: Clock) -> None:
        """Prepare; nothing is asked yet.

        Raises:
            ConfigurationError: the key is not set.
        """
        self._terms = terms
        self._clock = clock
        self._api = Api.of_terms(terms, clock, {HEADER: terms.key(KEY)})

    @property
    def lead(self) -> timedelta | None:
        """How far our clock is ahead of Portkey's."""
        return self._api.lead

    def read(self, window: Window) -> Iterator[Row]:
        """Yield the calls of the window, export by export, until one is not full."""
        page = 0
        while True:
            calls = self._download(self._export(window, page))
            yield from map(_row, calls)
            if len(calls) < PAGE_SIZE:
                return
            page += 1

    def check(self) -> str:
        """List the exports of the workspace."""
        self._api.get(PATH, (), ANYTHING)
        return f"{self._api.host} exports logs"

    def close(self) -> None:
        """Give the connections back."""
        self._api.close()

    def _export(self, window: Window, page: int) -> str:
        """Make an export, wait until it is done, and return where its file is."""
        filters = {
            "time_of_generation_min": _instant(window.start_at),
            "time_of_generation_max": _instant(window.end_at),
            "page_size": PAGE_SIZE,
            "current_page": page,
        }
        body = {"filters": filters, "requested_data": REQUESTED, "description": "sophia-metrics"}
        place = f"{PATH}/{self._api.post(PATH, body, MADE)['id']}"
        self._api.post(f"{place}/start", {}, ANYTHING)
        for _ in range(MOST_LOOKS):
            status = self._api.get(place, (), EXPORT)["status"]
            if status == "success":
                return self._api.get(f"{place}/download", (), DOWNLOAD)["signed_url"]
            if status in {"failed", "stopped"}:
                raise ServiceUnavailableError(
                    f"source {self._terms.source}: Portkey says that an export {status}; the next run makes another one"
                )
            self._clock.sleep(LOOK_SECONDS)
        raise ServiceUnavailableError(
            f"source {self._terms.source}: an export was not done after {MOST_LOOKS * LOOK_SECONDS / 60:.0f} minutes; "
            "the next run makes another one"
        )

    def _download(self, signed_url: str) -> list[Call]:
        """Return the calls of a file; it lies elsewhere, and our key is not shown there."""
        try:
            url = httpx.URL(signed_url)
        except httpx.InvalidURL as error:
            raise ProcessingError(
                f"source {self._terms.source}: Portkey says no address where its export is; report the change"
            ) from error
        files = Api(
            self._terms.source,
            f"{url.scheme}://{url.netloc.decode()}",
            headers={},
            key_hint="The address of an export holds for a short time: the next run asks for another one",
            requests_per_minute=self._terms.requests_per_minute,
            deadline_seconds=self._terms.deadline_seconds,
            clock=self._clock,
        )
        try:
            return files.get_lines(url.raw_path.decode(), CALL)
        finally:
            files.close()


def _row(call: Call) -> Row:
    """Return what is read of a call, and the numbers that are new."""
    found: Mapping[str, Any] = call
    others = {key: value for key, value in found.items() if key not in KEYS and is_number(value)}
    return {
        **{key: _text(found.get(key)) for key in TEXTS},
        **{key: found.get(key) for key in COUNTS},
        **_labels(found.get("metadata")),
        **others,
        "created_at": _utc(call["created_at"]),
        "is_success": found.get("is_success"),
        "cost_usd": dollars_of_cents(found.get("cost")),
    }


def _labels(metadata: object) -> dict[str, str]:
    """Return the labels of a call; its metadata may be JSON, and may hold anything else."""
    if isinstance(metadata, str):
        try:
            metadata = json.loads(metadata)
        except ValueError:
            return {}
    if not isinstance(metadata, Mapping):
        return {}
    labels = cast("Mapping[str, object]", metadata)
    texts = {name: labels.get(key) for name, key in LABELS.items()}
    return {name: text for name, text in texts.items() if isinstance(text, str) and SHORT_NAME.fullmatch(text)}


def _text(value: str | int | None) -> str | None:
    return None if value is None else str(value)


def _utc(moment: datetime) -> datetime:
    return naive_utc(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))


def _instant(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}Z"


FORMAT = Format(
    name="portkey",
    doc="Calls through Portkey's gateway, from its log export.",
    convention=TokenConvention.INCLUSIVE,
    reported_basis="estimated",
    settling_hours=24,
    columns=(
        LandedColumn("created_at", "TIMESTAMPTZ"),
        *(LandedColumn(name, "VARCHAR") for name in TEXTS),
        *(LandedColumn(name, "DOUBLE") for name in COUNTS),
        *(LandedColumn(name, "VARCHAR", is_identity=name == "user") for name in LABELS),
        LandedColumn("is_success", "BOOLEAN"),
        LandedColumn("cost_usd", "DECIMAL(38,12)"),
        LandedColumn("read_at", "TIMESTAMPTZ"),
    ),
    mapping=source_query("portkey"),
    naming=("environment", "team", "project"),
    signature=("ai_org", "created_at"),
    required=("id", "created_at", "ai_model", "read_at"),
)
KEYS = frozenset({"cost", "metadata", *(column.name for column in FORMAT.columns)})

LIVE = LiveFormat(
    format=FORMAT,
    connect=ExportReader,
    base_url="https://api.portkey.ai/v1",
    key_variables=(KEY,),
    window=timedelta(hours=1),
    span=timedelta(days=1),
    instant="created_at",
    settling_minutes=15,
    reread_hours=1,
    is_open_read=False,
)
