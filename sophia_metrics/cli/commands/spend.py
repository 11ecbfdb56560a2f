"""Commands that say why spend is what it is, and what could be done about it."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer

from sophia_metrics.cli.options import Json

__all__ = ["change", "reconcile", "suggestions", "what_if"]


def change(
    *,
    before: Annotated[str, typer.Option("--from", help="UTC days before: 2026-10-01..2026-10-07.", metavar="DAYS")],
    after: Annotated[str, typer.Option("--to", help="Later UTC days that are compared with them.", metavar="DAYS")],
    scope: Annotated[str, typer.Option("--scope", help="all, team/search, model/…, tag:feature/chat, …")] = "all",
    json: Json = False,
) -> None:
    """Say why spend changed between two periods: price, volume, mix, new and gone, which add up to the change."""
    from sophia_metrics.cli.advice import print_change

    print_change(before, after, scope, is_json=json)


def suggestions(*, json: Json = False) -> None:
    """Say what could be done to spend less, with what it would save in 30 days, as published."""
    from sophia_metrics.cli.advice import print_suggestions

    print_suggestions(is_json=json)


class CachePolicy(StrEnum):
    """What becomes of prompt caching."""

    OFF = "off"
    FIVE_MINUTES = "5m"
    ONE_HOUR = "1h"


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
    from sophia_metrics.cli.advice import ask_what_if

    days = (first.date() if first else None, last.date() if last else None)
    ask_what_if(model or (), tier or (), cache_policy.value if cache_policy else None, days, scope, is_json=json)


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
    from sophia_metrics.cli.reconcile import print_reconciliation

    print_reconciliation(first.date() if first else None, last.date() if last else None, is_json=json)
