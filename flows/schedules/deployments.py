"""The deployments of prefect.yaml, the only place that says which flow runs when."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from prefect import Flow
from prefect.client.schemas.objects import ConcurrencyLimitConfig
from prefect.schedules import Cron, Schedule

from tasks.schedule import deployment_entries

__all__ = ["Deployment", "read_deployments"]


@dataclass(frozen=True, slots=True)
class Deployment:
    """One deployment, without what only a work pool needs."""

    name: str
    module: str
    function: str
    tags: tuple[str, ...]
    schedules: tuple[Schedule, ...]
    concurrency_limit: ConcurrencyLimitConfig | None
    parameters: Mapping[str, Any]

    def load(self) -> Flow[..., Any]:
        """Import the flow.

        Raises:
            TypeError: the entrypoint is no flow.
        """
        found = getattr(importlib.import_module(self.module), self.function)
        if not isinstance(found, Flow):
            raise TypeError(f"deployment {self.name} of prefect.yaml: {self.module}.{self.function} is no flow")
        return found  # pyright: ignore[reportUnknownVariableType] - the parameters of a flow that is found by its name


def read_deployments() -> tuple[Deployment, ...]:
    """Read prefect.yaml: that of the checkout, or the copy in the wheel."""
    return tuple(_deployment(entry) for entry in deployment_entries())


def _deployment(entry: Mapping[str, Any]) -> Deployment:
    file, _, function = entry["entrypoint"].partition(":")
    limit = entry.get("concurrency_limit")
    return Deployment(
        name=entry["name"],
        module=file.removesuffix(".py").replace("/", "."),
        function=function,
        tags=tuple(entry.get("tags", ())),
        schedules=tuple(_schedule(each) for each in entry.get("schedules") or ()),
        concurrency_limit=ConcurrencyLimitConfig.model_validate(limit) if limit else None,
        parameters=entry.get("parameters", {}),
    )


def _schedule(entry: Mapping[str, Any]) -> Schedule:
    return Cron(
        entry["cron"],
        timezone=entry.get("timezone"),
        slug=entry["slug"],
        active=entry.get("active", True),
        parameters=entry.get("parameters"),
    )
