"""The commands, and what every one of them shares: errors in one message, and exit codes.

Exit codes: 0 good; 1 failed; 2 wrong usage or configuration; 3 finished, but the gate or a failed expectation
holds something back; 130 and 143 stopped, by Ctrl-C and by SIGTERM.

A command imports its module when it is called, so that `--help` and `sql` start at once.
"""

import sys
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from sophia_metrics.cli.stopping import GracefulStop
from sophia_metrics.errors import ConfigurationError, SophiaError

__all__ = ["app", "main"]

FAILED, WRONG_USAGE, HELD = 1, 2, 3

Json = Annotated[bool, typer.Option("--json", help="Print the same facts for machines.")]
Host = Annotated[
    str | None, typer.Option("--host", help="Listen on this address. Any other than this machine's own needs a token.")
]
Port = Annotated[int | None, typer.Option("--port", help="Listen on this port; 0: any free one.", min=0, max=65535)]
UsePrefect = Annotated[bool, typer.Option("--prefect", help="Run it as a Prefect flow run.")]


class Format(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


class CommandGroup(TyperGroup):
    """Shows an error of ours as one message; any other exception is a fault and keeps its traceback."""

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - typer does not export the types of this method
        """Run the command that was asked for."""
        with GracefulStop():
            try:
                return super().invoke(ctx)
            except SophiaError as error:
                sys.stderr.write(f"sophia-metrics: {error}\n")
                raise typer.Exit(WRONG_USAGE if isinstance(error, ConfigurationError) else FAILED) from error


app = typer.Typer(
    cls=CommandGroup,
    name="sophia-metrics",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(is_wanted: bool) -> None:
    if is_wanted:
        from importlib.metadata import version  # noqa: PLC0415 - nothing else needs it

        typer.echo(f"sophia-metrics {version('sophia-metrics')}")
        raise typer.Exit


@app.callback()
def sophia_metrics(
    *,
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """What LLM usage costs, where it goes, and whether the numbers can be trusted.

    Start with `sophia-metrics run`. State is in one folder: SOPHIA_HOME, else .sophia beside sophia.toml.
    """


@app.command()
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
    from sophia_metrics.cli.run import run_once  # noqa: PLC0415 - see above

    if run_once(is_sample=sample, is_plain=plain, is_json=json):
        raise typer.Exit(HELD)


@app.command()
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
        from sophia_metrics.cli.watch import stop_on_signals, watch_files  # noqa: PLC0415

        watch_files(paths, source, wait=stop_on_signals(every), is_plain=not prefect, is_json=json)
        return
    from sophia_metrics.cli.ingest import ingest_files  # noqa: PLC0415

    if ingest_files(paths, source, is_plain=not prefect, is_json=json):
        raise typer.Exit(HELD)


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="One SELECT.")],
    *,
    output: Annotated[Format, typer.Option("--format", help="How rows are printed.")] = Format.TABLE,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Query the published version, read-only.

    JSON is an array of objects: decimals are exact text, instants end with Z (all of ours are UTC).
    """
    from sophia_metrics.cli.sql import print_query  # noqa: PLC0415

    print_query(query, Format.JSON if json else output)


@app.command()
def tables(
    name: Annotated[str | None, typer.Argument(help="A table whose columns are wanted.")] = None,
    *,
    json: Json = False,
) -> None:
    """List the tables: grain, rows, meaning. With NAME, the columns of one."""
    from sophia_metrics.cli.tables import print_columns, print_tables  # noqa: PLC0415

    if name is None:
        print_tables(is_json=json)
    else:
        print_columns(name, is_json=json)


@app.command()
def probe(
    services: Annotated[
        list[str] | None, typer.Argument(help="Services of sophia.toml; none: all.", metavar="[NAME]...")
    ] = None,
    *,
    prefect: UsePrefect = False,
    json: Json = False,
) -> None:
    """Ask the services of sophia.toml and our own components how they are, and keep and publish it.

    It exits with 1 where a required service does not answer, or does not say how it is. It runs without
    Prefect unless --prefect says otherwise.
    """
    from sophia_metrics.cli.probe import probe_now  # noqa: PLC0415

    if not probe_now(services or (), is_plain=not prefect, is_json=json):
        raise typer.Exit(FAILED)


@app.command()
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
    from sophia_metrics.cli.backfill import backfill_days  # noqa: PLC0415

    if backfill_days(first.date(), last.date(), is_plain=not prefect, is_json=json):
        raise typer.Exit(HELD)


@app.command()
def reprice(
    *,
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First UTC day.", metavar="DAY")],
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last UTC day.", metavar="DAY")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept with what changed.", metavar="TEXT")],
    model: Annotated[str | None, typer.Option("--model", help="Only this model.")] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Do it. Unset: only show what would change.")] = False,
    json: Json = False,
) -> None:
    """Price usage of whole UTC days again, with the prices that are known now, and show what that changes by model.

    Without --apply nothing is changed. What was billed stays the cost. With --apply it is kept in core_reprices and
    published; a second time nothing changes.
    """
    from sophia_metrics.cli.reprice import days_to_reprice, reprice_days  # noqa: PLC0415 - see above

    order = days_to_reprice(first.date(), last.date(), reason, model=model, is_dry_run=not apply)
    if reprice_days(order, is_json=json):
        raise typer.Exit(HELD)


@app.command()
def forget(
    *,
    user: Annotated[
        str | None,
        typer.Option("--user", help="Who, as in the sources; - reads it from standard input.", metavar="IDENTIFIER"),
    ] = None,
    user_hash: Annotated[
        str | None, typer.Option("--user-hash", help="Who, as the tables have it: user_hash.", metavar="HASH")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what there is.")] = False,
    json: Json = False,
) -> None:
    """Erase a person from landing, core, versions and backups; counts and costs stay. See docs/privacy.md.

    Later runs leave the person out as well. It exits with 1 where nobody has that identifier, and can be run again
    at any time: a run that was killed is finished so.
    """
    from sophia_metrics.cli.forget import forget_person  # noqa: PLC0415 - see above

    if forget_person(user, user_hash, is_dry_run=dry_run, is_json=json):
        raise typer.Exit(HELD)


@app.command()
def check(*, prefect: UsePrefect = False, json: Json = False) -> None:
    """Judge every day of core and of the tables by all expectations, and write Data Docs.

    The other commands judge only the days that changed. It runs without Prefect unless --prefect says otherwise.
    """
    from sophia_metrics.cli.check import check_all  # noqa: PLC0415

    if check_all(is_plain=not prefect, is_json=json):
        raise typer.Exit(HELD)


@app.command()
def report(
    folder: Annotated[Path, typer.Option("--folder", help="Write into this folder.")] = Path("report"),
    *,
    png: Annotated[bool, typer.Option("--png", help="The charts as PNG, too; needs sophia-metrics[png].")] = False,
    json: Json = False,
) -> None:
    """Write the page as one HTML file that needs no server and no network, and its charts as SVG."""
    from sophia_metrics.cli.report import report as write  # noqa: PLC0415

    write(folder, has_pictures=png, is_json=json)


export_app = typer.Typer(
    help="Spend as files that other programs read.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(export_app, name="export")

Month = Annotated[datetime, typer.Option("--month", formats=["%Y-%m"], help="Which month.", metavar="YYYY-MM")]
Out = Annotated[
    Path | None, typer.Option("--out", help="Write into this file, .csv or .parquet.", metavar="FILE", dir_okay=False)
]


@export_app.command("focus")
def export_focus(*, month: Month, out: Out = None, json: Json = False) -> None:
    """Print the spend of a UTC month as rows of FOCUS 1.2, as CSV; their BilledCost adds up to it exactly.

    What has no known cost, and what a subscription pays, is in no row; how many calls that are is said apart.
    """
    from sophia_metrics.cli.export import print_focus  # noqa: PLC0415 - see above

    print_focus(month.date(), out, is_json=json)


class SplitRule(StrEnum):
    """How cost that belongs to nobody is divided."""

    NONE = "none"
    EVEN = "even"
    BY_COST = "by-cost"
    BY_TOKENS = "by-tokens"


@app.command()
def chargeback(
    *,
    month: Month,
    by: Annotated[str, typer.Option("--by", help="key, user, team, project, or a tag, as in tag:customer.")],
    share: Annotated[
        SplitRule, typer.Option("--share", help="Divide what belongs to nobody: evenly, or by own cost or tokens.")
    ] = SplitRule.NONE,
    top: Annotated[int | None, typer.Option("--top", help="Name so many, and the others as one.", min=1)] = None,
    shared_source: Annotated[
        list[str] | None,
        typer.Option(
            "--shared-source", help="The cost of this source is shared, too; may be repeated.", metavar="NAME"
        ),
    ] = None,
    time_zone: Annotated[str, typer.Option("--time-zone", help="Whose month it is.")] = "UTC",
    out: Out = None,
    json: Json = False,
) -> None:
    """Say who is charged what of a month; the lines add up to the spend exactly.

    Keys and users stand hashed, as in the tables.
    """
    from sophia_metrics.cli.export import print_chargeback  # noqa: PLC0415 - see above
    from sophia_metrics.exports.chargeback import ChargebackOrder  # noqa: PLC0415 - see above

    sources = tuple(shared_source or ())
    order = ChargebackOrder(month.date(), by, share.value, top, time_zone, sources)
    print_chargeback(order, out, is_json=json)


@app.command()
def close_day(*, prefect: UsePrefect = False, json: Json = False) -> None:
    """Forecast what each scope will spend, and find settled days that are not as expected; publish both.

    `run` does it where a day was settled since, and the schedule once a day. It runs without Prefect unless --prefect
    says otherwise.
    """
    from sophia_metrics.cli.close_day import close_settled_day  # noqa: PLC0415 - see above

    if close_settled_day(is_plain=not prefect, is_json=json):
        raise typer.Exit(HELD)


@app.command()
def maintain(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be done, and change nothing.")] = False,
    prefect: UsePrefect = False,
    json: Json = False,
) -> None:
    """Compact days in pieces, drop what [retention] keeps no longer, remove files that nothing lists any more.

    Readers notice nothing, rollups stay, and foreign files are reported, never removed. A step that fails does not
    stop the others; then it exits with 1. It runs without Prefect unless --prefect says otherwise.
    """
    from sophia_metrics.cli.maintain import maintain_state  # noqa: PLC0415

    if maintain_state(is_dry_run=dry_run, is_plain=not prefect, is_json=json):
        raise typer.Exit(HELD)


prices_app = typer.Typer(
    help="Which models have no price, what prices rest on, and which changed.",
    invoke_without_command=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(prices_app, name="prices")


@prices_app.callback()
def prices(context: typer.Context, *, json: Json = False) -> None:
    """Print the models without a price, the most tokens first, and what other prices rest on."""
    if context.invoked_subcommand is None:
        from sophia_metrics.cli.prices import print_gaps  # noqa: PLC0415 - see above

        print_gaps(is_json=json)


@prices_app.command("drift")
def prices_drift(*, json: Json = False) -> None:
    """Print the prices of models in use that changed, the newest first."""
    from sophia_metrics.cli.prices import print_price_drifts  # noqa: PLC0415 - see above

    print_price_drifts(is_json=json)


budgets_app = typer.Typer(
    help="How the budgets stand; set one, or take that back.",
    invoke_without_command=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(budgets_app, name="budgets")


class Period(StrEnum):
    """How long a budget holds, each time."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"


@budgets_app.callback()
def budgets(context: typer.Context, *, json: Json = False) -> None:
    """Print what is spent of each budget and where its period will end. `set` and `unset` change budgets."""
    if context.invoked_subcommand is None:
        from sophia_metrics.cli.budgets import print_budgets  # noqa: PLC0415 - see above

        print_budgets(is_json=json)


@budgets_app.command("set")
def budgets_set(
    name: Annotated[str, typer.Argument(help="Name of the budget, such as daily.")],
    *,
    limit: Annotated[str, typer.Option("--limit", help="What may be spent in a period, in dollars.")],
    period: Annotated[Period, typer.Option("--period", help="How long it holds, each time.")] = Period.MONTH,
    scope: Annotated[str, typer.Option("--scope", help="all, team/search, tag:feature/chat, …")] = "all",
    time_zone: Annotated[
        str | None, typer.Option("--time-zone", help="Whose days are meant; else the setting time_zone.")
    ] = None,
    start_day: Annotated[
        int,
        typer.Option("--start-day", help="On which day it begins: of a week 1 is Monday; else the day of the month."),
    ] = 1,
    thresholds: Annotated[
        str, typer.Option("--thresholds", help="Shares of the limit at which a person is told.")
    ] = "0.8,1",
    forecast_thresholds: Annotated[
        str, typer.Option("--forecast-thresholds", help="The same for the forecast of the end of the period.")
    ] = "1",
    from_on: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="First day of its time zone; else now.", metavar="DAY"),
    ] = None,
    json: Json = False,
) -> None:
    """Set a budget, from now on or from a later day. It wins over one of that name in sophia.toml until it is unset."""
    from sophia_metrics.cli.budgets import number, numbers, set_and_print  # noqa: PLC0415 - see above
    from sophia_metrics.costs.budget_order import BudgetOrder  # noqa: PLC0415 - see above

    order = BudgetOrder(
        name=name,
        limit_usd=number("--limit", limit),
        period=period.value,
        scope=scope,
        time_zone=time_zone,
        start_day=start_day,
        thresholds=numbers("--thresholds", thresholds),
        forecast_thresholds=numbers("--forecast-thresholds", forecast_thresholds),
        from_on=from_on.date() if from_on else None,
    )
    set_and_print(order, is_json=json)


