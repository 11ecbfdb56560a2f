"""OpenAI's costs: daily buckets of dollars, by project, line item and key."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.vendors.openai import KEY
from tests.vendors.server import Asked, RefusedError, Vendor

DAY = timedelta(days=1)
GROUPS = {"project_id", "line_item", "api_key_id"}


@dataclass
class Cost:
    """A line: dollars, as a number."""

    day: date
    value: float
    line_item: str | None = None
    project_id: str | None = None
    api_key_id: str | None = None
    quantity: float | None = None
    quantity_unit: str | None = None


class OpenAIBills(Vendor):
    """What an organisation is billed."""

    def __init__(self, seed: int = 7) -> None:
        super().__init__(seed)
        self.url = ""
        self.costs: list[Cost] = []
        self.buckets_a_page = 3

    @property
    def billed_usd(self) -> Decimal:
        """The sum of its lines."""
        return sum((Decimal(str(cost.value)) for cost in self.costs), Decimal(0))

    def answer(self, asked: Asked) -> Any:
        if asked.headers.get("Authorization") != f"Bearer {KEY}":
            raise RefusedError(401, "invalid key")
        if asked.path != "/v1/organization/costs":
            raise RefusedError(404, "no such endpoint")
        limit = int(asked.one("limit", "7"))
        start, end = (datetime.fromtimestamp(int(asked.one(name)), UTC) for name in ("start_time", "end_time"))
        if (
            limit > 180
            or asked.one("bucket_width", "1d") != "1d"
            or start >= end
            or end.replace(tzinfo=None) > self.now
        ):
            raise RefusedError(400, "bad window")
        if set(asked.params.get("group_by[]", [])) - GROUPS:
            raise RefusedError(400, "bad groups")
        days = [start + number * DAY for number in range((end - start) // DAY)]
        place = int(asked.one("page", "page_0").removeprefix("page_"))
        listing = f"{start}/{end}"
        data, following = self.page(listing, list(map(self._bucket, days)), min(limit, self.buckets_a_page), place)
        next_page = None if following is None else f"page_{following}"
        return {"object": "page", "data": data, "has_more": following is not None, "next_page": next_page}

    def spoil(self, body: Any) -> Any:
        for bucket in body["data"]:
            bucket["results"] = {"amount": "none"}
        return body

    def _bucket(self, day: datetime) -> dict[str, Any]:
        span = {"start_time": int(day.timestamp()), "end_time": int((day + DAY).timestamp())}
        return {"object": "bucket", **span, "results": [_line(cost) for cost in self.costs if cost.day == day.date()]}


def _line(cost: Cost) -> dict[str, Any]:
    return {
        "object": "organization.costs.result",
        "amount": {"value": cost.value, "currency": "usd"},
        "line_item": cost.line_item,
        "project_id": cost.project_id,
        "organization_id": "org-of-the-test",
        "api_key_id": cost.api_key_id,
        "quantity": cost.quantity,
        "quantity_unit": cost.quantity_unit,
    }
