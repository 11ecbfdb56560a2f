"""Which sources a run collects."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from sophia_metrics.connect import connect_warehouse, plan_sources, source_for_paths
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.settings import Settings, SourceSettings
from sophia_metrics.sources.terms import SAMPLE_SOURCE
from sophia_metrics.warehouse.protocol import Query
from tasks.step import step

__all__ = ["plan_usage"]


@step("plan", deadline_seconds=120)
def plan_usage(
    settings: Settings, now: datetime, *, source: str | None, paths: Sequence[str] | None, sample: bool
) -> tuple[SourceSettings, ...]:
    """Return the sources to collect: some files of one source, one source, sample data, or all there are.

    Sample data never stand beside real ones: where something real was collected and nothing is configured,
    there is nothing to collect.

    Raises:
        ConfigurationError: there is no such source; paths come without the name of their source; or sample
            data are asked for in a state folder that holds real usage.
    """
    if paths:
        if source is None:
            raise ConfigurationError("files need the name of their source, such as --source litellm")
        return (source_for_paths(settings, source, [Path(path) for path in paths]),)
    planned = plan_sources(settings, sample=sample)
    if source is not None:
        planned = _only(planned, source)
    if not _is_sample(planned) or not _holds_real_usage(settings, now):
        return planned
    if sample:
        raise ConfigurationError(
            f"{settings.home} holds real usage, and sample data never stand beside it: "
            "set SOPHIA_HOME to another folder for a look at the sample"
        )
    return ()


def _only(planned: tuple[SourceSettings, ...], name: str) -> tuple[SourceSettings, ...]:
    named = tuple(each for each in planned if each.name == name)
    if not named:
        known = ", ".join(each.name for each in planned)
        raise ConfigurationError(
            f"there is no source {name!r} to collect: name one of {known}, or add it to sophia.toml"
        )
    return named


def _is_sample(planned: tuple[SourceSettings, ...]) -> bool:
    return [each.name for each in planned] == [SAMPLE_SOURCE]


def _holds_real_usage(settings: Settings, now: datetime) -> bool:
    query = Query("SELECT source FROM core_watermarks WHERE source <> $sample LIMIT 1", {"sample": SAMPLE_SOURCE})
    return not connect_warehouse(settings, now).read(query).is_empty()
