"""What a flow needs of a warehouse that lives elsewhere: what is recorded on this machine goes there in time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

__all__ = ["Forwarded", "Forwarder"]


@dataclass(frozen=True, slots=True)
class Forwarded:
    """How many rows of which tables were sent; those that the warehouse had already are counted too."""

    rows: Mapping[str, int]

    @property
    def row_count(self) -> int:
        """All of them."""
        return sum(self.rows.values())


class Forwarder(Protocol):
    """Brings what is observed and recorded here to a warehouse elsewhere."""

    def is_due(self, now: datetime) -> bool:
        """Say whether it is time to forward; `now` is naive UTC. Nothing but this machine is asked."""
        ...

    def forward(self, now: datetime) -> Forwarded:
        """Bring there what has changed since the last time; repeating it changes nothing."""
        ...
