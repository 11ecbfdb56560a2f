"""The `[[budgets]]` of sophia.toml, and the platform's own budgets where none are configured."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from sophia_metrics.errors import ConfigurationError
from sophia_metrics.scopes import Scope
from sophia_metrics.time_zones import is_time_zone

__all__ = ["PLATFORM_BUDGETS", "BudgetSettings", "platform_budgets"]

START_DAYS = {"day": 1, "week": 7}
"""The latest day on which such a period may begin."""
LAST_DAY_OF_MONTH = 31
Threshold = Annotated[Decimal, Field(gt=0, le=100, decimal_places=6)]


class BudgetSettings(BaseModel):
    """What may be spent in a scope, in each day, week, month or quarter."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: Annotated[
        str,
        Field(
            pattern=r"^[a-z][a-z0-9_-]{0,62}$",
            description="Name of the budget: in tables and in messages.",
            examples=["search-month"],
        ),
    ]
    scope: Annotated[
        str,
        Field(
            description="What it is about: all, team/…, project/…, provider/…, model/…, environment/… or "
            "tag:NAME/VALUE.",
            examples=["team/search"],
        ),
    ] = "all"
    period: Annotated[
        Literal["day", "week", "month", "quarter"],
        Field(description="How long it holds, each time.", examples=["month"]),
    ]
    start_day: Annotated[
        int,
        Field(
            ge=1,
            le=31,
            description="On which day it begins: of a week 1 is Monday and 7 Sunday; of a month, and of the first "
            "month of a quarter, the day of the month, or its last day where it is shorter.",
            examples=[15],
        ),
    ] = 1
    limit_usd: Annotated[
        Decimal,
        Field(
            gt=0,
            max_digits=20,
            decimal_places=6,
            description="What may be spent in a period, in dollars.",
            examples=[500],
        ),
    ]
    time_zone: Annotated[
        str | None,
        Field(
            description="Whose days are meant. Unset: those of the setting time_zone.",
            examples=["Europe/Berlin"],
        ),
    ] = None
    thresholds: Annotated[
        tuple[Threshold, ...],
        Field(
            min_length=1,
            description="Shares of the limit at which a person is told, ascending; reaching one is enough.",
            examples=[[0.8, 1.0]],
        ),
    ] = (Decimal("0.8"), Decimal(1))
    forecast_thresholds: Annotated[
        tuple[Threshold, ...],
        Field(
            min_length=1,
            description="The same for the forecast of the end of the period.",
            examples=[[1.0]],
        ),
    ] = (Decimal(1),)

    @field_validator("scope")
    @classmethod
    def _scope_has_a_known_form(cls, value: str) -> str:
        return str(Scope.parse(value))

    @field_validator("time_zone")
    @classmethod
    def _time_zone_exists(cls, value: str | None) -> str | None:
        if value is not None and not is_time_zone(value):
            raise ValueError("must be a time zone of the IANA database")
        return value

    @model_validator(mode="after")
    def _start_day_is_in_the_period(self) -> Self:
        if self.start_day > START_DAYS.get(self.period, LAST_DAY_OF_MONTH):
            raise ValueError(
                f"start_day = {self.start_day} is no day of a {self.period}: 1 to 7 of a week, 1 to 31 of a month or a "
                "quarter, and none of a day"
            )
        return self

    @field_validator("thresholds", "forecast_thresholds")
    @classmethod
    def _thresholds_ascend(cls, value: tuple[Decimal, ...]) -> tuple[Decimal, ...]:
        if list(value) != sorted(set(value)):
            raise ValueError("must ascend, each once")
        return value


PLATFORM_BUDGETS = (
    BudgetSettings(name="daily", period="day", limit_usd=Decimal(100)),
    BudgetSettings(name="monthly", period="month", limit_usd=Decimal(3000)),
)
"""What the Sophia AI platform allows itself; they hold where no budget is configured."""

LIMIT_VARIABLES = {"daily": "LLM_DAILY_BUDGET", "monthly": "LLM_MONTHLY_BUDGET"}
"""The platform's own variables for their limits."""


def platform_budgets(environment: Mapping[str, str]) -> tuple[BudgetSettings, ...]:
    """Return the platform's budgets, with the limits that its variables give.

    Raises:
        ConfigurationError: a variable holds no number of dollars above 0.
    """
    return tuple(
        budget.model_copy(update={"limit_usd": _limit(LIMIT_VARIABLES[budget.name], text)})
        if (text := environment.get(LIMIT_VARIABLES[budget.name], ""))
        else budget
        for budget in PLATFORM_BUDGETS
    )


def _limit(variable: str, text: str) -> Decimal:
    try:
        limit = Decimal(text)
    except InvalidOperation:
        limit = Decimal(0)
    if not (limit.is_finite() and 0 < limit < Decimal(10) ** 14):
        raise ConfigurationError(
            f"{variable} is no limit of a budget: give dollars above 0, as in {variable}=100, unset it, "
            "or configure [[budgets]] in sophia.toml"
        )
    return limit.quantize(Decimal("0.000001")).normalize()
