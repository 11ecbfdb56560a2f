"""`sophia-metrics forget`: a person goes from everything that is kept, and the totals stay."""

import sys
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from sophia_metrics.cli.facts import print_facts
from sophia_metrics.cli.figures import plural
from sophia_metrics.cli.progress import Progress
from sophia_metrics.connect import connect_forgetter
from sophia_metrics.errors import ConfigurationError, ProcessingError
from sophia_metrics.settings import load_settings
from sophia_metrics.usage.forget import Forgotten, Traces
from sophia_metrics.windows import naive_utc

__all__ = ["forget_person"]

STANDARD_INPUT = "-"


def forget_person(user: str | None, user_hash: str | None, *, is_dry_run: bool, is_json: bool) -> bool:
    """Forget a person, or say what there is of them; say whether the publish is held back. It never says who.

    Raises:
        ConfigurationError: not exactly one of the identifiers was given.
        ProcessingError: nobody has that identifier.
    """
    identifier = _identifier(user, user_hash)
    settings, now = load_settings(), naive_utc(datetime.now(UTC))
    with Progress("looking for the person"):
        forgetter = connect_forgetter(settings, now)
        if is_dry_run:
            traces = forgetter.look(identifier, now)
            if not traces.is_known:
                raise ProcessingError("nobody has that identifier, neither in core nor in landing")
            _print_traces(traces, is_json=is_json)
            return False
        forgotten = forgetter.forget(identifier, now)
    _print_forgotten(forgotten, is_json=is_json)
    return forgotten.publication.held_because is not None


def _identifier(user: str | None, user_hash: str | None) -> str:
    given = [each for each in (user, user_hash) if each is not None]
    if len(given) != 1:
        raise ConfigurationError("say who: either --user IDENTIFIER or --user-hash HASH")
    identifier = sys.stdin.readline().rstrip("\r\n") if given == [STANDARD_INPUT] else given[0]
    if not identifier:
        raise ConfigurationError("the identifier is empty: say who, such as --user ada@example.com")
    return identifier


def _print_traces(traces: Traces, *, is_json: bool) -> None:
    if is_json:
        print_facts({"is_dry_run": True, **_facts(traces)})
        return
    Console(highlight=False).print(
        f"would be erased: {plural(traces.core_row_count, 'row')} in core, "
        f"{plural(traces.landed_row_count, 'row')} in {plural(traces.landed_file_count, 'landed file')}, "
        f"{plural(traces.session_count, 'session')} and {plural(traces.api_key_count, 'key')} of nobody else; "
        "nothing was changed",
        soft_wrap=True,
    )


def _print_forgotten(forgotten: Forgotten, *, is_json: bool) -> None:
    publication, purged = forgotten.publication, forgotten.purged
    if is_json:
        facts: dict[str, Any] = {
            "is_dry_run": False,
            **_facts(forgotten.traces),
            "erased_row_count": forgotten.core_row_count,
            "erased_file_count": forgotten.landed_file_count,
            "removed_version_count": purged.version_count,
            "removed_day_file_count": purged.day_file_count,
            "replaced_backup_count": forgotten.backup_count,
            "version": publication.version,
            "held_because": publication.held_because,
        }
        print_facts(facts)
        return
    state = (
        f"version {publication.version} is published, "
        f"{plural(purged.version_count, 'older version')}, {plural(purged.day_file_count, 'day file')} and "
        f"{plural(forgotten.backup_count, 'older backup')} are removed"
        if publication.held_because is None
        else f"version {publication.version} still shows the person, because a newer one is held back: "
        f"{publication.held_because}; correct that, and run it again"
    )
    again = "was forgotten before; " if forgotten.traces.is_forgotten else ""
    Console(highlight=False).print(
        f"{again}erased {plural(forgotten.core_row_count, 'row')} in core and "
        f"{plural(forgotten.landed_file_count, 'landed file')}; {state}. The files of the sources are as they were: "
        "see docs/privacy.md",
        soft_wrap=True,
    )


def _facts(traces: Traces) -> dict[str, Any]:
    return {
        "core_row_count": traces.core_row_count,
        "landed_row_count": traces.landed_row_count,
        "landed_file_count": traces.landed_file_count,
        "session_count": traces.session_count,
        "api_key_count": traces.api_key_count,
        "was_forgotten": traces.is_forgotten,
    }
