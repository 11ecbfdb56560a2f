"""How an alert is handled: who looks after it, what keeps it back, and with which others it was told."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import duckdb

from sophia_metrics.costs.reports import Reports
from sophia_metrics.serving import columns_of

__all__ = ["UNHANDLED", "Handling", "read_handling"]

SILENCE, MAINTENANCE, SERVICE, ALERT = "silence", "maintenance", "service", "alert"
TOLD_BY = {"core_alert_episodes": "kept_back_by", "core_alert_acknowledgements": "acknowledged_at"}
"""Tables, and the newest column of each that tells how alerts are handled; an older version tells nothing of it."""


@dataclass(frozen=True, slots=True)
class Handling:
    """How one alert episode is handled; instants are naive UTC.

    Attributes:
        acknowledged_at: since when somebody looks after it. None: nobody does.
        acknowledged_by: who. None: nobody, or they did not say.
        acknowledgement_note: what they say. None: nothing.
        kept_back_by: what keeps its beginning back, or its reminders once it fires: silence/<id>, maintenance/<name>,
            service/<name>, alert/<rule>, cool-down. None: nothing.
        silence_reason: why there is the silence that keeps it back. None: there is none, or nobody said.
        silence_created_by: who made that silence. None: as above.
        silence_ends_at: when that silence ends. None: there is none, or it lasts until somebody ends it.
        group_id: what went in one message with it has the same. None: it went alone, or not at all.
        group_size: how many alerts that group has, with this one. None: there is no group.
    """

    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    acknowledgement_note: str | None = None
    kept_back_by: str | None = None
    silence_reason: str | None = None
    silence_created_by: str | None = None
    silence_ends_at: datetime | None = None
    group_id: str | None = None
    group_size: int | None = None

    @property
    def acknowledgement(self) -> str | None:
        """Who looks after it, for a person. None: nobody does."""
        if self.acknowledged_at is None:
            return None
        who = f" by {self.acknowledged_by}" if self.acknowledged_by else ""
        return f"acknowledged{who}" + (f": {self.acknowledgement_note}" if self.acknowledgement_note else "")

    @property
    def is_silenced(self) -> bool:
        """Whether it is a silence that keeps it back."""
        return self.kept_back_by is not None and self.kept_back_by.startswith(f"{SILENCE}/")

    @property
    def holder(self) -> str | None:
        """What keeps it back, for a person. None: nothing does."""
        if self.kept_back_by is None:
            return None
        kind, _, name = self.kept_back_by.partition("/")
        if kind == SILENCE:
            who = f" of {self.silence_created_by}" if self.silence_created_by else ""
            return f"a silence{who}" + (f" ({self.silence_reason})" if self.silence_reason else "")
        words = {MAINTENANCE: "the maintenance {}", SERVICE: "{}, which is down", ALERT: "{}, which is graver"}
        return words[kind].format(name) if kind in words else f"the {kind}"

    @property
    def other_count(self) -> int:
        """How many others went in one message with it."""
        return (self.group_size or 1) - 1


UNHANDLED = Handling()


def read_handling(connection: duckdb.DuckDBPyConnection) -> Mapping[str, Handling]:
    """Return by episode how it is handled, of an opened version; one of which nothing is to be said is not there."""
    if not all(column in columns_of(connection, table) for table, column in TOLD_BY.items()):
        return {}
    return {episode_id: Handling(*row) for episode_id, *row in Reports(connection).rows("alert_handling")}
