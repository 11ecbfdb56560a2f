"""The `[anomalies]` of sophia.toml: from when on a day is one."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from sophia_metrics.anomalies.limits import Direction, Limits

__all__ = ["AnomalySettings"]


class AnomalySettings(BaseModel):
    """From when on a settled day is an anomaly: all limits must be reached."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    score: Annotated[
        float,
        Field(ge=1, le=100, description="So many robust standard deviations from what is expected.", examples=[4]),
    ] = 4
    impact_usd: Annotated[
        float, Field(ge=0, description="So many dollars away from it, where it is about money.", examples=[25])
    ] = 1
    change_ratio: Annotated[
        float, Field(ge=0, le=100, description="And by such a share of it: 0.5 is half as much again.", examples=[0.5])
    ] = 0.5
    direction: Annotated[
        Direction, Field(description="up: only what costs more; both: also what costs less.", examples=["up"])
    ] = "up"

    @property
    def limits(self) -> Limits:
        """The same as a value."""
        return Limits(self.score, self.impact_usd, self.change_ratio, self.direction)
