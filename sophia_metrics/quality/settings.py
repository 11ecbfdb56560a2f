"""The `[quality]` table of sophia.toml."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["QualitySettings"]


class QualitySettings(BaseModel):
    """How what readers see is judged. The compiled SQL judges always."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    checkpoint: Annotated[
        bool,
        Field(
            description="Let Great Expectations judge too when the whole pipeline runs, and write Data Docs. It takes "
            "some seconds and a quarter of a gigabyte; check_quality does it in any case.",
            examples=[True],
        ),
    ] = True
