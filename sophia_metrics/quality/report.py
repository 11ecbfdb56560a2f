"""What judging found in a run, as one value."""

from dataclasses import dataclass
from pathlib import Path

from sophia_metrics.quality.judging import DaysToJudge
from sophia_metrics.quality.verdict import Verdict, held_because

__all__ = ["QualityReport"]


@dataclass(frozen=True, slots=True)
class QualityReport:
    """The verdicts of a run.

    Attributes:
        verdicts: one for each expectation that was judged.
        runs: the UTC days that were judged, as they were judged together.
        data_docs: the first page of Data Docs. None: the run had no checkpoint, or nothing to judge in it.
    """

    verdicts: tuple[Verdict, ...] = ()
    runs: tuple[DaysToJudge, ...] = ()
    data_docs: Path | None = None

    @property
    def failed(self) -> tuple[Verdict, ...]:
        """The expectations that do not hold, those that hold back the publish first."""
        return tuple(sorted((each for each in self.verdicts if not each.is_passed), key=lambda each: each.severity))

    @property
    def held_because(self) -> str | None:
        """Why nothing was published, in a sentence. None: nothing stands against it."""
        return held_because(self.verdicts)
