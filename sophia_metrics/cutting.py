"""Cutting what there is to do into pieces of bounded size: memory depends on the piece, not on the whole."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

__all__ = ["cut"]

T = TypeVar("T")


def cut(items: Iterable[T], size: Callable[[T], int], limit: int) -> Iterator[tuple[T, ...]]:
    """Cut items, in their order, into runs whose sizes come to `limit` at most; a larger item stands alone."""
    run: list[T] = []
    total = 0
    for item in items:
        new = size(item)
        if run and total + new > limit:
            yield tuple(run)
            run, total = [], 0
        run.append(item)
        total += new
    if run:
        yield tuple(run)
