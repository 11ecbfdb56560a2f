"""`sophia-metrics alerts ack`: somebody looks after an alert."""

from datetime import UTC, datetime

from rich.console import Console

from sophia_metrics.alerts.known import Acknowledgement
from sophia_metrics.alerts.records import read_known, record_of
from sophia_metrics.connect import connect_warehouse
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.settings import load_settings
from sophia_metrics.windows import naive_utc

__all__ = ["acknowledge_alert"]


def acknowledge_alert(beginning: str, by: str | None, note: str | None) -> None:
    """Note who looks after an open episode; who knows acknowledgements is told at the next look at the alerts.

    Args:
        beginning: the first letters of its id.
        by: who. None: nobody says.
        note: what others should know. None: nothing.

    Raises:
        ConfigurationError: no open episode has such an id, or several have.
    """
    now = naive_utc(datetime.now(UTC))
    warehouse = connect_warehouse(load_settings().local, now)
    found = [each for each in read_known(warehouse, now).episodes if each.is_open and _is(each.episode_id, beginning)]
    if len(found) != 1:
        how_many = "no open alert has" if not found else f"{len(found)} open alerts have"
        raise ConfigurationError(
            f"{how_many} an id that begins with {beginning!r}: `sophia-metrics alerts` lists them, write more of the id"
        )
    (episode,) = found
    warehouse.record(record_of(acknowledgements=(Acknowledgement(episode.episode_id, now, by, note),)))
    Console(highlight=False).print(
        f"acknowledged: {episode.rule}, {episode.message}; nobody is reminded of it, and its end is still told",
        soft_wrap=True,
    )


def _is(episode_id: str, beginning: str) -> bool:
    return bool(beginning) and episode_id.startswith(beginning.removeprefix("sophia-"))
