"""What stands before a landed part in its files: it tells equal rows without an id apart."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sophia_metrics.usage.landing import LandedFile, Landing

__all__ = ["EarlierPart", "EarlierPartError", "earlier_parts"]


@dataclass(frozen=True, slots=True)
class EarlierPart:
    """Some files of an earlier landing, whose rows stand before those of a later one."""

    landing: Landing
    names: tuple[str, ...]


class EarlierPartError(Exception):
    """What stands before a landed part is held back, or cannot be told: the part cannot be committed.

    `is_lost` says that waiting is no use: the files have to be read again from their start.
    """

    def __init__(self, reason: str, *, is_lost: bool) -> None:
        super().__init__(reason)
        self.is_lost = is_lost


def earlier_parts(landing: Landing, known: Iterable[Landing], held: Collection[str] = ()) -> tuple[EarlierPart, ...]:
    """Return the earlier landings that together hold what stands before this one in its files, each byte once.

    Args:
        landing: the landed part.
        known: landings of its source.
        held: attempts that the gate holds back.

    Raises:
        EarlierPartError: one of them is held, or they leave a gap.
    """
    by_file: defaultdict[tuple[str, str], dict[int, list[tuple[LandedFile, Landing]]]]
    by_file = defaultdict(lambda: defaultdict(list))
    for other in known:
        for file in other.files:
            if file.byte_end > file.byte_start and other.attempt_id != landing.attempt_id:
                by_file[file.name, file.reading_id][file.byte_start].append((file, other))
    names: defaultdict[str, list[str]] = defaultdict(list)
    chosen: dict[str, Landing] = {}
    for file in landing.files:
        chain = _chain(by_file[file.name, file.reading_id], 0, file.byte_start)
        if chain is None:
            raise EarlierPartError(
                f"what stands before it in {file.name} was landed in other pieces: "
                "the file is read again from its start",
                is_lost=True,
            )
        for each in chain:
            if each.attempt_id in held:
                raise EarlierPartError(
                    f"an earlier part of {file.name} is held, and its rows have no id of their own", is_lost=False
                )
            names[each.attempt_id].append(file.name)
            chosen[each.attempt_id] = each
    return tuple(EarlierPart(chosen[attempt], tuple(found)) for attempt, found in names.items())


def _chain(starts: dict[int, list[tuple[LandedFile, Landing]]], start: int, end: int) -> Sequence[Landing] | None:
    """Return landings that follow each other from one byte to another. None: there are none that do."""
    if start == end:
        return ()
    for file, landing in sorted(starts.get(start, ()), key=lambda each: -each[0].byte_end):
        rest = _chain(starts, file.byte_end, end) if file.byte_end <= end else None
        if rest is not None:
            return (landing, *rest)
    return None
