"""OpenRouter's activity and generations, as its API reference has them: days that have ended, calls by their id."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.vendors.server import Asked, RefusedError, Vendor

MANAGEMENT_KEY, KEY = "sk-or-management-of-the-test", "sk-or-of-the-test"
PRICES = {  # dollars a million tokens: input, output
    "openai/gpt-4.1": ("2.00", "8.00"),
    "anthropic/claude-sonnet-4.5": ("3.00", "15.00"),
}
FEE = Decimal("0.05")
DAYS_TOLD = 30


@dataclass
class Call:
    """One call as the vendor knows it."""

    ident: str
    at: datetime
    model: str
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    is_byok: bool = False

    @property
    def upstream_usd(self) -> Decimal:
        """What the provider takes for it."""
        fresh, out = (Decimal(price) / 1_000_000 for price in PRICES[self.model])
        return self.prompt_tokens * fresh + self.completion_tokens * out

    @property
    def charged_usd(self) -> Decimal:
        """What OpenRouter takes from the credits for it."""
        return self.upstream_usd * FEE if self.is_byok else self.upstream_usd

    @property
    def usd(self) -> Decimal:
        """What it costs whoever made it."""
        return self.charged_usd + (self.upstream_usd if self.is_byok else 0)


class OpenRouter(Vendor):
    """An account and its calls."""

    def __init__(self, seed: int = 7) -> None:
        super().__init__(seed)
        self.calls: list[Call] = []
        self.extra: dict[str, Any] = {}
        self.is_dated_with_time = False

    def use(self, start: datetime, hours: int, calls_an_hour: int = 2) -> None:
        """Let people work for some hours."""
        for hour in range(hours):
            for _ in range(calls_an_hour):
                prompt = self.random.randrange(200, 9000)
                self.calls.append(
                    Call(
                        ident=f"gen-{len(self.calls)}",
                        at=start + timedelta(hours=hour, seconds=self.random.randrange(3600)),
                        model=self.random.choice(sorted(PRICES)),
                        prompt_tokens=prompt,
                        cached_tokens=self.random.randrange(prompt // 2),
                        completion_tokens=self.random.randrange(1, 900),
                        is_byok=self.random.random() < 0.3,
                    )
                )

    def usd(self, start: datetime, end: datetime) -> Decimal:
        """What the calls of a window cost whoever made them."""
        return sum((call.usd for call in self.calls if start <= call.at < end), Decimal(0))

    def answer(self, asked: Asked) -> Any:
        if asked.path == "/api/v1/activity":
            _want(asked, MANAGEMENT_KEY)
            return {"data": self._activity(date.fromisoformat(asked.one("date")))}
        if asked.path == "/api/v1/generation":
            _want(asked, KEY)
            return {"data": self._generation(asked.one("id"))}
        if asked.path == "/api/v1/key":
            _want(asked, KEY)
            return {"data": {"label": "sk-or-…", "usage": 25.5}}
        raise RefusedError(404, "no such endpoint")

    def spoil(self, body: Any) -> Any:
        rows = body["data"] if isinstance(body["data"], list) else [body["data"]]
        for row in rows:
            row.update(usage="a lot", native_tokens_prompt="a lot")
        return body

    def _activity(self, day: date) -> list[dict[str, Any]]:
        today = self.now.date()
        if not today - timedelta(days=DAYS_TOLD) <= day < today:
            raise RefusedError(400, "Date must be within the last 30 (completed) UTC days")
        by_endpoint: dict[str, list[Call]] = defaultdict(list)
        for call in self.calls:
            if call.at.date() == day:
                by_endpoint[call.model].append(call)
        return [
            {
                "date": f"{day} 00:00:00" if self.is_dated_with_time else str(day),
                "model": model,
                "model_permaslug": f"{model}-2026-01-01",
                "endpoint_id": f"endpoint-of-{model}",
                "provider_name": model.partition("/")[0].title(),
                "usage": float(sum(call.charged_usd for call in calls)),
                "byok_usage_inference": float(sum(call.upstream_usd for call in calls if call.is_byok)),
                "requests": len(calls),
                "prompt_tokens": sum(call.prompt_tokens for call in calls),
                "completion_tokens": sum(call.completion_tokens for call in calls),
                "reasoning_tokens": 0,
                **self.extra,
            }
            for model, calls in by_endpoint.items()
        ]

    def _generation(self, ident: str) -> dict[str, Any]:
        call = next((call for call in self.calls if call.ident == ident), None)
        if call is None:
            raise RefusedError(404, "no such generation")
        return {
            "id": call.ident,
            "upstream_id": "chatcmpl-1",
            "model": call.model,
            "provider_name": call.model.partition("/")[0].title(),
            "created_at": f"{call.at.isoformat()}+00:00",
            "total_cost": float(call.charged_usd),
            "upstream_inference_cost": float(call.upstream_usd) if call.is_byok else 0,
            "is_byok": call.is_byok,
            "native_tokens_prompt": call.prompt_tokens,
            "native_tokens_completion": call.completion_tokens,
            "native_tokens_cached": call.cached_tokens,
            "native_tokens_reasoning": 0,
            "native_tokens_completion_images": None,
            "num_search_results": None,
            "latency": 1250,
            "streamed": True,
            "cancelled": False,
            "finish_reason": "stop",
            "service_tier": None,
            "external_user": "ada@example.com",
            "app_id": 12,
        }


def _want(asked: Asked, key: str) -> None:
    if asked.headers.get("Authorization") != f"Bearer {key}":
        raise RefusedError(401, "Invalid key")
