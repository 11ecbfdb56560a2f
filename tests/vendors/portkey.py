"""Portkey's log export, as its API reference has it: jobs that take a while, files behind signed addresses, cents."""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.vendors.server import Asked, RefusedError, Vendor

KEY = "portkey-key-of-the-test"
PRICES = {"llama-local": ("0.80", "2.40"), "qwen-local": ("0.20", "0.60")}  # dollars a million tokens: input, output
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
        fresh, out = (Decimal(price) / 1_000_000 for price in PRICES[self.model])
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

    def use(self, start: datetime, hours: int, calls_an_hour: int = 4) -> None:
        """Let people work for some hours."""
        for hour in range(hours):
            for _ in range(calls_an_hour):
                self.calls.append(
                    Call(
                        ident=f"log-{len(self.calls)}",
                        at=start + timedelta(hours=hour, milliseconds=self.random.randrange(3_600_000)),
                        model=self.random.choice(sorted(PRICES)),
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
