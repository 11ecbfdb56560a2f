"""Long histories out of one real day: its calls once more on each day before it, under ids of their own."""

import shutil
from datetime import date, datetime, timedelta
from pathlib import Path

from benchmarks.litellm_rows import Calls, write_calls
from benchmarks.whole_way import go
from sophia_metrics.connect import connect_warehouse
from sophia_metrics.schema import core
from sophia_metrics.settings import Settings, SourceSettings
from sophia_metrics.warehouse.duckdb.day_files import DayFileStore
from sophia_metrics.warehouse.duckdb.facts import DayFileFacts
from sophia_metrics.warehouse.duckdb.state import StateFile
from sophia_metrics.warehouse.manifest import Switch, files_of
from sophia_metrics.warehouse.switching import switch_optimistically
from sophia_metrics.working import working_connection

__all__ = ["DAY_ROWS", "NEWEST_ON", "NOW", "make_history"]

DAY_ROWS = 100_000
NEWEST_ON = date(2026, 11, 1)
NOW = datetime(2026, 11, 2)  # noqa: DTZ001 - naive UTC, as everywhere in the pipeline
DAYS_AT_ONCE = 50


def make_history(home: Path, days: int) -> None:
    """Make a state folder with so many days of DAY_ROWS calls each, built; nothing is published yet.

    The newest day goes the whole way of a run. The days before it have its rows, moved by whole days, with other event
    ids, as random as its own.
    """
    shutil.rmtree(home, ignore_errors=True)
    calls = home.with_suffix(".jsonl")
    write_calls(calls, Calls(DAY_ROWS, NEWEST_ON, 1))
    go(home, SourceSettings(name="gateway", format="litellm", paths=(str(calls),)), NOW, publish=False)
    calls.unlink()
    for first in range(1, days, DAYS_AT_ONCE):
        _clone(home, range(first, min(first + DAYS_AT_ONCE, days)))
    connect_warehouse(Settings(home=home), NOW).build()


def _clone(home: Path, ages: range) -> None:
    table, state, store = core.USAGE_EVENTS, StateFile(home), DayFileStore(home)
    moved = {
        "event_id": "sha256(concat(event_id, age)) AS event_id",
        "started_at": "started_at - to_days(age) AS started_at",
        "usage_on": "usage_on - age AS usage_on",
    }
    names = ", ".join(moved.get(name, name) for name in table.names)
    with state.transaction() as locked:
        newest = files_of(locked, [table.name], [NEWEST_ON])
    days = {NEWEST_ON - timedelta(days=age): DAY_ROWS for age in ages}
    with working_connection(home, "4GiB") as connection:
        connection.execute(
            f"CREATE VIEW cloned AS SELECT {names} FROM ({store.relation(table, newest)}) "
            f"CROSS JOIN (SELECT CAST(unnest(range({ages.start}, {ages.stop})) AS INTEGER) AS age)"
        )
        columns = store.stored_columns(connection, newest)
        switch_optimistically(
            state,
            DayFileFacts(store),
            find=lambda _: (),
            write=lambda _, unique: Switch(store.write(connection, table, "cloned", days, unique, columns=columns)),
            finish=lambda _, switch: len(switch.added),
        )
