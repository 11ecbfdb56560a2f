"""The `[dashboard]` table of sophia.toml."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["DashboardSettings"]


class DashboardSettings(BaseModel):
    """Where the page and its API listen, and who may read them."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    host: Annotated[
        str,
        Field(
            min_length=1,
            description="Address on which the page listens. Any other than this machine's own needs a token.",
            examples=["127.0.0.1"],
        ),
    ] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="Its port; 0: any free one.", examples=[8321])] = 8321
    token_env: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z_]\w*$",
            description="The variable of the environment that holds the token, of 16 characters or more. Where it is "
            "set, everybody needs the token.",
            examples=["DASHBOARD_TOKEN"],
        ),
    ] = "DASHBOARD_TOKEN"  # noqa: S105 - the name of a variable
    host_names: Annotated[
        tuple[str, ...],
        Field(
            description="Further names by which people reach the page; a request that asks for another is refused.",
            examples=[["metrics.example.com"]],
        ),
    ] = ()
