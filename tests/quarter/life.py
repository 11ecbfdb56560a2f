"""Living through the quarter: every evening usage is written and the flows run, as by their schedules."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from flows.check_alerts import check_alerts
from flows.run_pipeline import run_pipeline
from sophia_metrics.serving import Serving
from sophia_metrics.settings import load_settings
from tasks.clock import simulated_now
from tests.quarter.oracle import BUDGETS, REMOVED_ON, Said
from tests.quarter.usage import PRICES, calls_heard_on
from tests.receiver import Receiver

__all__ = ["Quarter", "Unfound"]

EVENING = time(23, 30)
SETTINGS = """
price_overrides = "prices.yaml"

[[sources]]
name = "gateway"
format = "events"
billing = "api"
paths = ["usage"]

[quality]
checkpoint = false

[alerts]
resolve_after_seconds = 0
min_anomaly_usd = 100
"""
NOTIFIER = """
[[notifiers]]
name = "{name}"
kind = "webhook"
url_env = "QUARTER_{name}_URL"
secret_env = "QUARTER_SECRET"
"""
BUDGET = """
[[budgets]]
name = "{name}"
scope = "{scope}"
period = "{period}"
limit_usd = {limit}
thresholds = [{threshold}]
"""
AMOUNT = re.compile(r"\d[\d,]*(?:\.\d+)?")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
HELD_IN = """
SELECT spent_usd FROM mart_budget_status
UNION ALL SELECT limit_usd FROM mart_budget_status
UNION ALL SELECT CAST(FLOOR(spent_usd * 10000 / limit_usd + 0.000001) / 100 AS DECIMAL(38, 12)) FROM mart_budget_status
UNION ALL SELECT projected_p50_usd FROM mart_budget_status
UNION ALL SELECT projected_p90_usd FROM mart_budget_status
UNION ALL
SELECT SUM(mart_cost_daily.cost_usd)
FROM mart_cost_daily
INNER JOIN mart_budget_status AS status
    ON mart_cost_daily.usage_on >= CAST(status.start_at AS DATE)
    AND mart_cost_daily.usage_on < CAST(status.end_at AS DATE)
GROUP BY status.budget, status.period_start_on, mart_cost_daily.team, mart_cost_daily.model
UNION ALL SELECT observed_usd FROM core_anomalies
UNION ALL SELECT expected_usd FROM core_anomalies
UNION ALL SELECT impact_usd FROM core_anomalies
"""
"""Every amount that a message may name: of budgets, of who spent the most of them, and of days that were unusual."""


@dataclass(frozen=True)
class Unfound:
    """A number of a message that SQL did not find in the version that was published then."""

    message: str
    number: str


@dataclass
class Quarter:
    """A folder in which the quarter is lived; `receivers` are the channels by name."""

    folder: Path
    receivers: dict[str, Receiver]
    said: list[Said] = field(default_factory=list[Said])
    messages: list[str] = field(default_factory=list[str])
    unfound: list[Unfound] = field(default_factory=list[Unfound])

    def live(self, days: Iterator[date]) -> None:
        """Live through these days; what the first channel was told is noted by day."""
        (self.folder / "prices.yaml").write_text(PRICES)
        (self.folder / "usage").mkdir(exist_ok=True)
        for day in days:
            self._evening(day)

    def _evening(self, day: date) -> None:
        (self.folder / "sophia.toml").write_text(self._settings(day))
        lines = (json.dumps(call.line) + "\n" for call in calls_heard_on(day))
        (self.folder / "usage" / f"{day}.jsonl").write_text("".join(lines))
        recorder = next(iter(self.receivers.values()))
        known = len(recorder.posts)
        now = datetime.combine(day, EVENING)
        with simulated_now(now):
            run_pipeline.fn(config=str(self.folder))
        with simulated_now(now + timedelta(minutes=10)):
            check_alerts.fn(config=str(self.folder))
        for post in recorder.posts[known:]:
            self._note(day, post.content)

    def _note(self, day: date, content: dict[str, Any]) -> None:
        self.said.append(Said(day, content["rule"], content["subject"], content["kind"]))
        self.messages.append(content["message"])
        found = {_shown(amount) for (amount,) in self.query(HELD_IN) if amount is not None}
        for number in AMOUNT.findall(DAY.sub("", content["message"])):
            if _shown(Decimal(number.replace(",", ""))) not in found:
                self.unfound.append(Unfound(content["message"], number))

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Query the published version."""
        return Serving(load_settings(self.folder).home).query(sql).rows()

    def differing_channels(self) -> list[str]:
        """Say which channel that is still there was told something else than the first one, in the end."""
        told = {name: list(dict.fromkeys(_deliveries(each))) for name, each in self.receivers.items() if name != "gone"}
        first = next(iter(told))
        return [f"{name} was told otherwise than {first}" for name in told if told[name] != told[first]]

    def _settings(self, day: date) -> str:
        budgets = [
            BUDGET.format(
                name=each.name,
                scope=f"team/{each.team}" if each.team else "all",
                period=each.period,
                limit=each.limit_usd,
                threshold=each.threshold,
            )
            for each in BUDGETS
            if day < REMOVED_ON.get(each.name, date.max)
        ]
        return "".join([SETTINGS, *budgets, *(NOTIFIER.format(name=name) for name in self.receivers)])


def _deliveries(receiver: Receiver) -> Iterator[str]:
    return (post.content["delivery_id"] for post in receiver.posts)


def _shown(amount: Decimal) -> str:
    return f"{amount:.2f}"
