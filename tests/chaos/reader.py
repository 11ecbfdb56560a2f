"""A reader: a process that asks the current version in a loop, and finds every version whole."""

import json
import os
import select
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import duckdb

from sophia_metrics.serving import Serving

PAUSE_SECONDS = 0.35
KEPT_READS = 8
"""A version is held open for so many further reads, and must then say what it said at first."""

WHOLE = """
SELECT (SELECT max(version) FROM core_versions) AS version,
    events.event_count, events.distinct_count, events.spend_usd, marts.spend_usd AS mart_spend_usd,
    (SELECT count(*) FROM core_ingest_ledger
        WHERE row_count <> accepted_count + quarantined_count + duplicate_count + ignored_count) AS torn_count
FROM (SELECT count(*) AS event_count, count(DISTINCT event_id) AS distinct_count, sum(cost_usd) AS spend_usd
    FROM core_usage_events) AS events
CROSS JOIN (SELECT sum(cost_usd) AS spend_usd FROM mart_cost_daily) AS marts
"""


@dataclass(slots=True)
class Readings:
    """What a reader saw: how long each read took, and what was wrong."""

    seconds: list[float] = field(default_factory=list[float])
    errors: list[str] = field(default_factory=list[str])
    duplicated: list[str] = field(default_factory=list[str])
    torn: list[str] = field(default_factory=list[str])

    @classmethod
    def load(cls, path: Path) -> "Readings":
        """Read what a reader left."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))


def read_until(closed: int, home: Path, report: Path) -> None:
    """Read until the other end of a pipe is closed, and leave what was seen in a file."""
    readings, newest = Readings(), 0
    for connection, started in _versions(closed, home, readings):
        try:
            answer = _ask(connection)
        except duckdb.Error as error:
            readings.errors.append(f"{type(error).__name__}: {error}")
            continue
        readings.seconds.append(perf_counter() - started)
        _judge(answer, newest, readings)
        newest = max(newest, answer[0])
    report.write_text(json.dumps(asdict(readings)), encoding="utf-8")


def _versions(closed: int, home: Path, readings: Readings) -> Iterator[tuple[duckdb.DuckDBPyConnection, float]]:
    """Yield the current version again and again; hold one open at times, and ask it once more later."""
    poll = select.poll()
    poll.register(closed, select.POLLHUP | select.POLLIN)
    serving = Serving(home)
    while not poll.poll(PAUSE_SECONDS * 1000):
        with ExitStack() as stack:
            try:
                kept = stack.enter_context(serving.connection())
                first = _ask(kept)
                for _ in range(KEPT_READS):
                    started = perf_counter()
                    with serving.connection() as connection:
                        yield connection, started
                    if poll.poll(PAUSE_SECONDS * 1000):
                        break
                if _ask(kept) != first:
                    readings.torn.append(f"version {first[0]} said something else while it was open")
            except Exception as error:  # noqa: BLE001 - whatever a reader meets is a reader's error
                readings.errors.append(f"{type(error).__name__}: {error}")
    os.close(closed)


def _ask(connection: duckdb.DuckDBPyConnection) -> tuple[Any, ...]:
    return connection.execute(WHOLE).fetchall()[0]


def _judge(answer: tuple[Any, ...], newest: int, readings: Readings) -> None:
    version, events, distinct, spend, mart_spend, torn = answer
    if version < newest:
        readings.errors.append(f"version {version} came after {newest}")
    if events != distinct:
        readings.duplicated.append(f"version {version}: {events} rows of {distinct} events")
    if spend != mart_spend:
        readings.torn.append(f"version {version}: core {spend}, marts {mart_spend}")
    if torn:
        readings.torn.append(f"version {version}: {torn} rows of the ledger do not add up")
