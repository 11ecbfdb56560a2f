"""LiteLLM's daily activity: sums a UTC day by model, provider and key, of the same calls that its spend logs hold.

Source: `/user/daily/activity` of the proxy and its siblings for teams, tags and organisations. A page holds the sums of
its own thousand rows and no more: those of a day are added up here.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from pydantic import ConfigDict, TypeAdapter, with_config
from typing_extensions import TypedDict

from sophia_metrics.errors import ConfigurationError, ProcessingError
from sophia_metrics.sources.format import Completeness, Format, LandedColumn, TokenConvention
from sophia_metrics.sources.live.api import Api, Params
from sophia_metrics.sources.live.clock import Clock
from sophia_metrics.sources.live.live_format import LiveFormat, Row
from sophia_metrics.sources.live.pages import Cursor, every_page
from sophia_metrics.sources.live.terms import LiveTerms
from sophia_metrics.sources.queries import source_query
from sophia_metrics.windows import Window

__all__ = ["LIVE"]

KEY = "LITELLM_API_KEY"
DAY = timedelta(days=1)
ROWS_A_PAGE = 1_000
FILTERS = {"user": None, "team": "team_ids", "tag": "tags", "organization": "organization_ids"}
"""The kinds of sums, and how each is asked for one team, tag or organisation."""
UNASSIGNED = "Unassigned"
"""How the proxy calls what belongs to no team, tag or organisation; it cannot be asked for."""
COUNTS = (
    *("spend", "prompt_tokens", "completion_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"),
    *("api_requests", "successful_requests", "failed_requests"),
)
DERIVED = frozenset({"total_tokens", "total_response_time_ms", "timed_requests", "compression_saved_tokens"})
"""Counts of the proxy that are no usage of their own; its savings are none either."""


@with_config(ConfigDict(extra="allow"))
class Metrics(TypedDict, total=False):
    """Sums. A key that is not named here is kept where it is a number: it may be usage."""

    spend: Decimal | None
    prompt_tokens: int | None
    completion_tokens: int | None
    cache_read_input_tokens: int | None
    cache_creation_input_tokens: int | None
    api_requests: int | None
    successful_requests: int | None
    failed_requests: int | None


class KeyFacts(TypedDict, total=False):
    """To whom a key belongs."""

    team_id: str | None
    user_id: str | None


class OfKey(TypedDict, total=False):
    """Sums of one key."""

    metrics: Metrics
    metadata: KeyFacts | None


class Part(TypedDict, total=False):
    """Sums of a model, a provider or an entity, and of each key in it."""

    metrics: Metrics
    api_key_breakdown: dict[str, OfKey]


class Breakdown(TypedDict, total=False):
    """The sums of a day, taken apart in several ways that do not cross."""

    models: dict[str, Part]
    providers: dict[str, Part]
    api_keys: dict[str, OfKey]
    entities: dict[str, Part]


class Day(TypedDict):
    """One UTC day, or what one page holds of it."""

    date: date
    breakdown: Breakdown


class Place(TypedDict):
    """Which page it is."""

    page: int
    has_more: bool


class Page(TypedDict):
    """The sums of a thousand rows."""

    results: list[Day]
    metadata: Place


PAGE = TypeAdapter(Page)
Sums = dict[str, Decimal]


@dataclass(slots=True)
class DaySums:
    """What the pages of a day add up to.

    Attributes:
        of_model: by model and key.
        of_provider: by provider and key.
        of_key: by key, calls without a model among them.
        facts: to whom a key belongs.
        of_entity: by team, tag or organisation, and key.
    """

    of_model: dict[tuple[str, str], Sums] = field(default_factory=lambda: defaultdict(lambda: defaultdict(Decimal)))
    of_provider: dict[tuple[str, str], Sums] = field(default_factory=lambda: defaultdict(lambda: defaultdict(Decimal)))
    of_key: dict[tuple[str, str], Sums] = field(default_factory=lambda: defaultdict(lambda: defaultdict(Decimal)))
    of_entity: dict[tuple[str, str], Sums] = field(default_factory=lambda: defaultdict(lambda: defaultdict(Decimal)))
    facts: dict[str, KeyFacts] = field(default_factory=dict[str, KeyFacts])

    def add(self, breakdown: Breakdown) -> None:
        """Add what a page holds."""
        for sums, parts in (
            (self.of_model, breakdown.get("models", {})),
            (self.of_provider, breakdown.get("providers", {})),
            (self.of_entity, breakdown.get("entities", {})),
        ):
            for name, part in parts.items():
                for key, of_key in part.get("api_key_breakdown", {}).items():
                    _add(sums[name, key], of_key.get("metrics", {}))
        for key, of_key in breakdown.get("api_keys", {}).items():
            _add(self.of_key["", key], of_key.get("metrics", {}))
            self.facts[key] = of_key.get("metadata") or {}

    def without_model(self) -> Iterator[tuple[str, Sums]]:
        """Yield what keys have beside their models, such as calls of tools."""
        for (_, key), whole in self.of_key.items():
            named = [sums for (_, of_key), sums in self.of_model.items() if of_key == key]
            rest = {name: value - sum(sums.get(name, Decimal()) for sums in named) for name, value in whole.items()}
            if any(rest.get(name) for name in COUNTS[1:]):
                yield key, rest


class DailyReader:
    """Reads the daily sums of a proxy."""

    def __init__(self, terms: LiveTerms, clock: Clock) -> None:
        """Prepare; nothing is asked yet.

        Raises:
            ConfigurationError: the key is not set, or not one kind of sums that there is.
        """
        kinds = terms.kinds or ("user",)
        if len(kinds) != 1 or kinds[0] not in FILTERS:
            raise ConfigurationError(
                f"source {terms.source}: kinds in [sources.api] names one of {', '.join(FILTERS)}: each sums the same "
                "calls, so give every kind a source of its own"
            )
        self._kind = kinds[0]
        self._api = Api.of_terms(terms, clock, {"Authorization": f"Bearer {terms.key(KEY)}"})

    @property
    def lead(self) -> timedelta | None:
        """How far our clock is ahead of the proxy's."""
        return self._api.lead

    def read(self, window: Window) -> Iterator[Row]:
        """Yield the sums of every day of the window."""
        for day in window.days():
            whole = self._sums(day, {})
            if self._kind == "user":
                yield from self._rows(day, whole, None, {})
                continue
            for entity in sorted({entity for entity, _ in whole.of_entity}):
                if entity == UNASSIGNED:
                    rest = ((key, sums) for (name, key), sums in whole.of_entity.items() if name == UNASSIGNED)
                    yield from (self._row(day, None, "", "", key, sums, whole) for key, sums in rest)
                    continue
                query = {str(FILTERS[self._kind]): entity}
                yield from self._rows(day, self._sums(day, query), entity, query)

    def check(self) -> str:
        """Ask for one row of the day before this one."""
        day = self._api.now.date() - DAY
        self._page(day, {}, 1, None)
        return f"{self._api.host} shows the proxy's daily activity"

    def close(self) -> None:
        """Give the connections back."""
        self._api.close()

    def _rows(self, day: date, found: DaySums, entity: str | None, query: Mapping[str, str]) -> Iterator[Row]:
        """Yield the sums by model, provider and key; where a key used several providers, each model is asked for."""
        providers: dict[str, set[str]] = defaultdict(set)
        for provider, key in found.of_provider:
            providers[key].add(provider)
        for model in sorted({model for model, _ in found.of_model}):
            keys = [key for name, key in found.of_model if name == model]
            if all(len(providers[key]) == 1 for key in keys):
                for key in keys:
                    (provider,) = providers[key]
                    yield self._row(day, entity, model, provider, key, found.of_model[model, key], found)
                continue
            alone = self._sums(day, {**query, "model": model})
            for (provider, key), sums in alone.of_provider.items():
                yield self._row(day, entity, model, provider, key, sums, alone)
        for key, sums in found.without_model():
            yield self._row(day, entity, "", "", key, sums, found)

    def _row(
        self, day: date, entity: str | None, model: str, provider: str, key: str, sums: Sums, found: DaySums
    ) -> Row:
        facts = found.facts.get(key, {})
        start_at = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - naive UTC
        return {
            "kind": self._kind,
            "start_at": start_at,
            "end_at": start_at + DAY,
            "entity": entity,
            "model": model,
            "custom_llm_provider": provider,
            "api_key": key,
            "team_id": entity if self._kind == "team" else facts.get("team_id"),
            "user_id": facts.get("user_id"),
            **{name: value if name == "spend" else float(value) for name, value in sums.items()},
        }

    def _sums(self, day: date, query: Mapping[str, str]) -> DaySums:
        found = DaySums()
        before: list[Day] | None = None
        ask = partial(self._page, day, query, ROWS_A_PAGE)
        for page in every_page(self._api.source, ask, _days, _following):
            if page["results"] == before:  # the page before, once more: no two thousands of rows have the same sums
                continue
            before = page["results"]
            for each in page["results"]:
                if each["date"] != day:
                    raise ProcessingError(
                        f"source {self._api.source}: {self._api.host} was asked for {day} and told of {each['date']}; "
                        "nothing of it was taken"
                    )
                found.add(each["breakdown"])
        return found

    def _page(self, day: date, query: Mapping[str, str], size: int, cursor: Cursor | None) -> Page:
        params: Params = [
            ("start_date", day.isoformat()),
            ("end_date", day.isoformat()),
            ("page", cursor or 1),
            ("page_size", size),
            *query.items(),
        ]
        return self._api.get(f"/{self._kind}/daily/activity", params, PAGE)


