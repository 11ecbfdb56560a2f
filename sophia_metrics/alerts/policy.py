"""How alerts are told, apart from what the rules say."""

from dataclasses import dataclass
from datetime import timedelta

from sophia_metrics.alerts.maintenance_windows import MaintenanceWindow

__all__ = ["USUAL", "Policy"]


@dataclass(frozen=True, slots=True)
class Policy:
    """How alerts are told.

    Attributes:
        maintenance: windows in which alerts do not begin.
        cool_down: for so long after a resolve the same alert does not fire again.
        remind_every: so often who was told is told again, while an alert fires and nobody acknowledges it. None: never.
        is_inhibiting: a critical alert keeps back warnings of the same thing.
        group_wait: for so long a group waits for more alerts before it is sent.
    """

    maintenance: tuple[MaintenanceWindow, ...] = ()
    cool_down: timedelta = timedelta()
    remind_every: timedelta | None = None
    is_inhibiting: bool = True
    group_wait: timedelta = timedelta()


USUAL = Policy()