@budgets_app.command("unset")
def budgets_unset(
    name: Annotated[str, typer.Argument(help="Name of a budget that was set.")],
    *,
    json: Json = False,
) -> None:
    """Take back what was set or planned: the budget of that name in sophia.toml holds again, if there is one."""
    from sophia_metrics.cli.budgets import unset_and_print  # noqa: PLC0415 - see above

    unset_and_print(name, is_json=json)


@app.command()
def change(
    *,
    before: Annotated[str, typer.Option("--from", help="UTC days before: 2026-10-01..2026-10-07.", metavar="DAYS")],
    after: Annotated[str, typer.Option("--to", help="Later UTC days that are compared with them.", metavar="DAYS")],
    scope: Annotated[str, typer.Option("--scope", help="all, team/search, model/…, tag:feature/chat, …")] = "all",
    json: Json = False,
) -> None:
    """Say why spend changed between two periods: price, volume, mix, new and gone, which add up to the change."""
    from sophia_metrics.cli.advice import print_change  # noqa: PLC0415 - see above

    print_change(before, after, scope, is_json=json)


@app.command()
def suggestions(*, json: Json = False) -> None:
    """Say what could be done to spend less, with what it would save in 30 days, as published."""
    from sophia_metrics.cli.advice import print_suggestions  # noqa: PLC0415 - see above

    print_suggestions(is_json=json)


