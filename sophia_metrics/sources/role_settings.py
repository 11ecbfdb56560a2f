"""The settings of a part of a source that has a role of its own."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sophia_metrics.sources.terms import PartRole

__all__ = ["RoleSettings"]


class RoleSettings(BaseModel):
    """A part of a source with a role of its own: the rows that have all that is named. The first that fits holds."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    provider: Annotated[
        str | None,
        Field(min_length=1, max_length=200, description="Rows of this provider.", examples=["openai"]),
    ] = None
    account: Annotated[
        str | None,
        Field(min_length=1, max_length=200, description="Rows with this account_id.", examples=["eu-organisation"]),
    ] = None
    route: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=200,
            description="Rows that took this route; direct are those that tell none, too.",
            examples=["direct"],
        ),
    ] = None
    role: Annotated[
        Literal["ledger", "reconcile"],
        Field(description="ledger: counts as usage; reconcile: is only compared.", examples=["reconcile"]),
    ]

    @model_validator(mode="after")
    def _names_a_part(self) -> "RoleSettings":
        if self.provider is None and self.account is None and self.route is None:
            raise ValueError("a part of a source needs a provider, an account or a route; of all of it role speaks")
        return self

    @property
    def part(self) -> PartRole:
        """The same as a value."""
        return PartRole(self.role, self.provider, self.account, self.route)
