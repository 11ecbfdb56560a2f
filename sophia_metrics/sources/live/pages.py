"""Going from page to page until the source says that it is done: never fewer, never for ever."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from sophia_metrics.errors import ProcessingError

__all__ = ["Cursor", "every_page"]

P = TypeVar("P")
Cursor = str | int

MOST_IDLE = 5
"""So many pages one after the other without a row, or as long as the page before and with its last row, are a fault."""


def every_page(
    source: str,
    ask: Callable[[Cursor | None], P],
    rows: Callable[[P], Sequence[Any]],
    following: Callable[[P], Cursor | None],
) -> Iterator[P]:
    """Yield every page, and hold none while the next one is asked for. A page that comes twice is yielded twice.

    Args:
        source: name of the source, for messages.
        ask: returns the page of a cursor. None: the first one.
        rows: what a page holds.
        following: the cursor of the page after this one. None: there is none.

    Raises:
        ProcessingError: the pages never end.
    """
    seen: set[Cursor] = set()
    cursor: Cursor | None = None
    before: tuple[int, str] | None = None
    idle = 0
    while True:
        page = ask(cursor)
        found = rows(page)
        told = (len(found), repr(found[-1])) if found else None  # the page itself is taken apart, and forgotten
        idle = idle + 1 if told is None or told == before else 0
        before = told
        cursor = following(page)
        yield page
        del page, found
        if cursor is None:
            return
        if cursor in seen or idle > MOST_IDLE:
            raise ProcessingError(
                f"source {source}: its pages never end: after {len(seen) + 1} of them it leads back to what was read. "
                "Nothing of this window was taken; the next run asks again. If it stays, report it to the vendor"
            )
        seen.add(cursor)
