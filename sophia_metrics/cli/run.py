"""`sophia-metrics run`: the whole pipeline once."""

from sophia_metrics.cli.figures import plural
from sophia_metrics.cli.outcome import report_run
from sophia_metrics.cli.pipeline import Pipeline
from sophia_metrics.cli.progress import Progress
from sophia_metrics.connect import AGENT_FORMATS, connect_source, plan_sources
from sophia_metrics.settings import Settings, load_settings
from sophia_metrics.sources.terms import SAMPLE_SOURCE

__all__ = ["run_once"]


def run_once(*, is_sample: bool, is_plain: bool, is_json: bool) -> bool:
    """Run the pipeline and print what a person wants to know; say whether the gate holds a slice back."""
    settings = load_settings()
    with Progress("starting", shows_warnings=is_plain) as progress:
        _announce(progress, settings, is_sample=is_sample)
        summary = Pipeline(settings.home, progress, is_plain=is_plain).run(is_sample=is_sample)
    report_run(settings, summary, is_plain=is_plain, is_json=is_json)
    return summary.is_held


def _announce(progress: Progress, settings: Settings, *, is_sample: bool) -> None:
    """Say what will be read, before anything is."""
    for planned in plan_sources(settings, sample=is_sample):
        if planned.format in AGENT_FORMATS:
            source = connect_source(planned)
            places = ", ".join(source.paths)
            files = plural(len(source.find_files()), "file")
            progress.keep(f"agent logs in {places}: read {files}, no prompt text")
        elif planned.name == SAMPLE_SOURCE and not is_sample:
            progress.keep("no source in sophia.toml and no agent logs on this machine: a look at sample data")
