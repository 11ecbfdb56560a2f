"""Anthropic's Admin API: the usage of messages, the cost report and the days of Claude Code."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.vendors.server import Asked, RefusedError, Vendor

KEY = "sk-ant-admin01-of-the-test"
SONNET, HAIKU = "claude-sonnet-4-5-20250929", "claude-haiku-4-5-20251001"
KINDS = {
    "uncached_input_tokens": "uncached",
    "cache_read_input_tokens": "read",
    "cache_creation.ephemeral_5m_input_tokens": "written_5m",
    "cache_creation.ephemeral_1h_input_tokens": "written_1h",
    "output_tokens": "output",
}
"""Kinds of tokens in the cost report, and the fields of a message."""
PRICES = {  # dollars a million tokens, in the order of KINDS; where calls are larger than 200,000 tokens, others
    (SONNET, "0-200k"): ("3", "0.3", "3.75", "6", "15"),
    (SONNET, "200k-1M"): ("6", "0.6", "7.5", "12", "22.5"),
    (HAIKU, "0-200k"): ("1", "0.1", "1.25", "2", "5"),
}
SEARCH_USD = Decimal("0.01")
LIMITS = {"1m": 1440, "1h": 168, "1d": 31}
WIDTHS = {"1m": timedelta(minutes=1), "1h": timedelta(hours=1), "1d": timedelta(days=1)}
USAGE_GROUPS = (
    *("account_id", "api_key_id", "context_window", "inference_geo"),
    *("model", "service_account_id", "service_tier", "workspace_id"),
)
COST_TEXTS = (
    *("workspace_id", "description", "cost_type", "model", "service_tier"),
    *("token_type", "context_window", "inference_geo"),
)
EPOCH = datetime(1970, 1, 1)


@dataclass
class Message:
    """One call as the vendor knows it; tokens are exclusive."""

    at: datetime
    model: str
    uncached: int = 0
    read: int = 0
    written_5m: int = 0
    written_1h: int = 0
    output: int = 0
    searches: int = 0
    api_key_id: str | None = "apikey_1"
    workspace_id: str | None = None
    service_tier: str = "standard"
    context_window: str = "0-200k"
    account_id: str | None = None
    service_account_id: str | None = None
    inference_geo: str = "not_available"

    def parts(self) -> dict[str, Decimal]:
        """What the vendor charges for it, in dollars, by kind of tokens."""
        prices = PRICES[self.model, self.context_window]
        return {
            kind: getattr(self, name) * Decimal(price) / 1_000_000
            for (kind, name), price in zip(KINDS.items(), prices, strict=True)
        }

    @property
    def usd(self) -> Decimal:
        """What the vendor charges for it."""
        return sum(self.parts().values(), Decimal(0)) + self.searches * SEARCH_USD


@dataclass
class Work:
    """A day of an actor with Claude Code; by model: input, written, read, output, and the estimate in cents."""

    day: date
    models: dict[str, tuple[int, int, int, int, float]]
    email_address: str | None = None
    api_key_name: str | None = None
    customer_type: str = "api"
    terminal_type: str = "iTerm.app"


@dataclass
class Line:
    """A line of the cost report that follows from no message; cents, as a text."""

    day: date
    amount: str
    texts: dict[str, str] = field(default_factory=dict)


class Anthropic(Vendor):
    """An organisation and its calls."""

    def __init__(self, seed: int = 7) -> None:
        super().__init__(seed)
        self.url = ""
        self.calls: list[Message] = []
        self.work: list[Work] = []
        self.lines: list[Line] = []
        self.extra_usage: dict[str, Any] = {}
        self.is_written_flat = False
        self.buckets_a_page = 5

    def use(self, start: datetime, hours: int, calls_an_hour: int = 3) -> None:
        """Let people work for some hours."""
        for hour in range(hours):
            for _ in range(calls_an_hour):
                model = self.random.choice([SONNET, HAIKU])
                is_large = model == SONNET and self.random.random() < 0.3
                self.calls.append(
                    Message(
                        at=start + timedelta(hours=hour, seconds=self.random.randrange(3600)),
                        model=model,
                        uncached=self.random.randrange(200, 9000) + 200_000 * is_large,
                        read=self.random.randrange(5000),
                        written_5m=self.random.randrange(4000),
                        written_1h=self.random.choice([0, self.random.randrange(4000)]),
                        output=self.random.randrange(1, 900),
                        searches=self.random.choice([0, 0, 2]),
                        api_key_id=self.random.choice(["apikey_1", "apikey_2", None]),
                        workspace_id=self.random.choice([None, "wrkspc_search"]),
                        context_window="200k-1M" if is_large else "0-200k",
                        account_id=self.random.choice([None, "user_ada"]),
                    )
                )

    def usd(self, start: datetime, end: datetime) -> Decimal:
        """What it charges for the calls of a window."""
        return sum((call.usd for call in self.calls if start <= call.at < end), Decimal(0))

    def billed_usd(self, start: datetime, end: datetime) -> Decimal:
        """What stands in its cost report for a window: Priority Tier never does."""
        standing = (call for call in self.calls if start <= call.at < end and call.service_tier != "priority")
        lines = (
            Decimal(line.amount) / 100 for line in self.lines if start <= datetime(*line.day.timetuple()[:3]) < end
        )
        return sum((call.usd for call in standing), Decimal(0)) + sum(lines, Decimal(0))

    def answer(self, asked: Asked) -> Any:
        headers = {name.lower(): value for name, value in asked.headers.items()}
        if headers.get("x-api-key") != KEY or headers.get("anthropic-version") != "2023-06-01":
            raise RefusedError(401, "invalid x-api-key")
        match asked.path.removeprefix("/v1/organizations"):
            case "/usage_report/messages":
                return self._buckets(asked, self._usage, USAGE_GROUPS, tuple(LIMITS))
            case "/cost_report":
                return self._buckets(asked, self._costs, ("workspace_id", "description"), ("1d",))
            case "/usage_report/claude_code":
                return self._claude_code(asked)
            case _:
                raise RefusedError(404, "no such endpoint")

    def spoil(self, body: Any) -> Any:
        for each in body["data"]:
            each["starting_at" if "starting_at" in each else "date"] = {"at": 1}
        return body

    def _buckets(self, asked: Asked, results: Any, allowed: tuple[str, ...], widths: tuple[str, ...]) -> Any:
        width = asked.one("bucket_width", "1d")
        groups = asked.params.get("group_by[]", [])
        limit = int(asked.one("limit", "7"))
        if width not in widths or limit > LIMITS[width] or set(groups) - set(allowed):
            raise RefusedError(400, "bad parameters")
        start, end = (_snapped(asked.one(name), WIDTHS[width]) for name in ("starting_at", "ending_at"))
        if start >= end:
            raise RefusedError(400, "ending_at must be after starting_at")
        buckets: list[Any] = []
        while start < end:
            following = start + WIDTHS[width]
            span = {"starting_at": _told(start), "ending_at": _told(following)}
            buckets.append({**span, "results": list(results(start, following, groups))})
            start = following
        return self._page(f"{asked.path}/{buckets[0]['starting_at']}", buckets, min(limit, self.buckets_a_page), asked)

    def _page(self, listing: str, rows: list[Any], size: int, asked: Asked) -> Any:
        place = int(asked.one("page", "page_0").removeprefix("page_"))
        data, following = self.page(listing, rows, size, place)
        next_page = None if following is None else f"page_{following}"
        return {"data": data, "has_more": following is not None, "next_page": next_page}

    def _usage(self, start: datetime, end: datetime, groups: list[str]) -> Iterator[dict[str, Any]]:
        by_group: dict[tuple[Any, ...], list[Message]] = defaultdict(list)
        for call in self.calls:
            if start <= call.at < end:
                by_group[tuple(getattr(call, group) for group in groups)].append(call)
        for key, calls in by_group.items():
            written = {
                "ephemeral_1h_input_tokens": sum(call.written_1h for call in calls),
                "ephemeral_5m_input_tokens": sum(call.written_5m for call in calls),
            }
            yield {
                "uncached_input_tokens": sum(call.uncached for call in calls),
                **({} if self.is_written_flat else {"cache_creation": written}),
                "cache_read_input_tokens": sum(call.read for call in calls),
                "output_tokens": sum(call.output for call in calls),
                "server_tool_use": {"web_search_requests": sum(call.searches for call in calls)},
                **self.extra_usage,
                **dict.fromkeys(USAGE_GROUPS),
                **dict(zip(groups, key, strict=True)),
            }

    def _costs(self, start: datetime, end: datetime, groups: list[str]) -> Iterator[dict[str, Any]]:
        cents: dict[tuple[str | None, ...], Decimal] = defaultdict(Decimal)
        for call in self.calls:
            if not start <= call.at < end or call.service_tier == "priority":
                continue
            for kind, usd in call.parts().items():
                described = f"{call.model} Usage - {kind}, {call.context_window}, {call.service_tier}"
                texts = ("tokens", call.model, call.service_tier, kind, call.context_window, call.inference_geo)
                cents[call.workspace_id, described, *texts] += usd * 100
            if call.searches:
                texts = ("web_search", None, None, None, None, None)
                cents[call.workspace_id, "Web Search Usage", *texts] += call.searches * SEARCH_USD * 100
        for key, amount in cents.items():
            yield {"amount": f"{amount:f}", "currency": "USD", **_told_groups(key, groups)}
        for line in self.lines:
            if start <= datetime(*line.day.timetuple()[:3]) < end:
                yield {"amount": line.amount, "currency": "USD", **dict.fromkeys(COST_TEXTS), **line.texts}

    def _claude_code(self, asked: Asked) -> Any:
        day, limit = date.fromisoformat(asked.one("starting_at")), int(asked.one("limit", "20"))
        if limit > 1000:
            raise RefusedError(400, "bad limit")
        records = [_record(work) for work in self.work if work.day == day]
        return self._page(f"{asked.path}/{day}", records, min(limit, self.buckets_a_page), asked)


def _told_groups(key: tuple[str | None, ...], groups: list[str]) -> dict[str, str | None]:
    texts = dict(zip(COST_TEXTS, key, strict=True))
    if "description" not in groups:
        texts = {**dict.fromkeys(COST_TEXTS), "workspace_id": texts["workspace_id"]}
    return texts if "workspace_id" in groups else {**texts, "workspace_id": None}


def _record(work: Work) -> dict[str, Any]:
    actor = (
        {"type": "api_actor", "api_key_name": work.api_key_name}
        if work.api_key_name
        else {"type": "user_actor", "email_address": work.email_address}
    )
    return {
        "date": f"{work.day}T00:00:00Z",
        "actor": actor,
        "organization_id": "dc9f6c26-b22c-4831-8d01-0446bada88f1",
        "customer_type": work.customer_type,
        "subscription_type": "team" if work.customer_type == "subscription" else None,
        "terminal_type": work.terminal_type,
        "core_metrics": {"num_sessions": 3, "lines_of_code": {"added": 10, "removed": 2}},
        "tool_actions": {"edit_tool": {"accepted": 5, "rejected": 1}},
        "model_breakdown": [
            {
                "model": model,
                "tokens": dict(zip(("input", "cache_creation", "cache_read", "output"), numbers, strict=True)),
                "estimated_cost": {"amount": cents, "currency": "USD"},
            }
            for model, (*numbers, cents) in work.models.items()
        ],
    }


def _snapped(text: str, width: timedelta) -> datetime:
    if not text.endswith("Z"):
        raise RefusedError(400, "instants are RFC 3339")
    moment = datetime.fromisoformat(text.removesuffix("Z"))
    return moment - (moment - EPOCH) % width


def _told(moment: datetime) -> str:
    return moment.replace(tzinfo=UTC).isoformat().replace("+00:00", "Z")
