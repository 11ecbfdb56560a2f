"""Lost runs: those that core_pipeline_runs takes for running, although nobody works on them any more."""

from collections.abc import Callable, Sequence
from datetime import datetime

import polars as pl

from sophia_metrics.health.heartbeats import beaten, heartbeat_frame, read_heartbeats
from sophia_metrics.presence import Trace
from sophia_metrics.schema import state
from sophia_metrics.warehouse.protocol import Query, Record, Warehouse

__all__ = ["LOST", "note_lost_runs"]

LOST = "lost"
RUNNING = f"SELECT {', '.join(state.PIPELINE_RUNS.names)} FROM core_pipeline_runs WHERE run_status = 'running'"


def note_lost_runs(warehouse: Warehouse, traces: Callable[[], Sequence[Trace]], now: datetime) -> tuple[str, ...]:
    """Note which runs are lost, and that their flows failed; return their ids.

    A run holds its trace before it is recorded, and lets go of it after its end is: one that was running before the
    traces were read, is running after, and holds none, is lost.

    Args:
        warehouse: holds the runs.
        traces: reads those of the state folder.
        now: the present (naive UTC).
    """
    before = warehouse.read(Query(RUNNING))
    if before.is_empty():
        return ()
    here = [trace.run_id for trace in traces() if trace.is_present]
    suspects = before.filter(~pl.col("run_id").is_in(here))["run_id"]
    lost = warehouse.read(Query(RUNNING)).filter(pl.col("run_id").is_in(suspects.to_list()))
    if lost.is_empty():
        return ()
    known = read_heartbeats(warehouse)
    failed = [each for flow in sorted(set(lost["flow"])) for each in beaten(known, flow, now, is_success=False)]
    rows = {
        state.PIPELINE_RUNS.name: lost.with_columns(run_status=pl.lit(LOST)),
        state.HEARTBEATS.name: heartbeat_frame(tuple(failed)),
    }
    warehouse.record(Record(rows))
    return tuple(lost["run_id"])
