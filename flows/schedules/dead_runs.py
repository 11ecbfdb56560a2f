"""Dead runs: those that Prefect takes for running although their process is gone, and the slots that they hold.

Prefect does not find out by itself that a process was killed: the run stays Running, and its deployment's slot stays
taken for some minutes, or for ever where the server was restarted meanwhile. Each new run is then cancelled or waits.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterName,
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.responses import DeploymentResponse, SetStateStatus
from prefect.states import Cancelled, Crashed

from flows.schedules.deployments import read_deployments
from sophia_metrics.windows import naive_utc
from tasks.runs import Evidence

__all__ = ["DeadRun", "LooseSlots", "PausedDeployment", "Underway", "end_dead_runs", "free_slots", "look_at_runs"]

HOLDING = (StateType.PENDING, StateType.RUNNING, StateType.CANCELLING)
STARTS_WITHIN = timedelta(minutes=15)
"""A run that was given to a worker and is not at work after so long never will be."""
ENDS_WITHIN = timedelta(minutes=30)
"""So long after its work a run may still leave artifacts."""
LOOK_AGAIN_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class DeadRun:
    """A run that holds its deployment's slot.

    Attributes:
        run_id: Prefect's id of the flow run.
        name: Prefect's name of it.
        deployment: whose run it is.
        state: what Prefect takes it for.
        since_at: since when (naive UTC).
        reason: how it is known to be dead.
    """

    run_id: str
    name: str
    deployment: str
    state: str
    since_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class LooseSlots:
    """Slots of a deployment's limit that are taken, and by no run."""

    deployment: str
    limit_name: str
    taken_count: int
    running_count: int


@dataclass(frozen=True, slots=True)
class PausedDeployment:
    """A deployment with a schedule in prefect.yaml that does not run: paused by a person, or polled by no worker."""

    deployment: str
    is_paused: bool
    is_polled: bool


@dataclass(frozen=True, slots=True)
class Underway:
    """What the server has of our deployments.

    Attributes:
        dead: runs whose process is gone.
        unknown_count: runs of which nothing is known here; they are left alone.
        alive_count: runs that are at work.
        loose: slots that no run holds.
        paused: deployments that run nothing.
    """

    dead: tuple[DeadRun, ...]
    unknown_count: int
    alive_count: int
    loose: tuple[LooseSlots, ...]
    paused: tuple[PausedDeployment, ...]

    @property
    def is_well(self) -> bool:
        """Nothing holds a slot that does not work."""
        return not self.dead and not self.loose


def look_at_runs(client: SyncPrefectClient, evidence: Evidence, now: datetime) -> Underway:
    """Look at the runs of our deployments; nothing is changed.

    Args:
        client: of the Prefect API.
        evidence: what this state folder knows of runs, read before.
        now: the present (naive UTC).
    """
    deployments = _registered(client)
    runs = _holding_runs(client)
    dead: list[DeadRun] = []
    unknown = alive = 0
    for run in runs:
        deployment = next((name for name, each in deployments.items() if each.id == run.deployment_id), "")
        since = naive_utc(run.state.timestamp) if run.state else now
        reason = death_of(run, deployment, evidence, now - since)
        if reason:
            dead.append(DeadRun(str(run.id), run.name, deployment, run.state_name or "", since, reason))
        elif evidence.is_present(str(run.id)):
            alive += 1
        elif now - since > STARTS_WITHIN:
            unknown += 1
    scheduled = {each.name for each in read_deployments() if any(schedule.active for schedule in each.schedules)}
    paused = (
        PausedDeployment(name, _is_paused(each), is_polled=str(each.status and each.status.value) != "NOT_READY")
        for name, each in deployments.items()
        if name in scheduled
    )
    return Underway(
        dead=tuple(dead),
        unknown_count=unknown,
        alive_count=alive,
        loose=tuple(_loose(deployments, runs)),
        paused=tuple(each for each in paused if each.is_paused or not each.is_polled),
    )


def death_of(run: FlowRun, flow: str, evidence: Evidence, age: timedelta) -> str | None:
    """Say how it is known that a run is dead. None: it is at work, or nobody knows."""
    run_id = str(run.id)
    if evidence.is_present(run_id):
        return None
    if run_id in evidence.killed:
        return "its process is gone"
    if run_id in evidence.ended:
        return "its work has ended, and its process is gone" if age > ENDS_WITHIN else None
    if age <= STARTS_WITHIN:
        return None
    if run.state_type is StateType.PENDING:
        return "it was given to a worker and never began"
    return "it never came as far as its first step" if flow in evidence.scheduled_here else None


def end_dead_runs(client: SyncPrefectClient, dead: Iterable[DeadRun]) -> tuple[DeadRun, ...]:
    """Tell Prefect that these runs crashed, which frees their slots; return those for which it agreed."""
    ended: list[DeadRun] = []
    for each in dead:
        message = f"Ended by sophia-metrics: {each.reason}. Nothing is lost: the next run goes on where it stopped."
        run = client.read_flow_run(UUID(each.run_id))
        state = Cancelled(message=message) if run.state_type is StateType.CANCELLING else Crashed(message=message)
        if run.state_type in HOLDING:
            answer = client.set_flow_run_state(run.id, state)
            if answer.status is SetStateStatus.ACCEPT:
                ended.append(each)
    return tuple(ended)


def free_slots(client: SyncPrefectClient) -> tuple[LooseSlots, ...]:
    """Free slots that no run holds; return them. A slot that is just being taken or given back is left alone."""
    first = _loose(_registered(client), _holding_runs(client))
    if not first:
        return ()
    time.sleep(LOOK_AGAIN_SECONDS)
    loose = [each for each in _loose(_registered(client), _holding_runs(client)) if each in first]
    for each in loose:
        client.update_global_concurrency_limit(
            each.limit_name, GlobalConcurrencyLimitUpdate(active_slots=each.running_count)
        )
    return tuple(loose)


def _registered(client: SyncPrefectClient) -> Mapping[str, DeploymentResponse]:
    """Return our deployments as the server has them, by name."""
    names = [each.name for each in read_deployments()]
    found = client.read_deployments(
        flow_filter=FlowFilter(name=FlowFilterName(any_=names)),
        deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=names)),
    )
    return {each.name: each for each in found}


def _holding_runs(client: SyncPrefectClient) -> Sequence[FlowRun]:
    """Return the runs of our deployments that hold a slot."""
    names = [each.name for each in read_deployments()]
    return client.read_flow_runs(
        flow_filter=FlowFilter(name=FlowFilterName(any_=names)),
        deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=names)),
        flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(HOLDING)))),
    )


def _loose(deployments: Mapping[str, DeploymentResponse], runs: Sequence[FlowRun]) -> list[LooseSlots]:
    loose: list[LooseSlots] = []
    for name, each in deployments.items():
        limit = each.global_concurrency_limit
        running = sum(run.deployment_id == each.id for run in runs)
        if limit is not None and limit.active_slots > running:
            loose.append(LooseSlots(name, limit.name, limit.active_slots, running))
    return loose


def _is_paused(deployment: DeploymentResponse) -> bool:
    return deployment.paused or not any(schedule.active for schedule in deployment.schedules)
