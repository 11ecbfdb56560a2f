"""Claude Code at an Anthropic organisation: one UTC day, by actor, kind of customer, terminal and model.

Source: https://platform.claude.com/docs/en/api/admin/usage_report/retrieve_claude_code.
What API customers use stands in the usage report of messages too; what subscriptions use is paid otherwise.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

from pydantic import AwareDatetime, ConfigDict, TypeAdapter, with_config
from typing_extensions import TypedDict

from sophia_metrics.errors import ConfigurationError
from sophia_metrics.sources.format import Completeness, Format, LandedColumn, TokenConvention
from sophia_metrics.sources.live.anthropic_admin import BASE_URL, KEY, admin_api
from sophia_metrics.sources.live.api import Params
from sophia_metrics.sources.live.clock import Clock
from sophia_metrics.sources.live.live_format import LiveFormat, Row
from sophia_metrics.sources.live.money import Money, dollars_of_cents
from sophia_metrics.sources.live.numbers import is_number
from sophia_metrics.sources.live.pages import Cursor, every_page
from sophia_metrics.sources.live.terms import LiveTerms
from sophia_metrics.sources.queries import source_query
from sophia_metrics.windows import Window, naive_utc

__all__ = ["LIVE"]

PATH = "/usage_report/claude_code"
RECORDS_A_PAGE = 1000
"""The most that a page may hold."""
CUSTOMERS = ("api", "subscription")
TOKENS = ("input", "cache_creation", "cache_read", "output")
WHO = ("email_address", "api_key_name", "customer_type", "terminal_type")


class Actor(TypedDict, total=False):
    """Who worked: a person or a key."""

    email_address: str | None
    api_key_name: str | None


class EstimatedCost(TypedDict):
    """What the calls would cost: in cents."""

    amount: Money
    currency: str


@with_config(ConfigDict(extra="allow"))
class Tokens(TypedDict, total=False):
    """Exclusive counts. A key that is not named here is kept where it is a number: it may be usage."""

    input: int | None
    cache_creation: int | None
    cache_read: int | None
    output: int | None


class ModelUse(TypedDict):
    """What one model did for an actor."""

    model: str
    tokens: Tokens
    estimated_cost: EstimatedCost | None


class WorkRecord(TypedDict):
    """The day of one actor."""

    date: AwareDatetime
    actor: Actor
    customer_type: str
    terminal_type: str | None
    model_breakdown: list[ModelUse]


class Page(TypedDict):
    """Records of one day."""

    data: list[WorkRecord]
    has_more: bool
    next_page: str | None


PAGE = TypeAdapter(Page)


class ClaudeCodeReader:
    """Reads what Claude Code used, day by day."""

    def __init__(self, terms: LiveTerms, clock: Clock) -> None:
        """Prepare; nothing is asked yet.

        Raises:
            ConfigurationError: the key is not set, or there is no such kind of customer.
        """
        if unknown := sorted(set(terms.kinds) - set(CUSTOMERS)):
            raise ConfigurationError(
                f"source {terms.source}: there are no customers of the kind {unknown[0]!r}: name some of "
                f"{', '.join(CUSTOMERS)}"
            )
        self._customers = terms.kinds
        self._api = admin_api(terms, clock)

    @property
    def lead(self) -> timedelta | None:
        """How far our clock is ahead of Anthropic's."""
        return self._api.lead

    def read(self, window: Window) -> Iterator[Row]:
        """Yield a row for each actor and model of every UTC day of the window."""
        for day in window.split(timedelta(days=1)):
            ask = partial(self._page, day.start_at, RECORDS_A_PAGE)
            for page in every_page(self._api.source, ask, _records, _following):
                for record in page["data"]:
                    if not self._customers or record["customer_type"] in self._customers:
                        yield from self._rows(record)

    def check(self) -> str:
        """Ask for one record of yesterday."""
        self._page(self._api.now - timedelta(days=1), 1, None)
        return f"{self._api.host} tells what the organisation uses Claude Code for"

    def close(self) -> None:
        """Give the connections back."""
        self._api.close()

    def _page(self, day: datetime, limit: int, cursor: Cursor | None) -> Page:
        params: Params = [
            ("starting_at", f"{day:%Y-%m-%d}"),
            ("limit", limit),
            *((("page", cursor),) if cursor is not None else ()),
        ]
        return self._api.get(PATH, params, PAGE)

    def _rows(self, record: WorkRecord) -> Iterator[Row]:
        actor = record["actor"]
        shared = {
            "day_at": naive_utc(record["date"]),
            "email_address": actor.get("email_address"),
            "api_key_name": actor.get("api_key_name"),
            "customer_type": record["customer_type"],
            "terminal_type": record["terminal_type"],
        }
        for use in record["model_breakdown"]:
            cost = use["estimated_cost"]
            yield {
                **shared,
                "model": use["model"],
                "estimated_cost": None if cost is None else dollars_of_cents(cost["amount"]),
                "currency": None if cost is None else cost["currency"],
                **{f"{key}_tokens": value for key, value in use["tokens"].items() if _is_count(key, value)},
            }


def _records(page: Page) -> list[WorkRecord]:
    return page["data"]


def _following(page: Page) -> Cursor | None:
    return page["next_page"] if page["has_more"] else None


def _is_count(key: str, value: object) -> bool:
    return key in TOKENS or is_number(value)


FORMAT = Format(
    name="anthropic_claude_code",
    doc="What Claude Code used at an Anthropic organisation by day, from its Admin API.",
    convention=TokenConvention.EXCLUSIVE,
    completeness=Completeness.COMPLETE,
    reported_basis="estimated",
    billing=None,
    settling_hours=24,
    columns=(
        LandedColumn("day_at", "TIMESTAMPTZ"),
        *(LandedColumn(name, "VARCHAR", is_identity=name in {"email_address", "api_key_name"}) for name in WHO),
        LandedColumn("model", "VARCHAR"),
        *(LandedColumn(f"{name}_tokens", "DOUBLE") for name in TOKENS),
        LandedColumn("estimated_cost", "DECIMAL(38,12)"),
        LandedColumn("currency", "VARCHAR"),
        LandedColumn("read_at", "TIMESTAMPTZ"),
    ),
    mapping=source_query("anthropic_claude_code"),
    signature=("day_at", "customer_type"),
    required=("day_at", "model", "read_at"),
)

LIVE = LiveFormat(
    format=FORMAT,
    connect=ClaudeCodeReader,
    base_url=BASE_URL,
    key_variables=(KEY,),
    window=timedelta(days=1),
    span=timedelta(days=1),
    instant="day_at",
    settling_minutes=120,
    reread_hours=72,
)
