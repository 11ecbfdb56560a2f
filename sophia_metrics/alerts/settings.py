"""The settings of alerts: who is told, and when a rule fires and resolves."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from sophia_metrics.alerts.channel import GroupKey

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
        Literal["webhook", "slack", "pagerduty", "apprise", "prefect"],
        Field(
            description="webhook: signed JSON, see docs/alerts.md; slack: an incoming webhook; pagerduty: its "
            "Events API v2; apprise: e-mail and others by a URL of Apprise; prefect: events of a Prefect API.",
            examples=["webhook"],
        ),
    ]
    url_env: Annotated[
        VariableName | None,
        Field(
            description="Name of the variable of the environment that holds the URL, which is a secret. Only "
            "kind = pagerduty may leave it out.",
            examples=["OPS_WEBHOOK_URL"],
        ),
    ] = None
    secret_env: Annotated[
        VariableName | None,
        Field(
            description="Name of the variable that holds a key. webhook: of its signatures; pagerduty: the integration "
            "key; prefect: the API key, where one is needed.",
            examples=["OPS_WEBHOOK_SECRET"],
        ),
    ] = None
    group_by: Annotated[
        tuple[GroupKey, ...] | None,
        Field(
            description="Alerts that are the same in all of these come as one message; []: each alone. Unset: by rule "
            "for slack and apprise, which people read; each alone for the others.",
            examples=[["rule", "severity"]],
        ),
    ] = None
    severities: Annotated[
        tuple[Literal["warning", "critical"], ...],
        Field(min_length=1, description="Which alerts it is told of.", examples=[["warning", "critical"]]),
    ] = ("warning", "critical")

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> "NotifierSettings":
        if self.kind == "webhook" and (self.url_env is None or self.secret_env is None):
            raise ValueError("kind = 'webhook' and a secret_env go together, and it needs a url_env")
        if self.kind == "pagerduty" and self.secret_env is None:
            raise ValueError("kind = 'pagerduty' needs a secret_env: the variable of its integration key")
        if self.kind in {"slack", "apprise"} and self.secret_env is not None:
            raise ValueError("kind = 'webhook' and a secret_env go together: the URL of this kind is all it needs")
        if self.kind != "pagerduty" and self.url_env is None:
            raise ValueError(f"kind = '{self.kind}' needs a url_env: the variable of its URL")
        if self.kind == "pagerduty" and self.group_by:
            raise ValueError("kind = 'pagerduty' has one incident for each alert: leave out group_by")
        if any(name and name.upper().startswith(OURS) for name in (self.url_env, self.secret_env)):
            raise ValueError(f"variables that start with {OURS} are settings: name another one")
        return self

    @property
    def groups(self) -> tuple[GroupKey, ...]:
        """By what its messages are put together."""
        if self.group_by is not None:
            return self.group_by
        return (GroupKey.RULE,) if self.kind in {"slack", "apprise"} else ()


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
    group_wait_seconds: Annotated[
        Annotated[int, Field(ge=0, le=3_600)],
        Field(
            description="So long a message waits for more alerts of its group. 0: only those of one look go together.",
            examples=[0],
        ),
    ] = 0
    cool_down_seconds: Annotated[
        Day, Field(description="So long after a resolve the same alert does not fire again.", examples=[0])
    ] = 0
    remind_every_seconds: Annotated[
        Annotated[int, Field(ge=60, le=30 * 86_400)] | None,
        Field(
            description="So often who was told is told again, while an alert fires and nobody acknowledges it. Unset: "
            "never.",
            examples=[14_400],
        ),
    ] = None
    is_inhibiting: Annotated[
        bool, Field(description="A critical alert keeps back warnings of the same thing.", examples=[True])
    ] = True
    forecast_hysteresis_ratio: Annotated[
        Decimal,
        Field(
            ge=0,
            le=1,
            description="A forecast alert resolves when the forecast is this share of the limit below its threshold.",
            examples=[0.05],
        ),
    ] = Decimal("0.05")
    min_anomaly_usd: Annotated[
        Decimal,
        Field(ge=0, description="Anomalies with less impact than this alert nobody.", examples=[1]),
    ] = Decimal(1)
    min_price_change_ratio: Annotated[
        Decimal,
        Field(ge=0, description="Prices that moved by less than this share alert nobody.", examples=[0.01]),
    ] = Decimal("0.01")
    min_gap_usd: Annotated[
        Decimal,
        Field(ge=0, description="A bill that differs by less from our sums alerts nobody.", examples=[1]),
    ] = Decimal(1)
    min_gap_ratio: Annotated[
        Decimal,
        Field(ge=0, le=1, description="The same, as a share of the greater amount.", examples=[0.02]),
    ] = Decimal("0.02")
    dashboard_url: Annotated[
        str | None,
        Field(
            pattern=r"^https?://\S+$",
            description="Address of the dashboard, for the links in messages. Unset: no links.",
            examples=["https://metrics.example.com/"],
        ),
    ] = None
