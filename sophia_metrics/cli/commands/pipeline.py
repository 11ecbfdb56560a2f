"""Commands that collect usage, price it, and publish what it says."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from sophia_metrics.cli.exit_codes import HELD
from sophia_metrics.cli.options import Json, UsePrefect

__all__ = ["backfill", "close_day", "ingest", "run"]


def run(
    *,
    sample: Annotated[bool, typer.Option("--sample", help="Collect made-up usage, for a first look.")] = False,
    plain: Annotated[bool, typer.Option("--plain", help="Run the same steps without Prefect.")] = False,
    json: Json = False,
) -> None:
    """Collect what is new, price it, build the tables, publish them, and show what they say.

    Without sources in sophia.toml it reads the agent logs on this machine; where there are none, it makes
    sample data. It is a Prefect flow run on the configured or running API, else on Prefect's own temporary
    server, which takes a while to start.
    """
    from sophia_metrics.cli.run import run_once

    if run_once(is_sample=sample, is_plain=plain, is_json=json):
        raise typer.Exit(HELD)


def ingest(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders of files.", metavar="PATH...")],
    *,
    source: Annotated[
        str,
        typer.Option(
            "--source",
            help="A source of sophia.toml, or a format: litellm, claude, codex, openrouter, langfuse, bedrock, events.",
        ),
    ],
    watch: Annotated[bool, typer.Option("--watch", help="Go on, and read what is appended or added.")] = False,
    every: Annotated[float, typer.Option("--every", help="With --watch: look again after so many seconds.")] = 5.0,
    prefect: UsePrefect = False,
    json: Json = False,
) -> None:
    """Collect some files as usage of one source, then build and publish.

    It runs without Prefect unless --prefect says otherwise. A file that cannot be read as that source
    makes it exit with 1. With --watch it goes on until Ctrl-C or SIGTERM, and prints a line whenever there was
    something new; only what is new is read.
    """
    if watch:
        from sophia_metrics.cli.watch import stop_on_signals, watch_files

        watch_files(paths, source, wait=stop_on_signals(every), is_plain=not prefect, is_json=json)
        return
    from sophia_metrics.cli.ingest import ingest_files

    if ingest_files(paths, source, is_plain=not prefect, is_json=json):
        raise typer.Exit(HELD)


def backfill(
    first: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="First UTC day.", metavar="FROM")],
    last: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="Last UTC day, included.", metavar="TO")],
    *,
    prefect: UsePrefect = False,
    json: Json = False,
) -> None:
    """Make whole UTC days anew from landing, by the rules of today; what is priced keeps its price.

    It runs without Prefect unless --prefect says otherwise.
    """
    from sophia_metrics.cli.backfill import backfill_days

    if backfill_days(first.date(), last.date(), is_plain=not prefect, is_json=json):
        raise typer.Exit(HELD)


def close_day(*, prefect: UsePrefect = False, json: Json = False) -> None:
    """Forecast what each scope will spend, and find settled days that are not as expected; publish both.

    `run` does it where a day was settled since, and the schedule once a day. It runs without Prefect unless --prefect
    says otherwise.
    """
    from sophia_metrics.cli.close_day import close_settled_day

    if close_settled_day(is_plain=not prefect, is_json=json):
        raise typer.Exit(HELD)