def _days(page: Page) -> list[Day]:
    return page["results"]


def _following(page: Page) -> Cursor | None:
    return page["metadata"]["page"] + 1 if page["metadata"]["has_more"] else None


def _add(sums: Sums, metrics: Mapping[str, Any]) -> None:
    for name, value in metrics.items():
        is_usage = name in COUNTS or not (name in DERIVED or name.endswith(("_spend", "_cost")))
        if is_usage and isinstance(value, int | float | Decimal) and not isinstance(value, bool):
            sums[name] += value if isinstance(value, Decimal) else Decimal(str(value))


FORMAT = Format(
    name="litellm_daily",
    doc="Daily sums of a LiteLLM proxy by model, provider and key.",
    convention=TokenConvention.INCLUSIVE,
    reported_basis="estimated",
    completeness=Completeness.COMPLETE,
    settling_hours=24,
    columns=(
        LandedColumn("kind", "VARCHAR"),
        LandedColumn("start_at", "TIMESTAMPTZ"),
        LandedColumn("end_at", "TIMESTAMPTZ"),
        LandedColumn("entity", "VARCHAR"),
        LandedColumn("model", "VARCHAR"),
        LandedColumn("custom_llm_provider", "VARCHAR"),
        LandedColumn("api_key", "VARCHAR", is_identity=True),
        LandedColumn("team_id", "VARCHAR"),
        LandedColumn("user_id", "VARCHAR", is_identity=True),
        LandedColumn("spend", "DECIMAL(38,12)"),
        *(LandedColumn(name, "DOUBLE") for name in COUNTS[1:]),
        LandedColumn("read_at", "TIMESTAMPTZ"),
    ),
    mapping=source_query("litellm_daily"),
    naming=("entity", "team_id"),
    signature=("kind", "start_at"),
    required=("kind", "start_at", "read_at"),
)

LIVE = LiveFormat(
    format=FORMAT,
    connect=DailyReader,
    base_url="",
    key_variables=(KEY,),
    window=DAY,
    span=DAY,
    instant="start_at",
    settling_minutes=60,
    reread_hours=72,
    requests_per_minute=120,
)
