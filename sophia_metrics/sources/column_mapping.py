"""Which column of a plain file means what: the part of the configuration that describes a mapped source."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from sophia_metrics.schema import core
from sophia_metrics.schema.column import Column, Kind
from sophia_metrics.sources.format import ReportedBasis, TokenConvention

__all__ = ["MAPPABLE", "ColumnMapping", "ColumnRule", "TimeFormat", "ValueUnit"]

TimeFormat = Literal["iso", "epoch_seconds", "epoch_ms", "epoch_us", "relative_seconds"]
ValueUnit = Literal["seconds", "microseconds", "cents", "thousands"]

_OURS = frozenset(
    {"event_id", "usage_on", "source", "source_role", "version_rank", "ingested_at", "attempt_id", "tags"}
)
MAPPABLE: dict[str, Column] = {
    column.name: column
    for column in (
        *(*core.IDENTITY, *core.WHO, *core.TRACE, *core.WHAT),
        *(*core.TOKENS, *core.SPEED, *core.REPORTED),
    )
    if column.name not in _OURS
}
"""The columns of an event that a file can give, by name."""

_UNIT_KINDS: dict[str, Kind] = {
    "seconds": Kind.REAL,
    "microseconds": Kind.REAL,
    "cents": Kind.MONEY,
    "thousands": Kind.COUNT,
}
_REQUIRED = ("started_at", "provider", "model")


class ColumnRule(BaseModel):
    """Where the value of one event column comes from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: Annotated[str | None, Field(min_length=1, description="The column of the file, as written there.")] = None
    constant: Annotated[str | bool | int | Decimal | None, Field(description="The same value for every row.")] = None
    values: Annotated[dict[str, str] | None, Field(description="What a text stands for; others stay as they are.")] = (
        None
    )
    unit: Annotated[
        ValueUnit | None,
        Field(
            description="Unit in the file, where it is not ours: durations in seconds or microseconds, "
            "money in cents, counts in thousands."
        ),
    ] = None
    time: Annotated[
        str | None,
        Field(
            description="How an instant is written: iso (the default), epoch_seconds, epoch_ms, epoch_us, "
            "relative_seconds (with `origin`), or a strptime pattern such as %d/%m/%Y %H:%M."
        ),
    ] = None
    origin: Annotated[
        datetime | None,
        Field(description="For relative_seconds: the instant of second 0; UTC without an offset."),
    ] = None
    utc_offset: Annotated[
        str | None,
        Field(
            pattern=r"^[+-]\d\d:[0-5]\d$",
            description="For times that do not tell their zone: +02:00. Unset: UTC.",
        ),
    ] = None

    @model_validator(mode="after")
    def _is_consistent(self) -> "ColumnRule":
        if (self.column is None) == (self.constant is None):
            raise ValueError('give either a column or a constant: {column = "Model"} or {constant = "gpt-4o"}')
        if self.column is None and (self.values, self.unit, self.time, self.utc_offset) != (None,) * 4:
            raise ValueError("values, unit, time and utc_offset describe a column, not a constant")
        if (self.time == "relative_seconds") != (self.origin is not None):
            raise ValueError("time = 'relative_seconds' and an origin such as 2026-11-01T00:00:00Z go together")
        if self.utc_offset and self.time and self.time != "iso" and "%" not in self.time:
            raise ValueError("utc_offset is for written times; numbers of seconds are UTC, or count from the origin")
        return self

    @field_validator("time")
    @classmethod
    def _time_is_known(cls, value: str | None) -> str | None:
        if value is not None and "%" not in value and value not in TimeFormat.__args__:
            raise ValueError(f"use one of {', '.join(TimeFormat.__args__)}, or a strptime pattern such as %Y-%m-%d")
        return value

    @property
    def origin_utc(self) -> datetime | None:
        """The origin as naive UTC. None: there is none."""
        if self.origin is None or self.origin.tzinfo is None:
            return self.origin
        return self.origin.astimezone(UTC).replace(tzinfo=None)


