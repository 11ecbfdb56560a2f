"""The commands in their order, and what every one of them shares: errors in one message, and exit codes."""

import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from sophia_metrics.cli.commands import (
    alerts,
    budgets,
    exports,
    health,
    kpi,
    pipeline,
    prices,
    quality,
    server,
    setup,
    spend,
    state,
    tables,
)
from sophia_metrics.cli.exit_codes import FAILED, WRONG_USAGE
from sophia_metrics.cli.stopping import GracefulStop
from sophia_metrics.errors import ConfigurationError, SophiaError

__all__ = ["app", "main"]

COMMANDS: tuple[Callable[..., None], ...] = (
    pipeline.run,
    pipeline.ingest,
    tables.sql,
    tables.tables,
    health.probe,
    pipeline.backfill,
    prices.reprice,
    state.forget,
    quality.check,
    exports.report,
    exports.chargeback,
    pipeline.close_day,
    state.maintain,
    spend.change,
    spend.suggestions,
    spend.what_if,
    spend.reconcile,
    server.dashboard,
    server.serve,
    health.doctor,
    quality.verify,
    state.restore,
    state.migrate,
    alerts.silence,
    alerts.notifiers,
    setup.grants,
    setup.init,
)
"""In the order in which `--help` lists them, after the groups."""

GROUPS = {
    "export": exports.export_app,
    "prices": prices.prices_app,
    "budgets": budgets.budgets_app,
    "kpi": kpi.kpi_app,
    "alerts": alerts.alerts_app,
}


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


for _name, _group in GROUPS.items():
    app.add_typer(_group, name=_name)
for _command in COMMANDS:
    app.command()(_command)


def main() -> None:
    """Run the command line: the entry point `sophia-metrics`."""
    app()
