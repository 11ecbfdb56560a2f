"""What a soak adds up to, as a table for people and as JSON."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.judge import Told, Wrong
from tests.chaos.reader import Readings


@dataclass(slots=True)
class Tally:
    """Counts over all worlds.

    Attributes:
        kills: runs that were killed, by scenario and by the act at which they were.
        others: what else was done to runs, by its name.
        healed: runs that were let through after faults, and whose result was right.
        wrong: what breaks a promise.
        readings: what the readers saw.
        told: what became of the messages, a value for each world.
        unhealed: what failed that should not, in sentences.
    """

    kills: Counter[str] = field(default_factory=Counter[str])
    others: Counter[str] = field(default_factory=Counter[str])
    healed: int = 0
    worlds: int = 0
    wrong: Wrong = field(default_factory=Wrong)
    readings: Readings = field(default_factory=Readings)
    told: list[Told] = field(default_factory=list[Told])
    unhealed: list[str] = field(default_factory=list[str])

    @property
    def kill_count(self) -> int:
        """Processes that were killed."""
        return self.kills.total()

    @property
    def is_good(self) -> bool:
        """Every promise was kept."""
        return not any(self.broken.values())

    @property
    def broken(self) -> dict[str, list[str]]:
        """What breaks each promise, in sentences."""
        return {
            "lost": self.wrong.lost,
            "duplicated": [*self.wrong.duplicated, *self.readings.duplicated],
            "torn": [*self.wrong.torn, *self.readings.torn],
            "reader_errors": self.readings.errors,
            "alerts_sent_twice": [text for told in self.told for text in told.outside],
            "not_healed": self.unhealed,
        }

    def add(self, other: "Tally") -> None:
        """Put what another world adds up to beside it."""
        self.kills += other.kills
        self.others += other.others
        self.healed += other.healed
        self.worlds += other.worlds
        self.wrong.add(other.wrong)
        self.add_reader(other.readings)
        self.told += other.told
        self.unhealed += other.unhealed

    def add_reader(self, readings: Readings) -> None:
        """Add what a reader saw."""
        self.readings.seconds += readings.seconds
        self.readings.errors += readings.errors
        self.readings.duplicated += readings.duplicated
        self.readings.torn += readings.torn

    def facts(self) -> dict[str, Any]:
        """Return the figures."""
        milliseconds = sorted(1000 * each for each in self.readings.seconds)
        return {
            "kills": self.kill_count,
            **{name: len(found) for name, found in self.broken.items()},
            "alerts_told": sum(told.message_count for told in self.told),
            "alerts_repeated_in_the_window": sum(told.inside for told in self.told),
            "healed_runs": self.healed,
            "worlds": self.worlds,
            "reads": len(milliseconds),
            "read_p50_ms": _at(milliseconds, 0.5),
            "read_p99_ms": _at(milliseconds, 0.99),
            "read_max_ms": _at(milliseconds, 1.0),
            "kills_by_scenario": dict(sorted(self.kills.items())),
            "other_faults": dict(sorted(self.others.items())),
        }

    def lines(self) -> Iterator[str]:
        """Yield the table."""
        for name, value in self.facts().items():
            if isinstance(value, dict):
                for kind, count in value.items():
                    yield f"  {kind:<38} {count:>9,}"
            elif isinstance(value, float):
                yield f"{name.replace('_', ' '):<40} {value:>9,.0f}"
            else:
                yield f"{name.replace('_', ' '):<40} {value:>9,}"

    def complaints(self) -> Iterator[str]:
        """Yield what breaks a promise, the first of each kind."""
        for name, found in self.broken.items():
            yield from (f"{name}: {text}" for text in found[:20])


def _at(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
