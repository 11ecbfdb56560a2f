"""Alerts as rows of state tables, and back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from importlib import resources
from typing import Any

import polars as pl

from sophia_metrics.alerts.episode import Delivery, DeliveryKind, DeliveryStatus, Episode, EpisodeState
from sophia_metrics.alerts.known import Acknowledgement, Known
from sophia_metrics.alerts.rule_history import RuleRow
from sophia_metrics.alerts.silence import Silence
from sophia_metrics.schema import Table, state
from sophia_metrics.schema.polars_types import polars_schema
from sophia_metrics.warehouse.protocol import Query, Record, Warehouse

__all__ = [
    "Waiting",
    "alert_query",
    "list_silences",
    "read_known",
    "read_outbox",
    "read_rules",
    "read_silences",
    "record_of",
]

REMEMBERED = timedelta(days=62)
"""A rule that fires once a period must know what it said in that period; two months hold any of them."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A delivery that is not finished, and its episode."""

    delivery: Delivery
    episode: Episode


def read_known(warehouse: Warehouse, now: datetime) -> Known:
    """Return the open episodes, those that were resolved in the last two months, and their deliveries."""
    since = {"since_at": now - REMEMBERED}
    episodes = warehouse.read(Query(alert_query("known_episodes"), since))
    if episodes.is_empty():
        return Known()
    deliveries = warehouse.read(Query(alert_query("known_deliveries"), since))
    acknowledgements = warehouse.read(Query(alert_query("acknowledgements"), since))
    return Known(
        tuple(_episode(row) for row in episodes.iter_rows(named=True)),
        tuple(_delivery(row) for row in deliveries.iter_rows(named=True)),
        tuple(Acknowledgement(**row) for row in acknowledgements.iter_rows(named=True)),
    )


def read_outbox(warehouse: Warehouse) -> tuple[Waiting, ...]:
    """Return what is not finished, the oldest first; for one episode and channel in the order of its messages."""
    deliveries = warehouse.read(Query(alert_query("outbox")))
    if deliveries.is_empty():
        return ()
    episodes = warehouse.read(Query(alert_query("outbox_episodes")))
    by_id = {row["episode_id"]: _episode(row) for row in episodes.iter_rows(named=True)}
    rows = deliveries.iter_rows(named=True)
    return tuple(Waiting(_delivery(row), by_id[row["episode_id"]]) for row in rows)


def read_silences(warehouse: Warehouse, now: datetime) -> tuple[Silence, ...]:
    """Return the silences that hold now (naive UTC)."""
    rows = warehouse.read(Query(alert_query("silences"), {"now": now})).iter_rows(named=True)
    return tuple(Silence(**row) for row in rows)


def list_silences(warehouse: Warehouse, now: datetime) -> tuple[Silence, ...]:
    """Return the silences that hold now (naive UTC), or will."""
    rows = warehouse.read(Query(alert_query("listed_silences"), {"now": now})).iter_rows(named=True)
    return tuple(Silence(**row) for row in rows)


def read_rules(warehouse: Warehouse) -> tuple[RuleRow, ...]:
    """Return the rules that hold."""
    return tuple(RuleRow(**row) for row in warehouse.read(Query(alert_query("rules"))).iter_rows(named=True))


def record_of(
    episodes: Iterable[Episode] = (),
    deliveries: Iterable[Delivery] = (),
    silences: Iterable[Silence] = (),
    rules: Iterable[RuleRow] = (),
    acknowledgements: Iterable[Acknowledgement] = (),
) -> Record:
    """Return what is to be written in one step."""
    rows: Mapping[Table, list[dict[str, Any]]] = {
        state.ALERT_EPISODES: [_values(each) for each in episodes],
        state.ALERT_DELIVERIES: [_values(each) for each in deliveries],
        state.ALERT_RULES: [_values(each) for each in rules],
        state.ALERT_SILENCES: [_values(each) for each in silences],
        state.ALERT_ACKNOWLEDGEMENTS: [_values(each) for each in acknowledgements],
    }
    return Record(
        {table.name: pl.DataFrame(values, schema=polars_schema(table)) for table, values in rows.items() if values}
    )


def alert_query(name: str) -> str:
    """Return the statement of sql/alerts/<name>.sql."""
    return (resources.files("sophia_metrics") / "sql" / "alerts" / f"{name}.sql").read_text(encoding="utf-8")


def _values(row: Episode | Delivery | RuleRow | Silence | Acknowledgement) -> dict[str, Any]:
    return {field.name: getattr(row, field.name) for field in fields(row)}


def _episode(row: Mapping[str, Any]) -> Episode:
    held_count = row["held_count"] or 1
    values: dict[str, Any] = {**row, "state": EpisodeState(row["state"]), "held_count": held_count}
    return Episode(**values)


def _delivery(row: Mapping[str, Any]) -> Delivery:
    values: dict[str, Any] = {**row, "kind": DeliveryKind(row["kind"]), "status": DeliveryStatus(row["status"])}
    return Delivery(**values)
