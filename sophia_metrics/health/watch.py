"""What is watched: a service, how it is asked, and by which rules its results are read."""

from dataclasses import dataclass, field

from sophia_metrics.health.answer import Probe
from sophia_metrics.health.status import Thresholds
from sophia_metrics.windows import Window

__all__ = ["Maintenance", "Watch"]


@dataclass(frozen=True, slots=True)
class Watch:
    """One service.

    Attributes:
        service: its name, unique among all.
        kind: how it is asked: http, tcp, redis or component.
        probe: what asks it.
        interval_seconds: how often it is asked.
        deadline_seconds: how long one probe may take.
        thresholds: how many results in a row change its status.
        is_required: the whole is down when it is.
        required_by: who needs it.
        objective_ratio: the share of time in which it should answer. None: nobody said.
        is_remote: it is reached over the network, so that a bad vantage says nothing about it.
    """

    service: str
    kind: str
    probe: Probe
    interval_seconds: int = 60
    deadline_seconds: float = 5
    thresholds: Thresholds = field(default_factory=Thresholds)
    is_required: bool = True
    required_by: tuple[str, ...] = ()
    objective_ratio: float | None = None
    is_remote: bool = True


@dataclass(frozen=True, slots=True)
class Maintenance:
    """A window in which some services may fail. No services named: all of them."""

    window: Window
    services: frozenset[str] = frozenset()
