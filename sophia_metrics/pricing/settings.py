"""Settings of prices."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["PricingSettings"]


class PricingSettings(BaseModel):
    """Where prices come from, besides the list that comes with the program."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    litellm_prices: Annotated[
        Path | None,
        Field(
            description="A copy of LiteLLM's model_prices_and_context_window.json, for models that the list does not "
            "know. Nothing is fetched: it is a file. Unset: there is no such fallback.",
            examples=["model_prices_and_context_window.json"],
        ),
    ] = None
