"""What prefect.yaml says of the flows: the only place that says when they run."""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from sophia_metrics.cron import longest_gap_seconds

__all__ = ["deployment_entries", "scheduled_intervals"]


@cache
def deployment_entries() -> Sequence[Mapping[str, Any]]:
    """Return the deployments of prefect.yaml: that of the checkout, or the copy in the wheel.

    Raises:
        FileNotFoundError: the package is not whole.
    """
    spec = find_spec("flows")
    folders = [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
    for place in (candidate / "prefect.yaml" for folder in folders for candidate in (folder, folder.parent)):
        if place.is_file():
            return tuple(yaml.safe_load(place.read_text(encoding="utf-8"))["deployments"])
    raise FileNotFoundError("prefect.yaml is neither beside the flows nor above them: install sophia-metrics again")


def scheduled_intervals() -> dict[str, int]:
    """Return how often each flow is due, in seconds; a flow without a schedule at work has none."""
    found: dict[str, int] = {}
    for entry in deployment_entries():
        active = [each["cron"] for each in entry.get("schedules") or () if each.get("active", True)]
        gaps = [gap for cron in active if (gap := longest_gap_seconds(cron)) is not None]
        if gaps:
            found[entry["name"]] = min(gaps)
    return found
