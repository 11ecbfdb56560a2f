"""Langfuse's observations, as the second version of its API lists them: cursors, groups of fields, newest first."""

import base64
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.vendors.server import Asked, RefusedError, Vendor

PUBLIC, SECRET = "pk-lf-of-the-test", "sk-lf-of-the-test"
GROUPS = {
    "basic": ("name", "level", "environment", "userId", "sessionId"),
    "time": ("completionStartTime", "createdAt", "updatedAt"),
    "model": ("providedModelName", "internalModelId", "modelParameters"),
    "usage": ("usageDetails", "costDetails", "totalCost"),
    "metrics": ("latency", "timeToFirstToken"),
    "io": ("input", "output"),
    "metadata": ("metadata",),
}
PRICES = {"internal-llama": ("0.80", "0.08", "2.40")}  # dollars a million tokens: input, cached, output


@dataclass
class Observed:
    """One observation as Langfuse knows it."""

    ident: str
    at: datetime
    usage: dict[str, int]
    type: str = "GENERATION"
    updated_at: datetime | None = None
    parameters: Any = field(default_factory=dict[str, Any])

    @property
    def usd(self) -> Decimal:
        """What Langfuse says that it cost."""
        fresh, cached, out = (Decimal(price) / 1_000_000 for price in PRICES["internal-llama"])
        used = self.usage
        return used["input"] * fresh + used.get("input_cached_tokens", 0) * cached + used.get("output", 0) * out


class Langfuse(Vendor):
    """A project and what it observed."""

    def __init__(self, seed: int = 7) -> None:
        super().__init__(seed)
        self.observations: list[Observed] = []
        self.page_size = 20
        self.extra: dict[str, Any] = {}

    def use(self, start: datetime, hours: int, calls_an_hour: int = 8) -> None:
        """Let an application work for some hours: one call in five is an embedding, and each has a span around it."""
        for hour in range(hours):
            for _ in range(calls_an_hour):
                at = start + timedelta(hours=hour, milliseconds=self.random.randrange(3_600_000))
                number = len(self.observations)
                is_embedding = self.random.random() < 0.2
                usage = {"input": self.random.randrange(100, 5000)}
                if not is_embedding:
                    usage |= {
                        "input_cached_tokens": self.random.randrange(3000),
                        "output": self.random.randrange(1, 900),
                    }
                self.observations += [
                    Observed(f"obs-{number}", at, usage, "EMBEDDING" if is_embedding else "GENERATION"),
                    Observed(f"obs-{number + 1}", at, {}, "SPAN"),
                ]

    @property
    def calls(self) -> list[Observed]:
        """Those that are calls of a model."""
        return [each for each in self.observations if each.type != "SPAN"]

    @property
    def usd(self) -> Decimal:
        """What all of them cost."""
        return sum((each.usd for each in self.calls), Decimal(0))

    def answer(self, asked: Asked) -> Any:
        expected = base64.b64encode(f"{PUBLIC}:{SECRET}".encode()).decode()
        if asked.headers.get("Authorization") != f"Basic {expected}":
            raise RefusedError(401, "Invalid credentials")
        if asked.path != "/api/public/v2/observations":
            raise RefusedError(404, "no such endpoint")
        start, end = _moment(asked.one("fromStartTime")), _moment(asked.one("toStartTime"))
        limit, kind = int(asked.one("limit", "50")), asked.one("type")
        if limit > 1000:
            raise RefusedError(400, "limit is at most 1000")
        found = [each for each in self.observations if each.type == kind and start <= each.at < end]
        found.sort(key=lambda each: each.at, reverse=True)
        place = int(base64.b64decode(asked.one("cursor")).decode()) if "cursor" in asked.params else 0
        page, following = self.page(f"{kind}/{start}/{end}", found, min(limit, self.page_size), place)
        groups = asked.one("fields", "core,basic").split(",")
        meta = {} if following is None else {"cursor": base64.b64encode(str(following).encode()).decode()}
        return {"data": [self._row(each, groups) for each in page], "meta": meta}

    def spoil(self, body: Any) -> Any:
        for row in body["data"]:
            row["usageDetails"] = "input: many"
        return body

    def _row(self, observed: Observed, groups: list[str]) -> dict[str, Any]:
        end = observed.at + timedelta(milliseconds=1500)
        whole: dict[str, Any] = {
            "name": "answer",
            "level": "DEFAULT",
            "environment": "production",
            "userId": "ada@example.com",
            "sessionId": "session-of-ada",
            "completionStartTime": _text(observed.at + timedelta(milliseconds=400)),
            "createdAt": _text(observed.at),
            "updatedAt": _text(observed.updated_at or end),
            "providedModelName": "internal-llama",
            "internalModelId": None,
            "modelParameters": observed.parameters,
            "usageDetails": observed.usage | ({"total": sum(observed.usage.values())} if observed.usage else {}),
            "costDetails": {"total": float(observed.usd)} if observed.usage else {},
            "totalCost": float(observed.usd) if observed.usage else None,
            "latency": 1.5,
            "timeToFirstToken": 0.4,
            "input": "PLANTED PROMPT",
            "output": "PLANTED ANSWER",
            "metadata": {"secret": "PLANTED METADATA"},
        }
        chosen = {key: whole[key] for group in groups if group != "core" for key in GROUPS[group]}
        core = {"id": observed.ident, "traceId": "trace-1", "startTime": _text(observed.at), "endTime": _text(end)}
        return core | {"projectId": "proj-1", "parentObservationId": None, "type": observed.type} | chosen | self.extra


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds") + "Z"


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=None)
