"""The settings of [[maintenance]]: when no alert of some things begins."""

from datetime import time
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from sophia_metrics.time_zones import is_time_zone

__all__ = ["WEEKDAYS", "AlertMaintenanceSettings"]

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class AlertMaintenanceSettings(BaseModel):
    """One window of maintenance: once, or at the same hours of some days of every week."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: Annotated[
        str,
        Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$", description="Name of the window.", examples=["nightly-restart"]),
    ]
    services: Annotated[tuple[str, ...], Field(description="The services that it is about.", examples=[["chat"]])] = ()
    scopes: Annotated[
        tuple[str, ...],
        Field(
            description="The slices of usage that it is about. Neither services nor scopes: everything.",
            examples=[["team/search"]],
        ),
    ] = ()
    start_at: Annotated[
        AwareDatetime | None,
        Field(description="Once: the start, with its offset from UTC.", examples=["2026-12-01T22:00:00Z"]),
    ] = None
    end_at: Annotated[
        AwareDatetime | None,
        Field(description="Once: the end, exclusive, with its offset from UTC.", examples=["2026-12-02T02:00:00Z"]),
    ] = None
    weekdays: Annotated[
        tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...],
        Field(description="Every week: the days on which it begins.", examples=[["sat"]]),
    ] = ()
    start_time: Annotated[time | None, Field(description="Every week: when it begins.", examples=["22:00"])] = None
    end_time: Annotated[
        time | None,
        Field(
            description="Every week: when it ends, exclusive; on the next day where it is not later than the start.",
            examples=["02:00"],
        ),
    ] = None
    time_zone: Annotated[
        str | None,
        Field(description="Every week: whose clocks are meant. Unset: time_zone above.", examples=["Europe/Berlin"]),
    ] = None

    @model_validator(mode="after")
    def _is_once_or_every_week(self) -> "AlertMaintenanceSettings":
        once, weekly = (self.start_at, self.end_at), (self.start_time, self.end_time)
        if self.weekdays:
            if None in weekly or once != (None, None):
                raise ValueError("a window with weekdays has start_time and end_time, and no start_at or end_at")
        elif None in once or weekly != (None, None):
            raise ValueError("a window has start_at and end_at, or weekdays with start_time and end_time")
        if self.start_at is not None and self.end_at is not None and self.end_at <= self.start_at:
            raise ValueError("a maintenance window ends after its start")
        if self.time_zone is not None and not is_time_zone(self.time_zone):
            raise ValueError("must be a time zone of the IANA database")
        if any(each is not None and each.tzinfo is not None for each in weekly):
            raise ValueError("start_time and end_time have no offset: time_zone says whose clocks are meant")
        return self
