"""Counters in Prometheus: calls, tokens and dollars by hour, from the raw samples.

Raw samples are read, and not `increase()`, which extrapolates. A counter that falls has begun anew at 0: restarts lose
nothing that was sampled. What a series counted before its first sample is unknown, and no rise.

Source: https://prometheus.io/docs/prometheus/latest/querying/api/.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from sophia_metrics.errors import ConfigurationError, ServiceUnavailableError
from sophia_metrics.sources.format import Completeness, Format, LandedColumn, TokenConvention
from sophia_metrics.sources.live.api import Api
from sophia_metrics.sources.live.clock import Clock
from sophia_metrics.sources.live.counters import Sample, rises
from sophia_metrics.sources.live.live_format import LiveFormat, Row
from sophia_metrics.sources.live.money import dollars
from sophia_metrics.sources.live.terms import LiveTerms
from sophia_metrics.sources.queries import source_query
from sophia_metrics.windows import Window

__all__ = ["LIVE"]

TOKEN = "PROMETHEUS_TOKEN"  # noqa: S105 - the name of a variable
HOUR = timedelta(hours=1)
LOOK_BACK = "1d"
"""So long before a window the last sample before it is looked for."""
TICK = timedelta(milliseconds=1)
"""The smallest step of a sample's time: both ends of a range belong to it in some versions of Prometheus."""
DIMENSIONS = ("provider", "model", "team", "project", "environment", "operation", "status")
TYPES = {
    **dict.fromkeys(("input", "prompt", "input_tokens", "prompt_tokens"), "input_tokens"),
    **dict.fromkeys(("output", "completion", "output_tokens", "completion_tokens"), "output_tokens"),
    **dict.fromkeys(("cached", "cache_read", "cached_input", "input_cached", "cache_read_tokens"), "cache_read_tokens"),
    **dict.fromkeys(("cache_write", "cache_creation", "cache_write_tokens"), "cache_write_tokens"),
    **dict.fromkeys(("reasoning", "reasoning_tokens"), "reasoning_tokens"),
}
"""The types of tokens, by what the label may say."""
WELL = frozenset({"", "ok", "success", "succeeded", "completed", "200"})
"""How a call ended well, by what the label may say; without a label nothing is said."""


class Series(TypedDict, total=False):
    """One counter of one process: every sample, or the last one."""

    metric: dict[str, str]
    values: list[tuple[Decimal, str]]
    value: tuple[Decimal, str]


class Found(TypedDict):
    """What an expression yields."""

    resultType: Literal["matrix", "vector"]
    result: list[Series]


class Answer(TypedDict, total=False):
    """An answer; with warnings it may be a part of the truth."""

    status: Literal["success"]
    data: Found
    warnings: list[str]


ANSWER = TypeAdapter(Answer)
Labels = frozenset[tuple[str, str]]
Group = tuple[datetime, tuple[str | None, ...]]


