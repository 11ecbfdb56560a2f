"""OpenAI's organisation usage, as its OpenAPI description 2.3.0 has it: buckets, groups, pages."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.vendors.server import Asked, RefusedError, Vendor

KEY = "sk-admin-of-the-test"
PRICES = {  # dollars a million tokens: uncached input, cached input, output
    "gpt-4o-mini-2024-07-18": ("0.15", "0.075", "0.60"),
    "gpt-4.1-2025-04-14": ("2.00", "0.50", "8.00"),
}
LIMITS = {"1m": 1440, "1h": 168, "1d": 31}
WIDTHS = {"1m": 60, "1h": 3600, "1d": 86400}
KINDS = (
    *("completions", "embeddings", "moderations", "images", "audio_speeches", "audio_transcriptions"),
    *("vector_stores", "code_interpreter_sessions", "file_search_calls", "web_search_calls"),
)


@dataclass
class Completion:
    """One call as the vendor knows it."""

    at: datetime
    project_id: str
    user_id: str
    api_key_id: str
    model: str
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    batch: bool = False
    service_tier: str = "default"

    @property
    def usd(self) -> Decimal:
        """What the vendor charges for it."""
        fresh, cached, out = (Decimal(price) / 1_000_000 for price in PRICES[self.model])
        uncached = self.input_tokens - self.cached_tokens
        return uncached * fresh + self.cached_tokens * cached + self.output_tokens * out


class OpenAI(Vendor):
    """An organisation and its calls."""

    def __init__(self, seed: int = 7) -> None:
        super().__init__(seed)
        self.calls: list[Completion] = []
        self.others: list[tuple[str, datetime, dict[str, Any]]] = []
        self.extra_usage: dict[str, int] = {}
        self.buckets_a_page = 24

    def use(self, start: datetime, hours: int, calls_an_hour: int = 3) -> None:
        """Let people work for some hours."""
        for hour in range(hours):
            for _ in range(calls_an_hour):
                total = self.random.randrange(200, 9000)
                self.calls.append(
                    Completion(
                        at=start + timedelta(hours=hour, seconds=self.random.randrange(3600)),
                        project_id=self.random.choice(["proj_search", "proj_chat"]),
                        user_id=self.random.choice(["user-ada", "user-bob"]),
                        api_key_id=self.random.choice(["key_1", "key_2", "key_3"]),
                        model=self.random.choice(sorted(PRICES)),
                        input_tokens=total,
                        cached_tokens=self.random.randrange(total // 2),
                        output_tokens=self.random.randrange(1, 900),
                    )
                )

    def usd(self, start: datetime, end: datetime) -> Decimal:
        """What it charges for the calls of a window."""
        return sum((call.usd for call in self.calls if start <= call.at < end), Decimal(0))

    def answer(self, asked: Asked) -> Any:
        if asked.headers.get("Authorization") != f"Bearer {KEY}":
            raise RefusedError(401, "invalid key")
        kind = asked.path.removeprefix("/v1/organization/usage/")
        if kind not in KINDS:
            raise RefusedError(404, "no such endpoint")
        width = asked.one("bucket_width", "1d")
        start, end = int(asked.one("start_time")), int(asked.one("end_time"))
        limit = int(asked.one("limit", "7"))
        if limit > LIMITS[width] or end > self._now() or start >= end:
            raise RefusedError(400, "bad window")
        buckets = [
            self._bucket(kind, at, min(at + WIDTHS[width], end), asked.params.get("group_by[]", []))
            for at in range(start - start % WIDTHS[width], end, WIDTHS[width])
        ]
        place = int(asked.one("page", "page_0").removeprefix("page_"))
        data, following = self.page(f"{kind}/{start}/{end}", buckets, min(limit, self.buckets_a_page), place)
        return {
            "object": "page",
            "data": data,
            "has_more": following is not None,
            "next_page": None if following is None else f"page_{following}",
        }

    def spoil(self, body: Any) -> Any:
        for bucket in body["data"]:
            bucket["start_time"] = datetime.fromtimestamp(bucket["start_time"], UTC).isoformat()
        return body

    def _now(self) -> int:
        return int(self.now.replace(tzinfo=UTC).timestamp())

    def _bucket(self, kind: str, start: int, end: int, groups: list[str]) -> dict[str, Any]:
        inside = (datetime.fromtimestamp(each, UTC).replace(tzinfo=None) for each in (start, end))
        first, last = inside
        results = self._completions(first, last, groups) if kind == "completions" else []
        results += [values for name, at, values in self.others if name == kind and first <= at < last]
        return {"object": "bucket", "start_time": start, "end_time": end, "results": results}

    def _completions(self, first: datetime, last: datetime, groups: list[str]) -> list[dict[str, Any]]:
        by_key: dict[tuple[Any, ...], list[Completion]] = defaultdict(list)
        for call in self.calls:
            if first <= call.at < last:
                by_key[tuple(getattr(call, group) for group in groups)].append(call)
        named = dict.fromkeys(("project_id", "user_id", "api_key_id", "model", "batch", "service_tier"))
        return [
            {
                "object": "organization.usage.completions.result",
                "input_tokens": sum(call.input_tokens for call in calls),
                "input_cached_tokens": sum(call.cached_tokens for call in calls),
                "input_cache_write_tokens": 0,
                "input_uncached_tokens": sum(call.input_tokens - call.cached_tokens for call in calls),
                "output_tokens": sum(call.output_tokens for call in calls),
                "input_audio_tokens": 0,
                "output_audio_tokens": 0,
                "num_model_requests": len(calls),
                **self.extra_usage,
                **named,
                **dict(zip(groups, key, strict=True)),
            }
            for key, calls in by_key.items()
        ]
