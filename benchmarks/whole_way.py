"""The whole way of a run, timed by step: collect, look again at days and prices, build the marts, publish."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from flows import collect_usage
from sophia_metrics.settings import Settings, SourceSettings
from tasks.marts import build_marts, publish_version
from tasks.pulls import Pulls
from tasks.usage import audit_days, price_again

__all__ = ["Way", "go"]

COLLECTING = {"find_usage": "find", "land_batch": "land", "commit_landing": "gate, price, commit"}


@dataclass(frozen=True, slots=True)
class Way:
    """What a run did.

    Attributes:
        seconds: wall time of all of it.
        steps: seconds by step.
        counts: rows read, accepted, quarantined, duplicate, ignored.
    """

    seconds: float
    steps: dict[str, float]
    counts: dict[str, int]

    @property
    def facts(self) -> dict[str, Any]:
        """The same, for one line of JSON."""
        return {name: value for name, value in asdict(self).items() if name != "seconds"}


def go(home: Path, source: SourceSettings, now: datetime, *, publish: bool = True) -> Way:
    """Go the whole way of `sophia-metrics run --plain` for one source; without `publish`, as far as core.

    Only the record of the run is left out.
    """
    settings, steps = Settings(home=home), dict[str, float]()
    started = perf_counter()
    with _timed(steps):
        collected = collect_usage.collect_source(Pulls(settings, now, {}), source)
    if publish:
        for name, step in (("audit", audit_days), ("price again", price_again)):
            _clock(steps, name, step)(settings, now)
        _clock(steps, "marts", build_marts)(settings, now)
        _clock(steps, "publish", publish_version)(settings, now)
    return Way(perf_counter() - started, steps, asdict(collected.counts))


def _clock(steps: dict[str, float], name: str, step: Callable[..., Any]) -> Callable[..., Any]:
    """Return the step, adding what it takes to the seconds under `name`."""

    def clocked(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - any step
        before = perf_counter()
        try:
            return step(*args, **kwargs)
        finally:
            steps[name] = steps.get(name, 0.0) + perf_counter() - before

    return clocked


@contextmanager
def _timed(steps: dict[str, float]) -> Generator[None]:
    """Time the steps of collecting; a step that the flow no longer has is not listed."""
    known = {name: step for name in COLLECTING if (step := getattr(collect_usage, name, None))}
    for name, step in known.items():
        setattr(collect_usage, name, _clock(steps, COLLECTING[name], step))
    try:
        yield
    finally:
        for name, step in known.items():
            setattr(collect_usage, name, step)
