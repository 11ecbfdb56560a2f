"""Commands about the KPI of the plan."""

from typing import Annotated

import typer

from sophia_metrics.cli.options import Json

__all__ = ["kpi_app"]

kpi_app = typer.Typer(
    help="How the KPI of the plan stand; set a baseline.",
    invoke_without_command=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@kpi_app.callback()
def kpi(context: typer.Context, *, json: Json = False) -> None:
    """Print the last 28 settled days against the baseline. `set-baseline` notes one that you know."""
    if context.invoked_subcommand is None:
        from sophia_metrics.cli.advice import print_kpis

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
    from sophia_metrics.cli.advice import set_kpi_baseline

    set_kpi_baseline(name, value, days, is_json=json)
