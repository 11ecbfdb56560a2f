"""One price of our own: what an entry of the overrides file says, validated."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from sophia_metrics.pricing.card import STANDARD, PriceKey, Rates, per_unit, service_tier

__all__ = ["Like", "Override", "OverrideFile", "TokenPrices"]

MILLION = 1_000_000


def _exact(value: object) -> object:
    if isinstance(value, (bool, float)):
        raise ValueError("must be a decimal number, exact as written")  # noqa: TRY004 - pydantic turns only ValueError into its report
    return value


def _utc(value: object) -> object:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    return datetime.combine(value, time.min) if isinstance(value, date) else value


Rate = Annotated[Decimal, BeforeValidator(_exact), Field(ge=0, lt=10 * MILLION, allow_inf_nan=False)]
UnitRate = Annotated[Decimal, BeforeValidator(_exact), Field(ge=0, lt=100, allow_inf_nan=False)]
Instant = Annotated[datetime, BeforeValidator(_utc)]
Tier = Annotated[str, AfterValidator(service_tier)]
Name = Annotated[str, Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TokenPrices(_Strict):
    """Dollars for a million tokens; a cache class that is left out costs what input costs."""

    input: Rate | None = None
    cache_read: Rate | None = None
    cache_write_5m: Rate | None = None
    cache_write_1h: Rate | None = None
    output: Rate | None = None

    def rates(self, units: tuple[tuple[str, Decimal], ...] = ()) -> tuple[Rates, list[tuple[str, str]]]:
        """Return the rates for one token, and which classes inherit the price of which other."""
        write = "input" if self.cache_write_5m is None else "cache_write_5m"
        parents = {"cache_read": "input", "cache_write_5m": "input", "cache_write_1h": write}
        told: dict[str, Decimal | None] = self.model_dump()
        inherited = [
            (name, parent) for name, parent in parents.items() if told[name] is None and told[parent] is not None
        ]
        told.update({name: told[parent] for name, parent in inherited})
        one = {name: None if price is None else per_unit(price, MILLION) for name, price in told.items()}
        return Rates(**one, units=units), inherited


class SizeTier(_Strict):
    """Other prices for calls whose whole input, caches included, is larger than `above` tokens."""

    above: Annotated[int, Field(gt=0)]
    per_million: TokenPrices


class Like(_Strict):
    """The key whose list price an entry takes; what is left out is the key's own."""

    provider: Name | None = None
    route: Name | None = None
    model: Name | None = None
    service_tier: Tier | None = None

    def key(self, key: PriceKey) -> PriceKey:
        """Return the key to look up in the list in place of `key`."""
        return PriceKey(
            self.provider or key.provider,
            self.route or key.route,
            self.model or key.model,
            self.service_tier or key.service_tier,
        )


class Override(_Strict):
    """One entry: which calls it is for, when it holds (naive UTC, end exclusive), and what they cost."""

    provider: Name
    route: Name | None = None
    model: Name
    service_tier: Tier = STANDARD
    valid_from: Instant | None = None
    valid_to: Instant | None = None
    per_million: TokenPrices | None = None
    per_unit: dict[Name, UnitRate] = Field(default_factory=dict)
    tiers: list[SizeTier] = Field(default_factory=list[SizeTier])
    like: Like | None = None
    multiplier: Annotated[Decimal, BeforeValidator(_exact), Field(ge=0, le=10)] | None = None
    note: str | None = None
    source: str | None = None
    checked_on: date | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        own = bool(self.per_million or self.per_unit or self.tiers)
        if own == bool(self.like or self.multiplier is not None):
            raise ValueError("give either prices (per_million, per_unit, tiers) or list prices (multiplier, like)")
        if self.tiers and self.per_million is None:
            raise ValueError("tiers needs per_million: the prices up to the first tier")
        thresholds = [tier.above for tier in self.tiers]
        if sorted(set(thresholds)) != thresholds:
            raise ValueError("tiers must stand in rising order of above, each once")
        if self.valid_from and self.valid_to and self.valid_from >= self.valid_to:
            raise ValueError("valid_to must be later than valid_from")
        return self

    @property
    def is_glob(self) -> bool:
        """Whether `model` is a pattern."""
        return any(sign in self.model for sign in "*?[")

    @property
    def precedence(self) -> tuple[int, ...]:
        """How exactly the entry names its calls; the greater one wins."""
        literal = sum(sign not in "*?" for sign in self.model)
        return (not self.is_glob, self.route is not None, literal)

    def matches(self, key: PriceKey) -> bool:
        """Whether the entry is for calls with this key; upper and lower case are the same."""
        return (
            self.provider.lower() == key.provider.lower()
            and (self.route is None or self.route.lower() == (key.route or "").lower())
            and self.service_tier == key.service_tier
            and (
                fnmatchcase(key.model.lower(), self.model.lower())
                if self.is_glob
                else key.model.lower() == self.model.lower()
            )
        )


class OverrideFile(_Strict):
    """The whole file."""

    prices: list[Override] = Field(default_factory=list[Override])
