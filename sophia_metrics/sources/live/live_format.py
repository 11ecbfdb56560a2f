"""What one endpoint of a vendor declares: what it tells, how its windows settle, and who reads it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from sophia_metrics.sources.format import Format
from sophia_metrics.sources.live.clock import Clock
from sophia_metrics.sources.live.terms import LiveTerms
from sophia_metrics.windows import Window

__all__ = ["Bucket", "LiveFormat", "LiveReader", "Row"]

Row = Mapping[str, Any]
"""One row of a vendor, flat or nested, of allow-listed keys; instants are naive UTC, money is Decimal or exact text."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """Rows that share some values, such as their hour: thousands of rows need not repeat them.

    Attributes:
        shared: these values, none of them nested; they go before what a row has under the same key.
        rows: the rows, without them.
    """

    shared: Row
    rows: Sequence[Row]


class LiveReader(Protocol):
    """Reads one endpoint. It waits, tries again and keeps its pace itself."""

    @property
    def lead(self) -> timedelta | None:
        """How far our clock is ahead of the vendor's. None: it does not say."""
        ...

    def read(self, window: Window) -> Iterator[Row | Bucket]:
        """Yield every row of the window, whichever page it stands on; a row may come twice.

        Raises:
            ConfigurationError: the key is refused, or the endpoint is not there.
            ServiceUnavailableError: no good answer came.
            ProcessingError: the answers have another shape, or never end.
        """
        ...

    def check(self) -> str:
        """Ask for as little as possible, and say in a sentence what can be read; the errors are those of `read`."""
        ...

    def close(self) -> None:
        """Give the connections back."""
        ...


@dataclass(frozen=True, slots=True)
class LiveFormat:
    """One endpoint of a vendor.

    Attributes:
        format: how its rows become usage events; of invoices, which columns a line has.
        connect: makes its reader; nothing is asked yet.
        base_url: where it is, unless the settings say otherwise. Empty: they must.
        takes_address: False where the address is a secret and stands in the variable of the key: no base_url is given.
        key_variables: the variables that hold its keys. Empty: it takes none.
        window: a file holds the rows of so much time: an hour, or a UTC day.
        span: so much is asked for at once, whole windows.
        instant: the key of the rows that says in which window they are. None: they are of the one that was asked for.
        settling_minutes: a window is complete so long after its end.
        reread_hours: so much before the newest window is read again each time: vendors restate.
        history_days: the vendor tells no more. None: it does not say.
        first_days: so many days are read the first time, unless the settings name a first day.
        is_open_read: the window that has not ended yet is read too, and again by every run.
        is_invoice: its rows are lines of a bill, and no usage.
        requests_per_minute: no more are sent, unless the settings say otherwise.
    """

    format: Format
    connect: Callable[[LiveTerms, Clock], LiveReader]
    base_url: str
    key_variables: tuple[str, ...]
    window: timedelta
    span: timedelta
    instant: str | None
    settling_minutes: int
    reread_hours: int
    takes_address: bool = True
    history_days: int | None = None
    first_days: int = 30
    is_open_read: bool = True
    is_invoice: bool = False
    requests_per_minute: float = 60
