"""Commands about budgets."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer

from sophia_metrics.cli.options import Json

__all__ = ["budgets_app"]

budgets_app = typer.Typer(
    help="How the budgets stand; set one, or take that back.",
    invoke_without_command=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


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
        from sophia_metrics.cli.budgets import print_budgets

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
    from sophia_metrics.cli.budgets import number, numbers, set_and_print
    from sophia_metrics.costs.budget_order import BudgetOrder

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
    from sophia_metrics.cli.budgets import unset_and_print

    unset_and_print(name, is_json=json)
