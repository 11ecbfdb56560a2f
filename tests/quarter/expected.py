"""Every message of the quarter: about spend by the oracle, the others as a person who knows the story expects them."""

from collections.abc import Iterator
from datetime import date

from tests.quarter.oracle import Said, budget_messages
from tests.quarter.usage import days

__all__ = ["expected"]

FORECAST, SPIKE, NEWCOMER = "budget-forecast-100", "anomaly-spend_spike", "anomaly-new_spender"
AUGUST, SEPTEMBER = 8, 9
OTHERS = (
    # The price doubled on 10 August: after two more settled days the month of chat is seen to end above its limit.
    (AUGUST, 14, FORECAST, "chat", "fire"),
    (SEPTEMBER, 1, FORECAST, "chat", "resolve"),
    (SEPTEMBER, 2, FORECAST, "chat", "fire"),
    (SEPTEMBER, 15, FORECAST, "chat", "resolve"),  # the budget is removed
    # The runaway team has no past, so it is new, and its spend unusual for the model; three days later that is old.
    (AUGUST, 19, NEWCOMER, "team/research 2026-08-18", "fire"),
    (AUGUST, 19, SPIKE, "model/house-model 2026-08-18", "fire"),
    (AUGUST, 20, SPIKE, "model/house-model 2026-08-19", "fire"),
    (AUGUST, 22, NEWCOMER, "team/research 2026-08-18", "resolve"),
    (AUGUST, 22, SPIKE, "model/house-model 2026-08-18", "resolve"),
    (AUGUST, 23, SPIKE, "model/house-model 2026-08-19", "resolve"),
    # The wrong batch of 7 September: an unusual day of search, and forecasts that hold until it is put right.
    (SEPTEMBER, 8, SPIKE, "team/search 2026-09-07", "fire"),
    (SEPTEMBER, 8, FORECAST, "everything", "fire"),
    (SEPTEMBER, 8, FORECAST, "search", "fire"),
    (SEPTEMBER, 11, SPIKE, "team/search 2026-09-07", "resolve"),
    (SEPTEMBER, 21, FORECAST, "everything", "resolve"),
    (SEPTEMBER, 21, FORECAST, "search", "resolve"),
)


def expected() -> list[Said]:
    """Return them all; within an evening in no order."""
    return [*budget_messages(days()), *_others()]


def _others() -> Iterator[Said]:
    for month, day, rule, subject, kind in OTHERS:
        yield Said(date(2026, month, day), rule, subject, kind)
