"""What pulling a source that is a table elsewhere tells, and who does it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

__all__ = ["Pulled", "Puller"]


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a pull found.

    Attributes:
        table: the table.
        file_count: hours that are new or have changed, each in a file now.
        row_count: their rows.
        finding: why the table could not be read, and what to do. None: it was.
    """

    table: str
    file_count: int = 0
    row_count: int = 0
    finding: str | None = None


class Puller(Protocol):
    """Brings the rows of a table into files of the state folder."""

    def pull(self, now: datetime) -> Pulled:
        """Read the hours that are settled at `now` (naive UTC), and write those that are new or have changed.

        Raises:
            ConfigurationError: the table is not there, or may not be read.
            ServiceUnavailableError: no answer came.
        """
        ...

    def close(self) -> None:
        """End the session."""
        ...
