"""What usage costs, as a person wants to see it: by day and model, month to date, and what is not known.

Spend is the sum of `cost_usd` of the calls whose cost is known. Beside every sum stands how many calls it
leaves out. What a subscription pays is never in it: it has an API-equivalent cost, which stands apart.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

__all__ = [
    "ApiEquivalent",
    "ModelEquivalent",
    "MonthToDate",
    "Spend",
    "SpendLine",
    "SpendReport",
    "SpendTable",
    "UnpricedModel",
    "days_between",
]


@dataclass(frozen=True, slots=True)
class Spend:
    """The spend of some calls.

    Attributes:
        request_count: the calls.
        unpriced_count: those of them that should have a cost and have none.
        cost_usd: the sum of the known costs, in dollars. None: no cost is known.
    """

    request_count: int
    unpriced_count: int
    cost_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class SpendLine:
    """One line of a spend table: a model; or, where `model` is None, the others together or all of them.

    Attributes:
        provider: who runs the model.
        model: the model.
        days: by UTC day; a day without calls is missing.
        total: over these days.
    """

    provider: str | None
    model: str | None
    days: Mapping[date, Spend]
    total: Spend


@dataclass(frozen=True, slots=True)
class SpendTable:
    """Spend by day and model. A line adds up to its total, the models and `other` to `total`, exactly.

    Attributes:
        first_on: the first UTC day.
        last_on: the last one.
        models: the models that cost most, the dearest first; those without a known cost come last.
        other: all further models together. None: there are none.
        total: all models. None: there is no spend in these days.
    """

    first_on: date
    last_on: date
    models: tuple[SpendLine, ...]
    other: SpendLine | None
    total: SpendLine | None

    @property
    def days(self) -> tuple[date, ...]:
        """All days of the table, in order."""
        return days_between(self.first_on, self.last_on)


@dataclass(frozen=True, slots=True)
class ModelEquivalent:
    """The calls of one model that a subscription pays, at list prices in dollars. None: no price is known."""

    provider: str
    model: str
    request_count: int
    unknown_count: int
    list_cost_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class ApiEquivalent:
    """What calls that a subscription pays, or whose source does not say who pays, would cost at list prices.

    It is not spend. `list_cost_usd` is in dollars, None where no price is known; `unknown_count` calls are
    not in it. `request_count` 0: there are no such calls.
    """

    request_count: int
    unknown_count: int
    list_cost_usd: Decimal | None
    models: tuple[ModelEquivalent, ...]


@dataclass(frozen=True, slots=True)
class MonthToDate:
    """The month so far, as the configured time zone counts it.

    Attributes:
        first_on: the first day of the month, in that zone.
        time_zone: its IANA name.
        spend: what was spent. None: the month has no data.
        api_equivalent: what stands apart from spend.
    """

    first_on: date
    time_zone: str
    spend: Spend | None
    api_equivalent: ApiEquivalent


@dataclass(frozen=True, slots=True)
class UnpricedModel:
    """Calls of one model whose cost is not known.

    Attributes:
        provider: who runs the model.
        model: the model.
        price_status: unpriced: no price is known; partial: a part of the usage has none; invalid: a number
            of the usage cannot be priced.
        request_count: the calls.
        input_tokens: their input, cached included. None: unknown.
        output_tokens: their output. None: unknown.
        first_on: UTC day of the first of them.
        last_on: UTC day of the last of them.
    """

    provider: str
    model: str
    price_status: str
    request_count: int
    input_tokens: int | None
    output_tokens: int | None
    first_on: date
    last_on: date

    @property
    def reason(self) -> str:
        """Why, in a few words."""
        if self.price_status == "partial":
            return "usage is unknown" if self.input_tokens is None else "a part has no price"
        return {"unpriced": "no price is known"}.get(self.price_status, "cannot be priced")


@dataclass(frozen=True, slots=True)
class SpendReport:
    """Everything about cost that one published version says.

    Attributes:
        data_from_on: the first UTC day with data. None: there are no data.
        data_through_on: the last UTC day with data. None: there are no data.
        all_time: spend of all days.
        table: the newest seven days by model. None: there are no data.
        chart: the newest fourteen days, each with its spend, or None on a day without calls.
        month: month to date.
        api_equivalent: of the days of the table.
        unpriced: models with calls whose cost is not known, of all days; the most calls first.
    """

    data_from_on: date | None
    data_through_on: date | None
    all_time: Spend
    table: SpendTable | None
    chart: tuple[tuple[date, Spend | None], ...]
    month: MonthToDate
    api_equivalent: ApiEquivalent
    unpriced: tuple[UnpricedModel, ...]


def days_between(first_on: date, last_on: date) -> tuple[date, ...]:
    """Return all days from the first to the last, both included."""
    return tuple(first_on + timedelta(days=each) for each in range((last_on - first_on).days + 1))
