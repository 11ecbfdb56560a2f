"""Calls that count as the settings once said, and no longer do: a changed role holds for what is collected after it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sophia_metrics.costs.reports import published_reports
from sophia_metrics.serving import Serving
from sophia_metrics.sources.terms import Role, SourceTerms
from sophia_metrics.usage.roles import role_of

__all__ = ["OutdatedRole", "load_outdated_roles"]

FINDING_DAYS = 28


@dataclass(frozen=True, slots=True)
class OutdatedRole:
    """Calls of one provider that a source told of, and whose role the settings have changed since.

    Attributes:
        source: the source.
        provider: the provider.
        role: what the calls count as.
        role_now: what the settings say that they count as.
        event_count: how many there are, in the days that were looked at.
        first_on: the first of their UTC days.
        last_on: the last one.
    """

    source: str
    provider: str
    role: str
    role_now: Role
    event_count: int
    first_on: date
    last_on: date

    @property
    def message(self) -> str:
        """The finding in a sentence, and what to do."""
        rows = "1 row" if self.event_count == 1 else f"{self.event_count:,} rows"
        return (
            f"{self.source}: {rows} of {self.provider} ({self.first_on} to {self.last_on}) still count as {self.role}, "
            f"and the settings say {self.role_now}: `sophia-metrics backfill {self.first_on} {self.last_on}` makes "
            "these days anew; earlier ones may need it too"
        )


def load_outdated_roles(serving: Serving, terms: Iterable[SourceTerms], now: datetime) -> tuple[OutdatedRole, ...]:
    """Return what of the last 28 days counts in another way than the terms of the sources say; `now` is naive UTC.

    In a Snowflake warehouse only the newest days are looked at, which the mirror holds.
    """
    by_name = {each.name: each for each in terms}
    if not by_name:
        return ()
    last_on = now.date()
    with published_reports(serving) as reports:
        rows = reports.rows("committed_roles", first_on=last_on - timedelta(days=FINDING_DAYS), last_on=last_on)
    found: dict[tuple[str, str, str], OutdatedRole] = {}
    for source, role, provider, account, route, count, first_on, newest_on in rows:
        if source not in by_name or (role_now := role_of(by_name[source], provider, account, route)) == role:
            continue
        key = (source, provider, role)
        known = found.get(key)
        found[key] = OutdatedRole(
            source,
            provider,
            role,
            role_now,
            count + (known.event_count if known else 0),
            min(first_on, known.first_on) if known else first_on,
            max(newest_on, known.last_on) if known else newest_on,
        )
    return tuple(found.values())
