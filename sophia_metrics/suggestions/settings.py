"""Settings of suggestions: from when on something is worth a word."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["SuggestionSettings"]

PATIENT = (
    "batch",
    "classification",
    "embedding",
    "embeddings",
    "enrichment",
    "evaluation",
    "extraction",
    "indexing",
    "moderation",
    "summarization",
)


class SuggestionSettings(BaseModel):
    """When a change is suggested."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    min_saving_usd: Annotated[
        Decimal,
        Field(
            ge=0, description="What a suggestion must save in 30 days, in dollars, to be worth a word.", examples=["1"]
        ),
    ] = Decimal(1)
    short_input_tokens: Annotated[
        int, Field(ge=0, description="A short simple call has at most so many input tokens.", examples=[1000])
    ] = 1000
    short_output_tokens: Annotated[
        int, Field(ge=0, description="A short simple call has at most so many output tokens.", examples=[300])
    ] = 300
    long_output_times: Annotated[
        float,
        Field(ge=1, description="An output is oversized beyond so many times the median of its kind.", examples=[4.0]),
    ] = 4.0
    costly_call_usd: Annotated[
        Decimal, Field(gt=0, description="A model whose mean call costs more is looked at.", examples=["0.01"])
    ] = Decimal("0.01")
    patient_operations: Annotated[
        tuple[str, ...],
        Field(description="Operations that can wait, and so can go through a batch tier.", examples=[["embedding"]]),
    ] = PATIENT
    cheaper_models: Annotated[
        Mapping[str, str],
        Field(
            description="Which model would do for short simple calls, by the name of the dear one, or how that begins. "
            "It comes before what docs/suggestions.md lists.",
            examples=[{"gpt-5": "gpt-5-mini"}],
        ),
    ] = Field(default_factory=dict[str, str])
