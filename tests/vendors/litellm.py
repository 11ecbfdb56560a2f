"""A LiteLLM proxy with a ledger of its own: single calls, their sums by day, and the table in its database."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.vendors.server import Asked, RefusedError, Vendor

KEY = "sk-admin-of-the-test"
PROMPT = "Write a poem about my aunt Berta Zwiebel"
"""Planted wherever the proxy keeps what people wrote: it must never leave a row."""
PRICES = {  # dollars a million tokens: uncached input, cached input, cache write (5 minutes), output
    "gpt-4o-mini-2024-07-18": ("0.15", "0.075", "0", "0.60"),
    "claude-sonnet-4-5-20250929": ("3", "0.30", "3.75", "15"),
}
PROVIDERS = {"gpt-4o-mini-2024-07-18": "openai", "claude-sonnet-4-5-20250929": "anthropic"}
FORM = "%Y-%m-%d %H:%M:%S"
SPENT = ("spend", "prompt_tokens", "completion_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
COUNTED = ("api_requests", "successful_requests", "failed_requests")


@dataclass
class Call:
    """One call through the proxy. `uncached`, `read` and `written` make up its prompt."""

    request_id: str
    at: datetime
    model: str = "gpt-4o-mini-2024-07-18"
    uncached: int = 100
    read: int = 0
    written: int = 0
    output: int = 10
    status: str = "success"
    cache_hit: str = "False"
    api_key: str = "hash-of-a-key"
    team_id: str = "t-search"
    tags: tuple[str, ...] = ("feature:chat",)
    provider: str = ""
    extra_usage: dict[str, Any] = field(default_factory=dict)

    @property
    def usd(self) -> Decimal:
        """What the provider charges for it."""
        if self.status != "success" or self.cache_hit == "True":
            return Decimal(0)
        fresh, read, written, out = (Decimal(price) / 1_000_000 for price in PRICES[self.model])
        return self.uncached * fresh + self.read * read + self.written * written + self.output * out

    @property
    def gateway_provider(self) -> str:
        """What the proxy calls the provider."""
        return self.provider or PROVIDERS[self.model]

    @property
    def usage(self) -> dict[str, Any]:
        """The usage object: OpenAI's names are nested, Anthropic's stand flat beside them; the prompt holds both."""
        prompt = self.uncached + self.read + self.written
        whole = {"prompt_tokens": prompt, "completion_tokens": self.output, "total_tokens": prompt + self.output}
        nested = {"cached_tokens": self.read}
        if self.gateway_provider == "openai":
            return {**whole, "prompt_tokens_details": nested, **self.extra_usage}
        return {
            **whole,
            "prompt_tokens_details": {**nested, "cache_creation_tokens": self.written},
            "cache_read_input_tokens": self.read,
            "cache_creation_input_tokens": self.written,
            "cache_creation": {"ephemeral_5m_input_tokens": self.written, "ephemeral_1h_input_tokens": 0},
            **self.extra_usage,
        }

    @property
    def row(self) -> dict[str, Any]:
        """The row of LiteLLM_SpendLogs; instants are naive UTC."""
        is_failure = self.status != "success"
        metadata = {
            "status": self.status,
            "user_api_key_team_alias": None,
            "requester_metadata": {"note": PROMPT},
            "attempted_retries": 0,
        }
        metadata |= (
            {"error_information": {"error_class": "RateLimitError", "error_message": PROMPT}}
            if is_failure
            else {"usage_object": self.usage}
        )
        return {
            "request_id": self.request_id,
            "call_type": "acompletion",
            "api_key": self.api_key,
            "spend": float(self.usd),
            "total_tokens": 0 if is_failure else self.usage["total_tokens"],
            "prompt_tokens": 0 if is_failure else self.usage["prompt_tokens"],
            "completion_tokens": 0 if is_failure else self.output,
            "startTime": self.at,
            "endTime": self.at + timedelta(milliseconds=900),
            "completionStartTime": self.at + timedelta(milliseconds=300),
            "model": f"{self.gateway_provider}/{self.model}",
            "model_group": "smart",
            "custom_llm_provider": self.gateway_provider,
            "cache_hit": self.cache_hit,
            "request_tags": list(self.tags),
            "user": "u-ada",
            "end_user": "customer-9",
            "team_id": self.team_id,
            "organization_id": None,
            "session_id": f"s-{self.request_id}",
            "metadata": metadata,
            "messages": {"content": PROMPT},
            "response": {"content": PROMPT},
            "proxy_server_request": {"body": PROMPT},
            "status": self.status,
        }


class LiteLLM(Vendor):
    """A proxy and its calls. One of `arriving` is logged after each answer."""

    def __init__(self, seed: int = 7) -> None:
        super().__init__(seed)
        self.calls: list[Call] = []
        self.arriving: list[Call] = []
        self.count_cap = 10_000
        self.rows_a_page = 1_000

    def use(self, start: datetime, hours: int, calls_an_hour: int = 4) -> None:
        """Let people work for some hours; retries, failures and answers from the proxy's own cache among it."""
        for number in range(hours * calls_an_hour):
            at = start + timedelta(hours=number // calls_an_hour, milliseconds=self.random.randrange(3_600_000))
            model = self.random.choice(sorted(PRICES))
            call = Call(
                request_id=f"call-{start:%d%H}-{number}",
                at=at,
                model=model,
                uncached=self.random.randrange(1, 3000),
                read=self.random.randrange(3000),
                written=self.random.randrange(2000) if PROVIDERS[model] == "anthropic" else 0,
                output=self.random.randrange(1, 900),
                api_key=self.random.choice(["hash-1", "hash-2"]),
                team_id=self.random.choice(["t-search", "t-chat"]),
                tags=tuple(self.random.sample(["feature:chat", "feature:search", "batchable"], 2)),
            )
            self.calls.append(call)
            if number % 5 == 1:
                tries = (timedelta(seconds=each) for each in (1, 2))
                self.calls += [Call(f"{call.request_id}-{at}", call.at + at, model, status="failure") for at in tries]
            if number % 5 == 2:
                self.calls.append(Call(f"{call.request_id}-hit", call.at, model, cache_hit="True"))

    def usd(self, start: datetime, end: datetime) -> Decimal:
        """What providers charge for the calls of a window."""
        return sum((call.usd for call in self.calls if start <= call.at < end), Decimal(0))

    def answer(self, asked: Asked) -> Any:
        if asked.headers.get("Authorization") != f"Bearer {KEY}":
            raise RefusedError(401, "invalid key")
        if asked.path == "/spend/logs/v2":
            answer = self._logs(asked)
        elif asked.path.endswith("/daily/activity"):
            answer = self._activity(asked.path.split("/")[1], asked)
        else:
            raise RefusedError(404, "no such endpoint")
        if self.arriving:
            self.calls.append(self.arriving.pop(0))
        return answer

    def spoil(self, body: Any) -> Any:
        for row in body.get("data", []):
            row["prompt_tokens"] = "many"
        for day in body.get("results", []):
            day["date"] = "yesterday"
        return body

    def _logs(self, asked: Asked) -> Any:
        start, end = (datetime.strptime(asked.one(name), FORM) for name in ("start_date", "end_date"))  # noqa: DTZ007 - UTC
        place, size = int(asked.one("page")), int(asked.one("page_size"))
        if not 0 < size <= 1_000 or asked.one("sort_by") != "startTime":
            raise RefusedError(422, "Input should be less than or equal to 1000")
        found = sorted((call for call in self.calls if start <= call.at <= end), key=lambda call: (call.at, id(call)))
        rows = [_told(call.row) for call in found[: self.count_cap]]
        data, page, pages = self._page(f"{start}/{end}", rows, min(size, self.rows_a_page), place)
        return {
            "data": data,
            "total": min(len(found), self.count_cap),
            "page": page,
            "page_size": size,
            "total_pages": pages,
            "total_is_capped": len(found) > self.count_cap,
        }

    def _page(self, listing: str, rows: Sequence[Any], size: int, place: int) -> tuple[list[Any], int, int]:
        """Return a page counted from 1, its number, and how many there are; without a fault as the rows are now."""
        if not self.page_faults and listing not in self._listings:
            return list(rows[(place - 1) * size : place * size]), place, -(-len(rows) // size)
        data, following = self.page(listing, rows, size, place - 1)
        if following is None:
            del self._listings[listing]
            return data, place, place
        return data, following, following + 1

    def _activity(self, kind: str, asked: Asked) -> Any:
        day = asked.one("start_date")
        if day != asked.one("end_date"):
            raise RefusedError(400, "the test asks for one day")
        wanted = asked.params.get({"team": "team_ids", "tag": "tags"}.get(kind, ""), [])
        found = [call for call in self.calls if f"{call.at:%Y-%m-%d}" == day]
        if "model" in asked.params:
            found = [call for call in found if call.row["model"] == asked.one("model")]
        pairs = [(entity, call) for call in found for entity in _entities(kind, call) if not wanted or entity in wanted]
        records = _records(pairs)
        place, size = int(asked.one("page")), int(asked.one("page_size"))
        listing = f"{kind}/{day}/{wanted}/{asked.params.get('model')}"
        data, page, pages = self._page(listing, records, min(size, self.rows_a_page), place)
        results = [{"date": day, "metrics": _sum(data), "breakdown": _breakdown(data)}] if data else []
        return {"results": results, "metadata": {"page": page, "total_pages": pages, "has_more": page < pages}}


def _told(row: dict[str, Any]) -> dict[str, Any]:
    instants = {key: f"{value.isoformat()}Z" for key, value in row.items() if isinstance(value, datetime)}
    return {**row, **instants}


def _entities(kind: str, call: Call) -> tuple[str, ...]:
    return {"user": ("u-ada",), "team": (call.team_id or "Unassigned",), "tag": call.tags}[kind]


def _records(pairs: Sequence[tuple[str, Call]]) -> list[dict[str, Any]]:
    """Return the rows of the proxy's table of daily sums: by entity, key, model and provider."""
    by_key: dict[tuple[str, ...], list[Call]] = defaultdict(list)
    for entity, call in pairs:
        by_key[entity, call.api_key, call.row["model"], call.gateway_provider].append(call)
    return [
        dict(zip(("entity", "api_key", "model", "provider"), key, strict=True))
        | {
            "spend": float(sum(call.usd for call in calls)),
            "prompt_tokens": sum(call.row["prompt_tokens"] for call in calls),
            "completion_tokens": sum(call.row["completion_tokens"] for call in calls),
            "cache_read_input_tokens": sum(call.read for call in calls),
            "cache_creation_input_tokens": sum(call.written for call in calls),
            "api_requests": len(calls),
            "successful_requests": sum(call.status == "success" for call in calls),
            "failed_requests": sum(call.status != "success" for call in calls),
        }
        for key, calls in by_key.items()
    ]


def _sum(records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    sums = {name: sum(record[name] for record in records) for name in (*SPENT, *COUNTED)}
    return {
        **sums,
        "total_tokens": sums["prompt_tokens"] + sums["completion_tokens"],
        "prompt_caching_savings_spend": 0.5,
        "total_response_time_ms": 1200,
    }


def _breakdown(records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    def grouped(name: str, chosen: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
        groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for record in chosen:
            groups[record[name]].append(record)
        return groups

    def keys(chosen: Sequence[dict[str, Any]]) -> dict[str, Any]:
        facts = {"key_alias": "ada's key", "team_id": "t-of-the-key", "user_id": "u-ada"}
        return {key: {"metrics": _sum(own), "metadata": facts} for key, own in grouped("api_key", chosen).items()}

    def parts(name: str) -> dict[str, Any]:
        return {
            each: {"metrics": _sum(own), "metadata": {}, "api_key_breakdown": keys(own)}
            for each, own in grouped(name, records).items()
        }

    return {
        "models": parts("model"),
        "providers": parts("provider"),
        "entities": parts("entity"),
        "api_keys": keys(records),
    }