class CounterReader:
    """Reads counters of one Prometheus, or of what speaks as it does."""

    def __init__(self, terms: LiveTerms, clock: Clock) -> None:
        """Prepare; nothing is asked yet.

        Raises:
            ConfigurationError: no counter is named.
        """
        if terms.counters is None or not terms.counters.names:
            raise ConfigurationError(
                f"source {terms.source}: no counter is named: set requests, tokens or cost in [sources.api.metrics]"
            )
        self._counters = terms.counters
        token = terms.keys.get(terms.variables[TOKEN])
        self._api = Api.of_terms(terms, clock, {"Authorization": f"Bearer {token}"} if token else {})

    @property
    def lead(self) -> timedelta | None:
        """How far our clock is ahead of Prometheus'."""
        return self._api.lead

    def read(self, window: Window) -> Iterator[Row]:
        """Yield what rose in every hour of the window, by provider, model and the other labels that are named."""
        counters = self._counters
        kinds = {"requests": counters.requests, "tokens": counters.tokens, "cost": counters.cost}
        groups: dict[Group, dict[str, Decimal]] = defaultdict(dict)
        for kind, selector in kinds.items():
            for labels, by_hour in self._rises(selector, window) if selector else ():
                column = self._column(kind, labels)
                for start_at, rise in by_hour.items():
                    group = groups[start_at, self._dimensions(labels)]
                    group[column] = group.get(column, Decimal(0)) + rise
        for (start_at, names), counted in groups.items():
            yield self._row(start_at, names, counted)

    def check(self) -> str:
        """Count the series of the first counter."""
        name = self._counters.names[0]
        found = self._ask(f"count({name})", self._api.now)
        count = found[0]["value"][1] if found and "value" in found[0] else "0"
        return f"{self._api.host} has {count} series of {name}"

    def close(self) -> None:
        """Give the connections back."""
        self._api.close()

    def _rises(self, selector: str, window: Window) -> Iterator[tuple[Mapping[str, str], dict[datetime, Decimal]]]:
        seconds = int((window.end_at - window.start_at).total_seconds())
        earlier = self._ask(f"last_over_time({selector}[{LOOK_BACK}])", window.start_at - TICK)
        before = {_labels(each): _number(each["value"][1]) for each in earlier if "value" in each}
        for series in self._ask(f"{selector}[{seconds + 1}s]", window.end_at - TICK):
            samples = [each for each in _samples(series) if window.start_at <= each[0] < window.end_at]
            yield series.get("metric", {}), rises(samples, before.get(_labels(series)), HOUR)

    def _ask(self, expression: str, at: datetime) -> list[Series]:
        stamp = f"{at.replace(tzinfo=UTC).timestamp():.3f}"
        answer = self._api.get("/api/v1/query", [("query", expression), ("time", stamp)], ANSWER)
        if answer.get("warnings"):
            raise ServiceUnavailableError(
                f"source {self._api.source}: {self._api.host} warns that its answer may be a part of the truth; "
                "nothing of it was taken, and the next run asks again"
            )
        return answer["data"]["result"] if "data" in answer else []

    def _column(self, kind: str, labels: Mapping[str, str]) -> str:
        if kind != "tokens":
            return kind
        told = labels.get(self._counters.token_type_label, "").lower()
        return TYPES.get(told, f"{told or 'untyped'}_tokens")

    def _dimensions(self, labels: Mapping[str, str]) -> tuple[str | None, ...]:
        named = {name: labels.get(self._counters.labels[name]) or None for name in DIMENSIONS}
        return tuple((named | {"status": "ok" if (named["status"] or "").lower() in WELL else "error"}).values())

    def _row(self, start_at: datetime, names: tuple[str | None, ...], counted: Mapping[str, Decimal]) -> Row:
        """Return a row: a counter that did not rise is 0, and one that there is not is unknown."""
        row: dict[str, Any] = {"start_at": start_at, **dict(zip(DIMENSIONS, names, strict=True))}
        if self._counters.requests:
            row["requests"] = 0.0
        if self._counters.tokens:
            row |= {"input_tokens": 0.0, "output_tokens": 0.0, "is_cached_inside": self._counters.is_cached_inside}
        row |= {column: float(rise) for column, rise in counted.items() if column != "cost"}
        if self._counters.cost:
            row["cost"] = dollars(counted.get("cost", Decimal(0)))
        return row


def _labels(series: Series) -> Labels:
    # A function over a range drops the name of the counter.
    return frozenset(pair for pair in series.get("metric", {}).items() if pair[0] != "__name__")


def _samples(series: Series) -> Iterator[Sample]:
    for stamp, text in series.get("values", []):
        reading = _number(text)
        if reading is not None:
            yield datetime(1970, 1, 1) + timedelta(milliseconds=round(stamp * 1000)), reading  # noqa: DTZ001 - naive UTC


def _number(text: str) -> Decimal | None:
    """Return a reading. None: it is no number, which counters never are."""
    reading = Decimal(text)
    return reading if reading.is_finite() else None


FORMAT = Format(
    name="prometheus",
    doc="Counters of calls, tokens and dollars in Prometheus, by hour.",
    convention=TokenConvention.EXCLUSIVE,
    reported_basis="estimated",
    completeness=Completeness.COMPLETE,
    settling_hours=2,
    columns=(
        LandedColumn("start_at", "TIMESTAMPTZ"),
        *(LandedColumn(name, "VARCHAR") for name in DIMENSIONS),
        LandedColumn("requests", "DOUBLE"),
        *(LandedColumn(name, "DOUBLE") for name in dict.fromkeys(TYPES.values())),
        LandedColumn("is_cached_inside", "BOOLEAN"),
        LandedColumn("cost", "DECIMAL(38,12)"),
        LandedColumn("read_at", "TIMESTAMPTZ"),
    ),
    mapping=source_query("prometheus"),
    naming=("team", "project", "environment"),
    signature=("requests", "start_at"),
    required=("start_at", "provider", "model", "read_at"),
)

LIVE = LiveFormat(
    format=FORMAT,
    connect=CounterReader,
    base_url="",
    key_variables=(TOKEN,),
    window=HOUR,
    span=timedelta(hours=6),
    instant="start_at",
    settling_minutes=10,
    reread_hours=2,
    first_days=15,
)
