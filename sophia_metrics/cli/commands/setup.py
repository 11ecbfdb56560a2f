"""Commands that write what others set up."""

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["grants", "init"]


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
    from sophia_metrics.cli.grants import print_grants

    print_grants(role=role, read_role=read_role, is_moving=is_moving)


def init(
    folder: Annotated[Path, typer.Argument(help="Where to write it.")] = Path(),
) -> None:
    """Write a sophia.toml in which every setting is explained and commented out."""
    from sophia_metrics.cli.init import write_config

    typer.echo(f"wrote {write_config(folder)}: uncomment what you need, then `sophia-metrics run`")
