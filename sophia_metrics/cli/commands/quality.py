"""Commands that judge what is there."""

from typing import Annotated

import typer

from sophia_metrics.cli.exit_codes import FAILED, HELD
from sophia_metrics.cli.options import Json, UsePrefect

__all__ = ["check", "verify"]


def check(*, prefect: UsePrefect = False, json: Json = False) -> None:
    """Judge every day of core and of the tables by all expectations, and write Data Docs.

    The other commands judge only the days that changed. It runs without Prefect unless --prefect says otherwise.
    """
    from sophia_metrics.cli.check import check_all

    if check_all(is_plain=not prefect, is_json=json):
        raise typer.Exit(HELD)


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
    from sophia_metrics.cli.verify import verify_state

    if not verify_state(is_deep=deep, is_json=json):
        raise typer.Exit(FAILED)
