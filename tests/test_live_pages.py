"""Pages of a source: read one by one, none of them held, and never for ever."""

import weakref
from collections import deque
from collections.abc import Iterator
from itertools import islice

import pytest

from sophia_metrics.errors import ProcessingError
from sophia_metrics.sources.live.pages import Cursor, every_page


class Page(list[dict[str, int]]):
    """Rows whose end is noticed."""


def pages(ask, last: int | None = None) -> Iterator[Page]:
    """Go through the pages 0, 1, 2…, to `last` or without an end."""
    places = iter(range(1, 1 << 30))

    def following(_: Page) -> Cursor | None:
        place = next(places)
        return None if last is not None and place > last else place

    return every_page("vendor", ask, lambda page: page, following)


def test_no_page_but_the_last_is_held_while_the_next_is_asked_for():
    given: list[weakref.ref[Page]] = []
    held: list[int] = []

    def ask(cursor: Cursor | None) -> Page:
        held.append(sum(page() is not None for page in given))
        page = Page([{"row": int(cursor or 0)}])
        given.append(weakref.ref(page))
        return page

    assert [page[0]["row"] for page in pages(ask, last=4)] == [0, 1, 2, 3, 4]
    assert max(held) == 1


def test_a_page_that_comes_for_ever_is_noticed_although_whoever_reads_it_takes_it_apart():
    read = islice(pages(lambda _: Page([{"row": 1, "kind": 2}])), 100)
    with pytest.raises(ProcessingError, match="never end"):
        deque(page[0].pop("kind") for page in read)


def test_pages_of_one_length_whose_rows_differ_go_on():
    read = islice(pages(lambda cursor: Page([{"row": 1}, {"row": int(cursor or 0)}])), 20)
    assert [page[-1]["row"] for page in read] == list(range(20))