class CachePolicy(StrEnum):
    """What becomes of prompt caching."""

    OFF = "off"
    FIVE_MINUTES = "5m"
    ONE_HOUR = "1h"


@app.command("what-if")
def what_if(
    *,
    model: Annotated[
        list[str] | None, typer.Option("--model", help="One model for another; may be repeated.", metavar="A=B")
    ] = None,
    tier: Annotated[
        list[str] | None, typer.Option("--tier", help="One service tier for another.", metavar="standard=batch")
    ] = None,
    cache_policy: Annotated[
        CachePolicy | None, typer.Option("--cache-policy", help="No prompt caching, or all writes for so long.")
    ] = None,
    first: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First UTC day; else 28 days.")
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last UTC day; else yesterday.")
    ] = None,
    scope: Annotated[str, typer.Option("--scope", help="all, team/search, model/…, tag:feature/chat, …")] = "all",
    json: Json = False,
) -> None:
    """Price history under another model, tier or cache policy, and show the difference. Nothing is written."""
    from sophia_metrics.cli.advice import ask_what_if  # noqa: PLC0415 - see above

    days = (first.date() if first else None, last.date() if last else None)
    ask_what_if(model or (), tier or (), cache_policy.value if cache_policy else None, days, scope, is_json=json)


@app.command()
def reconcile(
    *,
    first: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First UTC day; else 31 days.")
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last UTC day; else yesterday.")
    ] = None,
    json: Json = False,
) -> None:
    """Hold what we computed against what providers bill, and say why they part. Nothing is written."""
    from sophia_metrics.cli.reconcile import print_reconciliation  # noqa: PLC0415 - see above

    print_reconciliation(first.date() if first else None, last.date() if last else None, is_json=json)


