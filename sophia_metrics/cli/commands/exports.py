"""Commands that write spend into files that others read."""

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sophia_metrics.cli.options import Json

__all__ = ["chargeback", "export_app", "report"]


def report(
    folder: Annotated[Path, typer.Option("--folder", help="Write into this folder.")] = Path("report"),
    *,
    png: Annotated[bool, typer.Option("--png", help="The charts as PNG, too; needs sophia-metrics[png].")] = False,
    json: Json = False,
) -> None:
    """Write the page as one HTML file that needs no server and no network, and its charts as SVG."""
    from sophia_metrics.cli.report import report as write

    write(folder, has_pictures=png, is_json=json)


export_app = typer.Typer(
    help="Spend as files that other programs read.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


Month = Annotated[datetime, typer.Option("--month", formats=["%Y-%m"], help="Which month.", metavar="YYYY-MM")]


Out = Annotated[
    Path | None, typer.Option("--out", help="Write into this file, .csv or .parquet.", metavar="FILE", dir_okay=False)
]


@export_app.command("focus")
def export_focus(*, month: Month, out: Out = None, json: Json = False) -> None:
    """Print the spend of a UTC month as rows of FOCUS 1.2, as CSV; their BilledCost adds up to it exactly.

    What has no known cost, and what a subscription pays, is in no row; how many calls that are is said apart.
    """
    from sophia_metrics.cli.export import print_focus

    print_focus(month.date(), out, is_json=json)


class SplitRule(StrEnum):
    """How cost that belongs to nobody is divided."""

    NONE = "none"
    EVEN = "even"
    BY_COST = "by-cost"
    BY_TOKENS = "by-tokens"


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
    from sophia_metrics.cli.export import print_chargeback
    from sophia_metrics.exports.chargeback import ChargebackOrder

    sources = tuple(shared_source or ())
    order = ChargebackOrder(month.date(), by, share.value, top, time_zone, sources)
    print_chargeback(order, out, is_json=json)
