"""Sources of usage: those that are configured, and those that a run finds by itself."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sophia_metrics.errors import ConfigurationError
from sophia_metrics.settings import Settings, SourceSettings
from sophia_metrics.sources.file_source import FileSource
from sophia_metrics.sources.mapped import mapped_format
from sophia_metrics.sources.registry import FORMAT_NAMES, find_format
from sophia_metrics.sources.spool_source import SpoolSource
from sophia_metrics.sources.table_settings import TableSettings
from sophia_metrics.sources.terms import SAMPLE_SOURCE, SourceTerms

__all__ = [
    "AGENT_FORMATS",
    "connect_source",
    "every_source",
    "plan_sources",
    "roles_in_force",
    "sample_settings",
    "source_for_paths",
]

AGENT_FORMATS = ("claude", "codex")
"""The logs that a run looks for by itself, where nothing is configured."""


def connect_source(source: SourceSettings) -> FileSource:
    """Return one source; of one that is pulled, the files that were."""
    file_format = mapped_format(source.mapping) if source.mapping else find_format(source.format)
    hours = file_format.settling_hours if source.settling_hours is None else source.settling_hours
    terms = SourceTerms(
        name=source.name,
        format=file_format.name,
        role=source.usual_role,
        parts=tuple(each.part for each in source.roles),
        billing=source.billing or file_format.billing,
        reported_basis=file_format.reported_basis,
        expected_within_seconds=source.expected_within_hours * 3600,
        settling_seconds=hours * 3600,
        account=source.account,
    )
    if not source.is_pulled:
        return FileSource(terms, file_format, source.paths)
    if source.is_live:
        return SpoolSource(terms, file_format, source.paths)
    table = source.table or TableSettings()
    lag = table.terms(source.name, source.format, warehouse="", query_tag="").settling_minutes * 60
    return SpoolSource(replace(terms, settling_seconds=terms.settling_seconds + lag), file_format, source.paths)


def roles_in_force(settings: Settings) -> tuple[SourceTerms, ...]:
    """Return what the rows of each configured source of usage count as from now on."""
    return tuple(
        SourceTerms(
            each.name,
            each.format,
            role=each.usual_role,
            parts=tuple(role.part for role in each.roles),
            account=each.account,
        )
        for each in settings.sources
        if not each.is_bill
    )


def plan_sources(settings: Settings, *, sample: bool = False) -> tuple[SourceSettings, ...]:
    """Return what a run collects.

    The configured sources; else the logs of agents on this machine; else sample data. `sample`: the sample data.
    """
    if sample:
        return (sample_settings(settings),)
    if settings.sources:
        return settings.sources
    agents = (SourceSettings(name=name, format=name) for name in AGENT_FORMATS)
    return tuple(each for each in agents if connect_source(each).find_files()) or (sample_settings(settings),)


def every_source(settings: Settings) -> tuple[FileSource, ...]:
    """Return the configured sources of usage, and one for each format's own name, as in `ingest --source litellm`.

    A configured source stands for the format of its name.
    """
    configured = {source.name: source for source in settings.sources if not source.is_bill}
    named = {name: SourceSettings(name=name, format=name) for name in FORMAT_NAMES}
    sample = {SAMPLE_SOURCE: sample_settings(settings)}
    return tuple(connect_source(source) for source in {**named, **sample, **configured}.values())


def source_for_paths(settings: Settings, name: str, paths: Sequence[Path]) -> SourceSettings:
    """Return the source of some files that a person names: a configured source, or a format's own name.

    Raises:
        ConfigurationError: there is neither a source nor a format of that name, or it is no source of files.
    """
    absolute = tuple(str(path.expanduser().absolute()) for path in paths)
    for source in settings.sources:
        if source.name == name and source.is_pulled:
            raise ConfigurationError(f"source {name} has no files: `sophia-metrics run` pulls it from where it is")
        if source.name == name:
            return source.model_copy(update={"paths": absolute})
    if name in FORMAT_NAMES:
        return SourceSettings(name=name, format=name, paths=absolute)
    configured = ", ".join(source.name for source in settings.sources) or "none"
    raise ConfigurationError(
        f"there is no source {name!r}: name a source of sophia.toml ({configured}) "
        f"or a format ({', '.join(FORMAT_NAMES)}); "
        "a plain CSV, JSONL or Parquet file needs a source with format = 'mapped' (see docs/sources.md)"
    )


def sample_settings(settings: Settings) -> SourceSettings:
    """Return the source of the sample data, whose files are in the state folder."""
    return SourceSettings(name=SAMPLE_SOURCE, format="events", paths=(str(settings.home / "sample"),))
