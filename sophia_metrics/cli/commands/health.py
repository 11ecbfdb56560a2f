"""Commands that say how services and our own parts are."""

from typing import Annotated

import typer

from sophia_metrics.cli.exit_codes import FAILED
from sophia_metrics.cli.options import Json, UsePrefect

__all__ = ["doctor", "probe"]


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
    from sophia_metrics.cli.probe import probe_now

    if not probe_now(services or (), is_plain=not prefect, is_json=json):
        raise typer.Exit(FAILED)


def doctor(
    *,
    repair: Annotated[
        bool, typer.Option("--repair", help="End runs in Prefect whose process is gone, and free their slots.")
    ] = False,
    json: Json = False,
) -> None:
    """Say how everything is: versions, state, settings, sources, Prefect; what is held, bad, late or unpriced."""
    from sophia_metrics.cli.doctor import examine

    if not examine(is_json=json, is_repairing=repair):
        raise typer.Exit(FAILED)