class ColumnMapping(BaseModel):
    """How the rows of plain CSV, JSONL or Parquet files become usage events.

    In sophia.toml:

        [sources.mapping]
        convention = "inclusive"

        [sources.mapping.columns]
        started_at = "TIMESTAMP"
        provider = { constant = "openai" }
        model = { constant = "gpt-4o" }
        input_tokens = "ContextTokens"
        output_tokens = "GeneratedTokens"
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: Annotated[
        dict[str, ColumnRule],
        Field(description="For a column of core_usage_events: the column of the file, or a rule."),
    ]
    convention: Annotated[
        TokenConvention,
        Field(description="inclusive: input_tokens in the file holds cached tokens too; exclusive: it does not."),
    ] = TokenConvention.INCLUSIVE
    native_id: Annotated[
        str | None,
        Field(min_length=1, description="The column that identifies a call. Unset: its values do."),
    ] = None
    tags: Annotated[
        dict[str, str], Field(description="Tags of an event: for the name of each, the column of its value.")
    ] = Field(default_factory=dict[str, str])
    units: Annotated[
        dict[str, str],
        Field(description="Other billing units: for the name of each, the column of its quantity."),
    ] = Field(default_factory=dict[str, str])
    reported_basis: Annotated[
        ReportedBasis | None, Field(description="What cost_reported is: billed or estimated.")
    ] = None

    @field_validator("columns", mode="before")
    @classmethod
    def _text_is_a_column(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        return {name: {"column": rule} if isinstance(rule, str) else rule for name, rule in value.items()}  # pyright: ignore[reportUnknownVariableType]

    @field_validator("columns")
    @classmethod
    def _columns_exist(cls, value: dict[str, ColumnRule]) -> dict[str, ColumnRule]:
        unknown = sorted(value.keys() - MAPPABLE.keys())
        if unknown:
            raise ValueError(f"no event column is named {', '.join(unknown)}; known: {', '.join(MAPPABLE)}")
        missing = [name for name in _REQUIRED if name not in value]
        if missing:
            raise ValueError(f"{', '.join(missing)} must be given: a column of the file, or a constant")
        for name, rule in value.items():
            _check_rule(MAPPABLE[name], rule)
        return value

    @field_validator("reported_basis")
    @classmethod
    def _cost_has_a_basis(cls, value: ReportedBasis | None, info: ValidationInfo) -> ReportedBasis | None:
        if value is not None and "cost_reported" not in info.data.get("columns", {}):
            raise ValueError("reported_basis says what cost_reported is, which is not mapped")
        return value

    @model_validator(mode="after")
    def _cost_is_complete(self) -> "ColumnMapping":
        if "cost_reported" not in self.columns:
            return self
        if "cost_reported_currency" not in self.columns:
            raise ValueError('cost_reported needs cost_reported_currency = { constant = "USD" } or a column')
        if self.reported_basis is None:
            raise ValueError("cost_reported needs reported_basis = 'billed' or 'estimated'")
        return self


def _check_rule(column: Column, rule: ColumnRule) -> None:
    is_instant = column.kind is Kind.INSTANT
    if not is_instant and (rule.time or rule.utc_offset or rule.origin):
        raise ValueError(f"{column.name} is no instant: time, origin and utc_offset do not apply")
    if is_instant and rule.constant is not None:
        raise ValueError(f"{column.name} cannot be the same for every row: name a column")
    if rule.values is not None and column.kind is not Kind.TEXT:
        raise ValueError(f"{column.name} is no text: values does not apply")
    if rule.unit is not None and _UNIT_KINDS[rule.unit] is not column.kind:
        raise ValueError(f"{column.name} cannot be in {rule.unit}")
    if rule.constant is not None and column.kind not in {Kind.TEXT, Kind.BOOLEAN, Kind.COUNT}:
        raise ValueError(f"{column.name} cannot be the same for every row: name a column")
