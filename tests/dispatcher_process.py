"""A dispatcher in a process of its own, which dies between the POST and the mark: `python -m … HOME URL`."""

import os
import signal
import sys
from datetime import datetime
from pathlib import Path

from pydantic import SecretStr

from sophia_metrics.alerts.dispatch import dispatch
from sophia_metrics.alerts.notifier import Answer, Notification
from sophia_metrics.notifiers.webhook import WebhookNotifier
from sophia_metrics.warehouse.duckdb.adapter import DuckDBWarehouse

NOW = datetime(2026, 11, 20, 12)


class KilledNotifier(WebhookNotifier):
    """Sends, and is killed before anybody hears of the answer."""

    async def send(self, notification: Notification) -> Answer:
        """Send, then die as by kill -9."""
        answer = await super().send(notification)
        os.kill(os.getpid(), signal.SIGKILL)
        return answer


if __name__ == "__main__":
    home, url = sys.argv[1:]
    notifier = KilledNotifier("ops", SecretStr(url), SecretStr("key of the tests"))
    dispatch(DuckDBWarehouse(Path(home)), {"ops": notifier}, lambda: NOW)
