"""What a probe asks, and what it may find."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

__all__ = ["Answer", "Outcome", "Probe", "Unasked"]


class Outcome(StrEnum):
    """What one probe found. It is one observation; the status of the service follows from several."""

    OK = "ok"
    DEGRADED = "degraded"
    FAILED = "failed"
    SKIPPED = "skipped"
    """Nothing was learnt: it was not asked, or its answer does not say how it is."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The end of one probe.

    Attributes:
        outcome: see Outcome.
        message: what is wrong, in a few words of our own: never a text of the service, never a secret. None: nothing.
        latency_ms: how long the whole answer took, in milliseconds. None: no answer came.
        attempt_count: how often the service was asked.
    """

    outcome: Outcome
    message: str | None = None
    latency_ms: float | None = None
    attempt_count: int = 1


class Probe(Protocol):
    """One way to ask a service how it is. It may hang: whoever asks sets the deadline."""

    async def ask(self) -> Answer:
        """Ask once; a failure is an answer, not an exception."""
        ...


@dataclass(frozen=True, slots=True)
class Unasked:
    """Stands for a probe that cannot be made: a setting of it is missing."""

    reason: str

    async def ask(self) -> Answer:
        """Say why nothing was asked."""
        return Answer(Outcome.SKIPPED, self.reason, attempt_count=0)
