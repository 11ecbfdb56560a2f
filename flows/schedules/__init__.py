"""When the flows run, on one machine: every deployment of prefect.yaml, served by one process."""

from flows.schedules.deployments import Deployment, read_deployments
from flows.schedules.keeping import RunKeeper
from flows.schedules.served import ServedFlows

__all__ = ["Deployment", "RunKeeper", "ServedFlows", "read_deployments"]
