"""The `[gate]` table of sophia.toml."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["GateSettings"]


class GateSettings(BaseModel):
    """When a staged slice is held back as a whole."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    max_quarantined_ratio: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            description="Hold a slice back when a greater share of its rows breaks a row rule.",
            examples=[0.5],
        ),
    ] = 0.5
    min_rows: Annotated[
        int,
        Field(ge=1, description="Slices with fewer rows are not judged by that share.", examples=[20]),
    ] = 20