kpi_app = typer.Typer(
    help="How the KPI of the plan stand; set a baseline.",
    invoke_without_command=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(kpi_app, name="kpi")


@kpi_app.callback()
def kpi(context: typer.Context, *, json: Json = False) -> None:
    """Print the last 28 settled days against the baseline. `set-baseline` notes one that you know."""
    if context.invoked_subcommand is None:
        from sophia_metrics.cli.advice import print_kpis  # noqa: PLC0415 - see above

        print_kpis(is_json=json)


@kpi_app.command("set-baseline")
def kpi_set_baseline(
    name: Annotated[str, typer.Argument(help="cache_hit_rate or daily_cost.", metavar="KPI")],
    value: Annotated[float, typer.Argument(help="Its value then.")],
    *,
    days: Annotated[str, typer.Option("--days", help="Of which UTC days: 2026-08-01..2026-08-28.", metavar="DAYS")],
    json: Json = False,
) -> None:
    """Note a baseline in the place of the one that was measured, and publish it."""
    from sophia_metrics.cli.advice import set_kpi_baseline  # noqa: PLC0415 - see above

    set_kpi_baseline(name, value, days, is_json=json)


@app.command()
def dashboard(*, host: Host = None, port: Port = None) -> None:
    """Serve the page and its API, from what is published, until Ctrl-C or SIGTERM.

    It listens on 127.0.0.1 only. Another address needs a token in the environment: see docs/dashboard.md.
    """
    from sophia_metrics.cli.serve import serve_page  # noqa: PLC0415 - see above

    serve_page(host, port)


@app.command()
def serve(*, host: Host = None, port: Port = None) -> None:
    """Serve the page, and run every schedule of prefect.yaml, until Ctrl-C or SIGTERM.

    Schedules run on the configured or running Prefect API, else on a server that this command starts, which takes a
    while. Each run is a process of its own.
    """
    from sophia_metrics.cli.serve import serve_everything  # noqa: PLC0415 - see above

    serve_everything(host, port)


@app.command()
def doctor(
    *,
    repair: Annotated[
        bool, typer.Option("--repair", help="End runs in Prefect whose process is gone, and free their slots.")
    ] = False,
    json: Json = False,
) -> None:
    """Say how everything is: versions, state, settings, sources, Prefect; what is held, bad, late or unpriced."""
    from sophia_metrics.cli.doctor import examine  # noqa: PLC0415

    if not examine(is_json=json, is_repairing=repair):
        raise typer.Exit(FAILED)


@app.command()
def verify(
    *,
    deep: Annotated[
        bool, typer.Option("--deep", help="Read every file, recompute every mart, look for events that stand twice.")
    ] = False,
    json: Json = False,
) -> None:
    """Recompute what must agree: days and their sum, marts and core, files and what is noted of them, the ledger.

    Nothing is changed. It exits with 1 where something does not agree, and says what.
    """
    from sophia_metrics.cli.verify import verify_state  # noqa: PLC0415 - see above

    if not verify_state(is_deep=deep, is_json=json):
        raise typer.Exit(FAILED)


@app.command()
def restore(
    backup: Annotated[
        str | None, typer.Argument(help="A backup, by its name. Unset: the newest that is whole.", metavar="[BACKUP]")
    ] = None,
    *,
    list_: Annotated[bool, typer.Option("--list", help="List the backups, and restore none.")] = False,
    json: Json = False,
) -> None:
    """Put a backup in the place of the state, with the decisions of now in it: no alert is sent again.

    The state that was there is kept aside. The next `run` commits what landing holds that is newer. A state file
    that is gone or damaged needs no restore: every run makes it again by itself.
    """
    from sophia_metrics.cli.restore import list_backups, restore_state  # noqa: PLC0415 - see above

    if list_:
        list_backups(is_json=json)
    else:
        restore_state(backup, is_json=json)


class Target(StrEnum):
    """Where a state folder is moved."""

    SNOWFLAKE = "snowflake"


@app.command()
def migrate(
    *,
    to: Annotated[Target, typer.Option("--to", help="The warehouse; [snowflake] in sophia.toml says where it is.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be moved, and change nothing.")] = False,
    json: Json = False,
) -> None:
    """Move core, decisions and ledger of the state folder to an empty schema of Snowflake, and compare all sums.

    Where everything is equal the folder becomes the mirror of that schema, and the next run with
    warehouse = "snowflake" goes on from there. Where anything differs it exits with 1 and nothing changes here. It can
    be stopped and run again at any time: what is there already is not loaded twice.
    """
    from sophia_metrics.cli.migrate import migrate_state  # noqa: PLC0415 - see above

    migrate_state(is_dry_run=dry_run, is_json=json, target=to.value)


alerts_app = typer.Typer(
    help="Which alerts are open, and which ended lately; say that somebody looks after one.",
    invoke_without_command=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(alerts_app, name="alerts")


@alerts_app.callback()
def alerts(
    context: typer.Context,
    *,
    days: Annotated[int, typer.Option("--days", min=0, help="Show those that ended in the last days, too.")] = 7,
    history: Annotated[
        bool, typer.Option("--history", help="Show all that ended in the last year, with each message.")
    ] = False,
    json: Json = False,
) -> None:
    """List the alerts that are open, and those that ended lately, with what was said of them and to whom."""
    if context.invoked_subcommand is None:
        from sophia_metrics.cli.alerts import print_alerts  # noqa: PLC0415

        print_alerts(days, is_history=history, is_json=json)


@alerts_app.command("ack")
def alerts_ack(
    episode: Annotated[str, typer.Argument(help="An open episode, by the beginning of its id.")],
    *,
    by: Annotated[str | None, typer.Option("--by", help="Who looks after it.")] = None,
    note: Annotated[str | None, typer.Option("--note", help="What others should know.")] = None,
) -> None:
    """Say that somebody looks after an alert: nobody is reminded of it any more, and PagerDuty is told."""
    from sophia_metrics.cli.acknowledge import acknowledge_alert  # noqa: PLC0415

    acknowledge_alert(episode, by, note)


@app.command()
def silence(
    *,
    hours: Annotated[float | None, typer.Option("--hours", help="For how long.")] = None,
    rule: Annotated[
        str | None, typer.Option("--rule", help="A rule, such as service-down or budget-*. Unset: every rule.")
    ] = None,
    subject: Annotated[str | None, typer.Option("--subject", help="A budget or service. Unset: each of them.")] = None,
    scope: Annotated[
        str | None, typer.Option("--scope", help="What is watched: team/search, service, … Unset: anything.")
    ] = None,
    start: Annotated[
        str | None, typer.Option("--start", help="When it begins, with an offset from UTC. Unset: now.")
    ] = None,
    by: Annotated[str | None, typer.Option("--by", help="Who makes it.")] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why, for others.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="List the silences that hold or will.")] = False,
    end: Annotated[str | None, typer.Option("--end", help="End a silence, by the beginning of its id.")] = None,
) -> None:
    """Keep alerts from being sent for some hours; what was sent before still resolves."""
    from sophia_metrics.cli.silences import SilenceOrder, end_silence, print_silences, silence_alerts  # noqa: PLC0415

    if list_:
        print_silences()
    elif end is not None:
        end_silence(end)
    else:
        silence_alerts(SilenceOrder(hours, rule, subject, scope, start, by, reason))


