"""People who were forgotten: rows that were looked through for fewer of them are refused in their switch."""

from sophia_metrics.frames import fetch_row
from sophia_metrics.warehouse.protocol import ForgottenMeanwhileError
from sophia_metrics.warehouse.state_connection import StateConnection

__all__ = ["refuse_forgotten"]


def refuse_forgotten(locked: StateConnection, tombstone_count: int) -> None:
    """Refuse rows that were looked through for fewer people than are forgotten now; call it in their switch.

    Raises:
        ForgottenMeanwhileError: somebody was forgotten since.
    """
    row = fetch_row(locked, "SELECT count(*) FROM core_tombstones")
    if row is None or row[0] != tombstone_count:
        raise ForgottenMeanwhileError
