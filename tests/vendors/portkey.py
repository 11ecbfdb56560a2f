"""Portkey's log export and analytics, as its API reference and its answers have them.

Exports are jobs that take a while, with files behind signed addresses; analytics are sums by model; money is cents.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.vendors.server import Asked, RefusedError, Vendor

KEY = "portkey-key-of-the-test"
LOCAL = ("llama-local", "qwen-local")
PRICES = {  # dollars a million tokens: input, output
    "llama-local": ("0.80", "2.40"),
    "qwen-local": ("0.20", "0.60"),
    "gpt-4o": ("2.50", "10.00"),
    "claude-sonnet-4-5": ("3.00", "15.00"),
    "us.anthropic.claude-haiku-4-5-20251001-v1:0": ("1.00", "5.00"),
    "mystery": ("0", "0"),
}
FIELDS = {
    *("id", "trace_id", "created_at", "request", "response", "is_success", "ai_org", "ai_model", "req_units"),
    *("res_units", "total_units", "request_url", "cost", "cost_currency", "response_time", "response_status_code"),
    *("mode", "config", "prompt_slug", "metadata"),
}


@dataclass
class Call:
    """One call as the gateway knows it."""

    ident: str
    at: datetime
    model: str
    input_tokens: int
    output_tokens: int
    is_success: bool = True
    metadata: dict[str, Any] = field(default_factory=lambda: {"_user": "ada@example.com", "team": "search"})

    @property
    def usd(self) -> Decimal:
        """What Portkey says that it cost, in dollars."""
        fresh, out = (Decimal(price) / 1_000_000 for price in PRICES.get(self.model, (0, 0)))
        return self.input_tokens * fresh + self.output_tokens * out


class Portkey(Vendor):
    """A workspace, its calls and its exports."""

    def __init__(self, seed: int = 7) -> None:
        super().__init__(seed)
        self.calls: list[Call] = []
        self.exports: dict[str, dict[str, Any]] = {}
        self.looks = 2
        self.ends = "success"
        self.url = ""
        self.page_limit = 50_000
        self.extra: dict[str, Any] = {}
        self.is_as_described = False
        self.is_quota_exceeded = False
        self.missing = 0

    def use(self, start: datetime, hours: int, calls_an_hour: int = 4, models: Sequence[str] = LOCAL) -> None:
        """Let people work for some hours."""
        for hour in range(hours):
            for _ in range(calls_an_hour):
                self.calls.append(
                    Call(
                        ident=f"log-{len(self.calls)}",
                        at=start + timedelta(hours=hour, milliseconds=self.random.randrange(3_600_000)),
                        model=self.random.choice(models),
                        input_tokens=self.random.randrange(200, 9000),
                        output_tokens=self.random.randrange(1, 900),
                    )
                )

    def usd(self, start: datetime, end: datetime) -> Decimal:
        """What the calls of a window cost."""
        return sum((call.usd for call in self.calls if start <= call.at < end), Decimal(0))

    def answer(self, asked: Asked) -> Any:
        if asked.path.startswith("/bucket/"):
            return self._file(asked)
        if asked.headers.get("x-portkey-api-key") != KEY:
            raise RefusedError(401, "Unauthorised")
        if asked.path == "/v1/analytics/groups/ai-models":
            return self._groups(asked)
        parts = asked.path.removeprefix("/v1/logs/exports").strip("/").split("/")
        if asked.path == "/v1/logs/exports":
            return self._make(json.loads(asked.body)) if asked.method == "POST" else {"object": "list", "data": []}
        export = self.exports[parts[0]]
        if parts[1:] == ["start"]:
            export["status"] = "in_progress"
            return {"message": "Export started", "object": "export"}
        if parts[1:] == ["download"]:
            return {"signed_url": f"{self.url}/bucket/{parts[0]}.jsonl?X-Amz-Signature=a%2Fb%3D&X-Amz-Date=1"}
        export["looks"] += 1
        if export["status"] == "in_progress" and export["looks"] >= self.looks:
            export["status"] = self.ends
        return {"id": parts[0], "status": export["status"], "object": "export"}

    def spoil(self, body: Any) -> Any:
        if isinstance(body, bytes):
            return body.replace(b'"created_at"', b'"created"')
        return {"an": "other shape"}

    def _groups(self, asked: Asked) -> dict[str, Any]:
        """Return the calls of a span by model, both ends of it included."""
        low, high = (
            datetime.fromisoformat(asked.one(f"time_of_generation_{end}")).replace(tzinfo=None)
            for end in ("min", "max")
        )
        by_model: dict[str, list[Call]] = defaultdict(list)
        for call in self.calls:
            if low <= call.at <= high:
                by_model[call.model].append(call)
        rows = [self._group(model, by_model[model]) for model in sorted(by_model)]
        place, size = int(asked.one("current_page")), int(asked.one("page_size"))
        try:
            page, _ = self.page(asked.one("time_of_generation_min"), rows, size, place)
        except RefusedError:  # a page after the last one is empty
            page = []
        told = {"is_quota_exceeded": True} if self.is_quota_exceeded else {}
        return {"object": "list", "total": len(rows) + self.missing, "data": page, **told}

    def _group(self, model: str, calls: list[Call]) -> dict[str, Any]:
        if self.is_as_described:
            return {"ai_model": model, "requests": str(len(calls)), "object": "analytics-group"}
        cents = float(sum((call.usd for call in calls), Decimal(0)) * 100)
        return {"ai_model": model, "requests": len(calls), "cost": cents, "object": "analytics-group", **self.extra}

    def _make(self, body: dict[str, Any]) -> dict[str, Any]:
        if unknown := set(body["requested_data"]) - FIELDS:
            raise RefusedError(400, f"no such field: {unknown}")
        filters = body["filters"]
        low, high = (
            datetime.fromisoformat(filters[f"time_of_generation_{end}"]).replace(tzinfo=None) for end in ("min", "max")
        )
        found = sorted((call for call in self.calls if low <= call.at <= high), key=lambda call: call.at, reverse=True)
        size = min(filters["page_size"], self.page_limit)
        page = found[filters["current_page"] * size :][:size]
        ident = f"export-{len(self.exports)}"
        self.exports[ident] = {"status": "draft", "looks": 0, "calls": page, "fields": body["requested_data"]}
        return {"id": ident, "total": len(found), "object": "export"}

    def _file(self, asked: Asked) -> bytes:
        if asked.one("X-Amz-Signature") != "a/b=" or "x-portkey-api-key" in asked.headers:
            raise RefusedError(403, "SignatureDoesNotMatch")
        export = self.exports[asked.path.removeprefix("/bucket/").removesuffix(".jsonl")]
        rows = [{key: _row(call)[key] for key in export["fields"]} for call in export["calls"]]
        return "".join(json.dumps(row) + "\n" for row in rows).encode()


def _row(call: Call) -> dict[str, Any]:
    return {
        "id": call.ident,
        "trace_id": "trace-1",
        "created_at": call.at.isoformat(sep=" ", timespec="milliseconds"),
        "request": "PLANTED PROMPT",
        "response": "PLANTED ANSWER",
        "is_success": int(call.is_success),
        "ai_org": "vllm",
        "ai_model": call.model,
        "req_units": call.input_tokens,
        "res_units": call.output_tokens,
        "total_units": call.input_tokens + call.output_tokens,
        "cost": float(call.usd * 100),
        "cost_currency": "USD",
        "response_time": 900,
        "response_status_code": 200 if call.is_success else 503,
        "prompt_slug": None,
        "metadata": call.metadata,
    }
