"""Publishing what is committed, whoever committed it: no version has core without its marts, and none is unjudged."""

from datetime import datetime

from sophia_metrics.quality.judging import judge_marts
from sophia_metrics.warehouse.protocol import Publication, Warehouse

__all__ = ["publish_judged"]

TRIES = 3
"""So often other runs may commit while marts are built and judged; then their own publish brings it."""


def publish_judged(warehouse: Warehouse, now: datetime) -> Publication:
    """Publish; where another run has committed since the marts were built, build and judge them first.

    Args:
        warehouse: where.
        now: the present (naive UTC).
    """
    publication = warehouse.publish(now)
    for _ in range(TRIES):
        if not publication.is_behind:
            break
        warehouse.build()
        judge_marts(warehouse, now)
        publication = warehouse.publish(now)
    return publication
