"""Run the whole pipeline once: collect, probe, build and judge the dashboard tables, publish them, tell of alerts."""

from prefect import flow

from flows.check_alerts import tell_alerts
from flows.close_day import note_findings
from flows.collect_cache_stats import collect_caches
from flows.collect_usage import collect_source
from sophia_metrics.usage.outcome import RunSummary
from tasks.artifacts import show_alerts, show_budgets, show_forecast, show_freshness, show_quality, show_spend
from tasks.budgets import note_budgets
from tasks.checks import check_marts, run_checkpoint, started_checkpoint
from tasks.clock import named_by_minute, utc_now
from tasks.marts import build_marts, publish_version, write_analytics
from tasks.plan import plan_usage
from tasks.probes import probe_once
from tasks.pulls import pulls_of
from tasks.runs import finish_run, recorded_run
from tasks.settings import read_settings
from tasks.usage import audit_days, mend_days, price_again

__all__ = ["run_pipeline"]


@flow(flow_run_name=named_by_minute("run-pipeline"), persist_result=False)
def run_pipeline(
    config: str | None = None,
    source: str | None = None,
    paths: list[str] | None = None,
    sample: bool = False,
    checkpoint: bool | None = None,
) -> RunSummary:
    """Collect usage, caches and probes, build and judge the marts, publish, tell of alerts; return what was done.

    Runs on the one host that has the state folder. Safe to run twice, at once, and after a kill: it goes on
    where the last run stopped, and a second run changes nothing. A source that fails ends the run, which is
    recorded as failed; what was committed before stays, and the next run publishes it.
    Held: the gate did not believe a slice. It stays in landing, out of the figures, and every run judges it
    again. The rest is published; the run is a success, and says `is_held`. Held too: a day fails an
    expectation. Then nothing is published, and readers keep the version that they have.
    A day of which a file was lost or damaged is made anew first, from landing. Where that cannot be, the run fails once
    and says what remains.
    Where a day was settled since the last run, forecasts are made and anomalies found.
    A cache that fails is named in the summary and in the logs, and keeps nothing else out.

    Args:
        config: folder of sophia.toml. None: the working directory, or the nearest folder above it.
        source: collect this source only.
        paths: files of that source to collect, instead of those that are configured. They are read to their last
            byte: nobody writes to a file that a person names.
        sample: collect made-up usage; so does a run that finds neither sources nor agent logs.
        checkpoint: let Great Expectations judge as well. None: as the settings say, and not for made-up usage.
    """
    settings = read_settings(config)
    with recorded_run(settings, "run-pipeline", now := utc_now()) as run:
        mend_days(settings, now)
        planned = plan_usage(settings, now, source=source, paths=paths, sample=sample)
        with started_checkpoint(settings, planned, now, is_wanted=checkpoint) as great_expectations:
            with pulls_of(settings, planned, now) as pulls:
                collected = tuple(collect_source(pulls, each, are_finished=bool(paths)) for each in planned)
            caches = collect_caches(settings)
            if settings.services:
                probe_once(settings, None, utc_now())
            audit_days(settings, utc_now())
            repriced_count = price_again(settings, utc_now())
            note_budgets(settings, utc_now())
            build = build_marts(settings, utc_now())
            quality = check_marts(settings, run, utc_now(), collected)
            if great_expectations is not None:
                quality = run_checkpoint(settings, run, great_expectations, quality, utc_now(), collected)
            note_findings(settings)
        finish_run(settings, run, utc_now(), collected, quality)
        publication = publish_version(settings, utc_now())
        if settings.snowflake is not None and settings.snowflake.analytics_sink is not None:
            write_analytics(settings, utc_now())
        publication = tell_alerts(settings) or publication
    show_quality(collected, quality)
    show_spend(settings)
    show_budgets(settings)
    show_forecast(settings)
    show_alerts(settings)
    show_freshness(settings)
    return RunSummary(run.run_id, collected, repriced_count, build, quality, publication, caches)
