"""The settings of alerts: who is told, and when a rule fires and resolves."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

__all__ = ["AlertSettings", "NotifierSettings"]

OURS = "SOPHIA_"

VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Day = Annotated[int, Field(ge=0, le=86_400)]


class NotifierSettings(BaseModel):
    """One place that is told of alerts."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: Annotated[
        str,
        Field(
            pattern=r"^[a-z][a-z0-9_-]{0,62}$",
            description="Name of the notifier: the channel in core_alert_deliveries.",
            examples=["ops"],
        ),
    ]
    kind: Annotated[
        Literal["webhook", "slack"],
        Field(
            description="webhook: signed JSON, see docs/alerts.md; slack: an incoming webhook.", examples=["webhook"]
        ),
    ]
    url_env: Annotated[
        VariableName,
        Field(
            description="Name of the variable of the environment that holds the URL, which is a secret.",
            examples=["OPS_WEBHOOK_URL"],
        ),
    ]
    secret_env: Annotated[
        VariableName | None,
        Field(
            description="For kind = webhook: name of the variable that holds the key of its signatures.",
            examples=["OPS_WEBHOOK_SECRET"],
        ),
    ] = None
    severities: Annotated[
        tuple[Literal["warning", "critical"], ...],
        Field(min_length=1, description="Which alerts it is told of.", examples=[["warning", "critical"]]),
    ] = ("warning", "critical")

    @model_validator(mode="after")
    def _only_webhooks_are_signed(self) -> "NotifierSettings":
        if (self.kind == "webhook") != (self.secret_env is not None):
            raise ValueError("kind = 'webhook' and a secret_env go together")
        if any(name and name.upper().startswith(OURS) for name in (self.url_env, self.secret_env)):
            raise ValueError(f"variables that start with {OURS} are settings: name another one")
        return self


class AlertSettings(BaseModel):
    """When alerts fire and resolve."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    down_after_seconds: Annotated[
        Day, Field(description="So long a service must be down before it is an alert.", examples=[0])
    ] = 0
    degraded_after_seconds: Annotated[
        Day, Field(description="So long a service must be degraded before it is an alert.", examples=[300])
    ] = 300
    resolve_after_seconds: Annotated[
        Day,
        Field(
            description="So long it must be well again before an alert resolves; what flaps faster is one alert.",
            examples=[300],
        ),
    ] = 300
    dashboard_url: Annotated[
        str | None,
        Field(
            pattern=r"^https?://\S+$",
            description="Address of the dashboard, for the links in messages. Unset: no links.",
            examples=["https://metrics.example.com/"],
        ),
    ] = None