@app.command()
def notifiers(
    *,
    test: Annotated[str | None, typer.Option("--test", help="Send this notifier a test alert and its resolve.")] = None,
    json: Json = False,
) -> None:
    """Say whether each notifier can be used; nothing is sent but with --test."""
    from sophia_metrics.cli.alerts import print_notifiers, try_notifier  # noqa: PLC0415

    if test is not None:
        try_notifier(test)
    elif not print_notifiers(is_json=json):
        raise typer.Exit(FAILED)


@app.command()
def grants(
    *,
    role: Annotated[
        str | None, typer.Option("--role", help="The role that this program takes; else that of [snowflake].")
    ] = None,
    read_role: Annotated[
        str | None, typer.Option("--read-role", help="A role for people who query: it may read core and marts.")
    ] = None,
    is_moving: Annotated[
        bool, typer.Option("--migrate", help="Also what `sophia-metrics migrate` needs, whatever the warehouse is now.")
    ] = False,
) -> None:
    """Print the SQL that gives a role in Snowflake what the settings need, and no more. Nothing is asked or changed."""
    from sophia_metrics.cli.grants import print_grants  # noqa: PLC0415

    print_grants(role=role, read_role=read_role, is_moving=is_moving)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Where to write it.")] = Path(),
) -> None:
    """Write a sophia.toml in which every setting is explained and commented out."""
    from sophia_metrics.cli.init import write_config  # noqa: PLC0415

    typer.echo(f"wrote {write_config(folder)}: uncomment what you need, then `sophia-metrics run`")


def main() -> None:
    """Run the command line: the entry point `sophia-metrics`."""
    app()
