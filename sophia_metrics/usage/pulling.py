"""What pulling a source tells that is a table elsewhere or answers over the network, and who does it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

__all__ = ["Pulled", "Puller"]


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a pull found.

    Attributes:
        table: what was read: the table, or the source.
        file_count: windows that are new or have changed, each in a file now.
        row_count: their rows.
        finding: why it could not be read to its end, and what to do. None: it was.
    """

    table: str
    file_count: int = 0
    row_count: int = 0
    finding: str | None = None


class Puller(Protocol):
    """Brings the rows of a source into files of the state folder."""

    def pull(self, now: datetime) -> Pulled:
        """Read the windows that are due at `now` (naive UTC), and write those that are new or have changed.

        Raises:
            ConfigurationError: the table is not there, or may not be read.
            ServiceUnavailableError: no answer came.
        """
        ...

    def close(self) -> None:
        """End the session."""
        ...
