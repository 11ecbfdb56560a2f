"""A place in which live sources are pulled, landed and committed, without Prefect, at instants that a test names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from time import monotonic
from typing import Any

import polars as pl

from sophia_metrics.connect import (
    connect_bill_collector,
    connect_bills,
    connect_collector,
    connect_puller,
    connect_source,
    connect_warehouse,
)
from sophia_metrics.settings import Settings, SourceSettings, load_settings
from sophia_metrics.sources.live.clock import Clock
from sophia_metrics.usage.pulling import Pulled
from sophia_metrics.warehouse.protocol import Query

OWN = ("name", "format", "role", "billing", "account")
"""The settings of a source that do not stand in [sources.api]."""


@dataclass
class LiveLab:
    """A state folder with live sources."""

    folder: Path
    sources: Sequence[Mapping[str, Any]]
    last: dict[str, Pulled] = field(default_factory=dict)
    slept: list[float] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        lines = ['home = ".sophia"']
        for source in self.sources:
            api = {key: value for key, value in source.items() if key not in OWN}
            lines += [
                "[[sources]]",
                *(f'{key} = "{source[key]}"' for key in OWN if key in source),
            ]
            lines += ["[sources.api]", *(f"{key} = {_toml(value)}" for key, value in api.items())]
        (self.folder / "sophia.toml").write_text("\n".join(lines))
        return load_settings(self.folder)

    def source(self, name: str) -> SourceSettings:
        return next(source for source in self.settings.sources if source.name == name)

    def pull(self, name: str, now: datetime) -> Pulled:
        """Pull one source."""
        settings = self.settings
        puller = connect_puller(settings, self.source(name), connect_warehouse(settings, now), self._clock(now))
        return puller.pull(now)

    def collect(self, now: datetime) -> None:
        """Pull and collect every source, as the flow does."""
        settings = self.settings
        collector = connect_collector(settings, connect_warehouse(settings, now))
        for each in settings.sources:
            self.last[each.name] = pulled = self.pull(each.name, now)
            if pulled.finding is not None:
                continue
            if each.is_bill:
                bills = connect_bill_collector(settings, connect_warehouse(settings, now))
                collected = bills.collect(connect_bills(each), now)
                assert not collected.refused, collected.refused
                continue
            source = connect_source(each)
            for landing in collector.pending(source):
                collector.commit(source, landing, now)
            for batch in collector.find(source, now).batches:
                landed = collector.land(source, batch, now)
                assert not landed.refused, landed.refused
                for landing in landed.landings:
                    receipt = collector.commit(source, landing, now)
                    assert receipt.held_because is None, receipt.held_because

    def _clock(self, now: datetime) -> Clock:
        """Return a clock on which waiting takes no time, and is noted."""
        waited = len(self.slept)
        return Clock(
            seconds=lambda: monotonic() + sum(self.slept[waited:]),
            sleep=self.slept.append,
            now=lambda: now + timedelta(seconds=sum(self.slept[waited:])),
        )

    def rows(self, sql: str, now: datetime) -> pl.DataFrame:
        """Ask the warehouse."""
        return connect_warehouse(self.settings, now).read(Query(sql))

    def usd(self, source: str, now: datetime) -> Decimal:
        """What a source costs in all."""
        sql = f"SELECT sum(cost_usd) AS usd FROM core_usage_events WHERE source = '{source}'"
        return self.rows(sql, now)["usd"][0]


def _toml(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(each) for each in value) + "]"
    return str(value).lower() if isinstance(value, bool) else str(value)
