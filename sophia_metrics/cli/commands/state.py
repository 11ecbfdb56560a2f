"""Commands about the state folder: what is kept, what is forgotten, where it is."""

from enum import StrEnum
from typing import Annotated

import typer

from sophia_metrics.cli.exit_codes import HELD
from sophia_metrics.cli.options import Json, UsePrefect

__all__ = ["forget", "maintain", "migrate", "restore"]


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
    from sophia_metrics.cli.forget import forget_person

    if forget_person(user, user_hash, is_dry_run=dry_run, is_json=json):
        raise typer.Exit(HELD)


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
    from sophia_metrics.cli.maintain import maintain_state

    if maintain_state(is_dry_run=dry_run, is_plain=not prefect, is_json=json):
        raise typer.Exit(HELD)


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
    from sophia_metrics.cli.restore import list_backups, restore_state

    if list_:
        list_backups(is_json=json)
    else:
        restore_state(backup, is_json=json)


class Target(StrEnum):
    """Where a state folder is moved."""

    SNOWFLAKE = "snowflake"


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
    from sophia_metrics.cli.migrate import migrate_state

    migrate_state(is_dry_run=dry_run, is_json=json, target=to.value)
