"""Prometheus' instant queries over counters that are scraped, with processes that begin anew."""

import re
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.vendors.server import Asked, RefusedError, Vendor

SCRAPE = timedelta(minutes=5)
RANGE = re.compile(r"(?P<name>\w+)\[(?P<seconds>\d+)s\]")
LAST = re.compile(r"last_over_time\((?P<name>\w+)\[1d\]\)")
COUNT = re.compile(r"count\((?P<name>\w+)\)")
Series = frozenset[tuple[str, str]]


class Prometheus(Vendor):
    """What processes count and what of it was scraped."""

    def __init__(self, seed: int = 7) -> None:
        super().__init__(seed)
        self.samples: dict[Series, list[tuple[datetime, Decimal]]] = defaultdict(list)
        self.counted: dict[str, Decimal] = defaultdict(Decimal)
        self.has_both_ends = False
        self.warnings: list[str] = []

    def use(self, start: datetime, hours: int, restarts: int = 3) -> None:
        """Let two processes count for some hours; each begins anew a few times, right after it was scraped."""
        for instance in ("a:9090", "b:9090"):
            anew = set(self.random.sample(range(hours * 12), restarts))
            for model, team in (("llama", "search"), ("qwen", "chat")):
                common = {"instance": instance, "provider": "Internal", "model": model, "team": team}
                self._count(
                    "llm_requests_total", common | {"task_type": "chat", "status": "success"}, start, hours, anew
                )
                for kind in ("input", "output", "cache_read"):
                    self._count("llm_tokens_total", common | {"type": kind}, start, hours, anew)
                self._count("llm_cost_usd_total", common, start, hours, anew)

    def sample(self, name: str, labels: dict[str, str], at: datetime, reading: Decimal | int) -> None:
        """Scrape one reading."""
        self.samples[frozenset(labels.items()) | {("__name__", name)}].append((at, Decimal(reading)))

    def _count(self, name: str, labels: dict[str, str], start: datetime, hours: int, anew: set[int]) -> None:
        reading = Decimal(0)
        self.sample(name, labels, start - SCRAPE, reading)
        for number in range(hours * 12):
            rise = Decimal(self.random.randrange(0, 900))
            rise = rise / 10_000 if name == "llm_cost_usd_total" else rise
            # A process that counted more since it began anew than in all its life before looks as if it went on.
            reading = rise if number in anew and rise < reading else reading + rise
            self.counted[name] += rise
            self.counted[f"{name}/{labels.get('type')}"] += rise
            self.sample(name, labels, start + number * SCRAPE, reading)

    def answer(self, asked: Asked) -> Any:
        if asked.path != "/api/v1/query":
            raise RefusedError(404, "no such endpoint")
        at = datetime.fromtimestamp(float(asked.one("time")), UTC).replace(tzinfo=None)
        kind, result = self._evaluate(asked.one("query"), at)
        told = {"warnings": self.warnings} if self.warnings else {}
        return {"status": "success", "data": {"resultType": kind, "result": result}, **told}

    def spoil(self, body: Any) -> Any:
        return body | {"data": body["data"] | {"resultType": "streams"}}

    def _evaluate(self, query: str, at: datetime) -> tuple[str, list[dict[str, Any]]]:
        if found := RANGE.fullmatch(query):
            within = self._within(found["name"], at, timedelta(seconds=int(found["seconds"])))
            return "matrix", [
                {"metric": dict(series), "values": [[_stamp(moment), _text(reading)] for moment, reading in readings]}
                for series, readings in within.items()
            ]
        if found := LAST.fullmatch(query):
            within = self._within(found["name"], at, timedelta(days=1))
            return "vector", [
                {
                    "metric": {key: value for key, value in series if key != "__name__"},
                    "value": [_stamp(at), _text(readings[-1][1])],
                }
                for series, readings in within.items()
            ]
        if found := COUNT.fullmatch(query):
            count = len(self._within(found["name"], at, timedelta(minutes=5)))
            return "vector", [{"metric": {}, "value": [_stamp(at), str(count)]}]
        raise RefusedError(400, "parse error")

    def _within(self, name: str, at: datetime, width: timedelta) -> dict[Series, list[tuple[datetime, Decimal]]]:
        start = at - width
        found = {
            series: [each for each in readings if start < each[0] <= at or (self.has_both_ends and each[0] == start)]
            for series, readings in self.samples.items()
            if ("__name__", name) in series
        }
        return {series: readings for series, readings in found.items() if readings}


def _stamp(moment: datetime) -> float:
    return round(moment.replace(tzinfo=UTC).timestamp(), 3)


def _text(reading: Decimal) -> str:
    return str(float(reading))
