"""Commands about prices."""

from datetime import datetime
from typing import Annotated

import typer

from sophia_metrics.cli.exit_codes import HELD
from sophia_metrics.cli.options import Json

__all__ = ["prices_app", "reprice"]

prices_app = typer.Typer(
    help="Which models have no price, what prices rest on, and which changed.",
    invoke_without_command=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@prices_app.callback()
def prices(context: typer.Context, *, json: Json = False) -> None:
    """Print the models without a price, the most tokens first, and what other prices rest on."""
    if context.invoked_subcommand is None:
        from sophia_metrics.cli.prices import print_gaps

        print_gaps(is_json=json)


@prices_app.command("drift")
def prices_drift(*, json: Json = False) -> None:
    """Print the prices of models in use that changed, the newest first."""
    from sophia_metrics.cli.prices import print_price_drifts

    print_price_drifts(is_json=json)


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
    from sophia_metrics.cli.reprice import days_to_reprice, reprice_days

    order = days_to_reprice(first.date(), last.date(), reason, model=model, is_dry_run=not apply)
    if reprice_days(order, is_json=json):
        raise typer.Exit(HELD)
