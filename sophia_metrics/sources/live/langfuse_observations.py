"""Langfuse's observations: every generation and embedding of a project, as the second version of its API lists them.

What it holds is what its file format `langfuse` holds; prompts and answers are not asked for. Langfuse watches calls
that a gateway may count too: where one is the ledger, let this source reconcile (`role = "reconcile"`).

Source: https://langfuse.com/docs/api-and-data-platform/features/observations-api.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Required, cast

from pydantic import AwareDatetime, ConfigDict, TypeAdapter, with_config
from typing_extensions import TypedDict

from sophia_metrics.sources.format import LandedColumn
from sophia_metrics.sources.langfuse import FORMAT as FILES
from sophia_metrics.sources.live.api import Api, Params
from sophia_metrics.sources.live.clock import Clock
from sophia_metrics.sources.live.live_format import LiveFormat, Row
from sophia_metrics.sources.live.money import dollars
from sophia_metrics.sources.live.numbers import is_number
from sophia_metrics.sources.live.pages import Cursor, every_page
from sophia_metrics.sources.live.terms import LiveTerms
from sophia_metrics.windows import Window, naive_utc

__all__ = ["LIVE"]

PUBLIC_KEY, SECRET_KEY = "LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY"
PATH = "/api/public/v2/observations"
GROUPS = "core,basic,time,model,usage,metrics"
"""What is asked for of an observation: neither `io` nor `metadata`."""
CALLS = ("GENERATION", "EMBEDDING")
PAGE_SIZE = 1000
"""The most that a page may hold."""
SHORT_NAME = re.compile(r"[A-Za-z0-9_.:/-]{1,64}")
TEXTS = (
    *("id", "type", "level", "environment", "traceId", "projectId", "parentObservationId"),
    *("providedModelName", "userId", "sessionId"),
)
INSTANTS = ("startTime", "endTime", "completionStartTime", "updatedAt")
SECONDS = ("latency", "timeToFirstToken")


@with_config(ConfigDict(extra="allow"))
class Observation(TypedDict, total=False):
    """One call. A key that is not named here is kept where it is a number: it may be usage."""

    id: Required[str]
    type: Required[str]
    startTime: Required[AwareDatetime]
    endTime: AwareDatetime | None
    completionStartTime: AwareDatetime | None
    updatedAt: AwareDatetime | None
    modelParameters: Any
    usageDetails: Mapping[str, float] | None
    totalCost: Decimal | None
    latency: float | None
    timeToFirstToken: float | None


class Meta(TypedDict, total=False):
    """Where the next page is, if there is one."""

    cursor: str | None


class Page(TypedDict):
    """Observations, the newest first."""

    data: list[Observation]
    meta: Meta


PAGE = TypeAdapter(Page)


class ObservationReader:
    """Reads the calls of a project."""

    def __init__(self, terms: LiveTerms, clock: Clock) -> None:
        """Prepare; nothing is asked yet.

        Raises:
            ConfigurationError: a key is not set.
        """
        keys = base64.b64encode(f"{terms.key(PUBLIC_KEY)}:{terms.key(SECRET_KEY)}".encode()).decode()
        self._api = Api.of_terms(terms, clock, {"Authorization": f"Basic {keys}"})

    @property
    def lead(self) -> timedelta | None:
        """How far our clock is ahead of Langfuse's."""
        return self._api.lead

    def read(self, window: Window) -> Iterator[Row]:
        """Yield the calls that began in the window, generations and embeddings."""
        for kind in CALLS:
            for page in every_page(self._api.source, partial(self._page, kind, window), _observations, _following):
                yield from map(_row, page["data"])

    def check(self) -> str:
        """Ask for one generation of the hour before."""
        hour = Window(self._api.now - timedelta(hours=1), self._api.now)
        self._api.get(PATH, [*_asked(CALLS[0], hour), ("limit", 1)], PAGE)
        return f"{self._api.host} tells the project's observations"

    def close(self) -> None:
        """Give the connections back."""
        self._api.close()

    def _page(self, kind: str, window: Window, cursor: Cursor | None) -> Page:
        following = () if cursor is None else (("cursor", cursor),)
        return self._api.get(PATH, [*_asked(kind, window), ("limit", PAGE_SIZE), *following], PAGE)


def _asked(kind: str, window: Window) -> Params:
    return [
        ("fields", GROUPS),
        ("type", kind),
        ("fromStartTime", _instant(window.start_at)),
        ("toStartTime", _instant(window.end_at)),
    ]


def _observations(page: Page) -> list[Observation]:
    return page["data"]


def _following(page: Page) -> Cursor | None:
    return page["meta"].get("cursor") or None


def _row(observation: Observation) -> Row:
    """Return what is read of a call, and the numbers that are new."""
    found: Mapping[str, Any] = observation
    others = {key: value for key, value in found.items() if key not in KEYS and is_number(value)}
    return {
        **{key: found.get(key) for key in (*TEXTS, *SECONDS)},
        **{key: naive_utc(moment) for key in INSTANTS if (moment := found.get(key)) is not None},
        **others,
        "modelParameters": _service_tier(found.get("modelParameters")),
        "usageDetails": _short_keys(found.get("usageDetails")),
        "totalCost": dollars(found.get("totalCost")),
    }


def _service_tier(parameters: object) -> str | None:
    """Return the one word that is read of a call's parameters, as JSON; they may be JSON themselves."""
    if isinstance(parameters, str):
        try:
            parameters = json.loads(parameters)
        except ValueError:
            return None
    tier = cast("Mapping[str, object]", parameters).get("service_tier") if isinstance(parameters, Mapping) else None
    return json.dumps({"service_tier": tier}) if isinstance(tier, str) and SHORT_NAME.fullmatch(tier) else None


def _short_keys(details: Mapping[str, float] | None) -> Mapping[str, float] | None:
    """Return the counts under their names; a name that could be text of a prompt is hashed."""
    return None if details is None else {_short(key): count for key, count in details.items()}


def _short(key: str) -> str:
    return key if SHORT_NAME.fullmatch(key) else hashlib.sha256(key.encode()).hexdigest()[:16]


def _instant(moment: datetime) -> str:
    return moment.replace(tzinfo=UTC).isoformat().replace("+00:00", "Z")


FORMAT = replace(
    FILES,
    name="langfuse_observations",
    doc="Generations and embeddings of a Langfuse project, from its API.",
    settling_hours=24,
    columns=(*FILES.columns, LandedColumn("read_at", "TIMESTAMPTZ")),
)
KEYS = frozenset(column.key for column in FORMAT.columns)

LIVE = LiveFormat(
    format=FORMAT,
    connect=ObservationReader,
    base_url="https://cloud.langfuse.com",
    key_variables=(PUBLIC_KEY, SECRET_KEY),
    window=timedelta(hours=1),
    span=timedelta(hours=6),
    instant="startTime",
    settling_minutes=60,
    reread_hours=6,
    requests_per_minute=30,
)
