"""What is called on each day of the third quarter of 2026, and when we hear of it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

__all__ = ["FIRST_ON", "LAST_ON", "MORE_EXPENSIVE_ON", "PRICES", "Call", "calls_heard_on", "days"]

FIRST_ON, LAST_ON = date(2026, 7, 1), date(2026, 9, 30)
MORE_EXPENSIVE_ON = date(2026, 8, 10)
LATE_ON, HEARD_ON = date(2026, 7, 17), date(2026, 7, 21)
WRONG_ON, RIGHTED_ON = date(2026, 9, 7), date(2026, 9, 21)
RUNAWAY = {date(2026, 8, 18): 150, date(2026, 8, 19): 200, date(2026, 8, 20): 20}

PRICES = f"""
prices:
  - provider: house
    model: house-model
    valid_from: 2026-01-01
    valid_to: {MORE_EXPENSIVE_ON}
    per_million: {{input: "1", output: "1"}}
    note: the first price
  - provider: house
    model: house-model
    valid_from: {MORE_EXPENSIVE_ON}
    per_million: {{input: "2", output: "1"}}
    note: twice as much
"""

WEEKDAY, WEEKEND = {"search": 30, "chat": 20}, {"search": 12, "chat": 8}
SWAY = (100, 103, 98, 101, 97)
"""In hundredths: no two days of a week are alike."""


@dataclass(frozen=True)
class Call:
    """One call of house-model; `millions` of input tokens, at one dollar each, later at two.

    `updated_on` None: it is as it was on its day.
    """

    ident: str
    day_on: date
    team: str
    millions: Decimal
    updated_on: date | None = None

    @property
    def cost_usd(self) -> Decimal:
        return self.millions * (2 if self.day_on >= MORE_EXPENSIVE_ON else 1)

    @property
    def line(self) -> dict[str, object]:
        return {
            "id": self.ident,
            "started_at": f"{self.day_on}T12:00:00Z",
            "source_updated_at": f"{self.updated_on or self.day_on}T12:30:00Z",
            "provider": "house",
            "model": "house-model",
            "team": self.team,
            "input_tokens": int(self.millions * 1_000_000),
            "output_tokens": 0,
        }


WRONG = Call("batch", WRONG_ON, "search", Decimal(225))


def days() -> Iterator[date]:
    """Yield every day of the quarter."""
    return (FIRST_ON + timedelta(days=place) for place in range((LAST_ON - FIRST_ON).days + 1))


def calls_heard_on(day: date) -> list[Call]:
    """Return the calls whose file is there on the evening of a day: its own, but for late ones and corrections."""
    calls = [call for call in _calls_of(day) if (call.team, day) != ("chat", LATE_ON)]
    if day == HEARD_ON:
        calls += [call for call in _calls_of(LATE_ON) if call.team == "chat"]
    if day == RIGHTED_ON:
        calls.append(replace(WRONG, millions=Decimal("0.5"), updated_on=RIGHTED_ON))
    return calls


def _calls_of(day: date) -> list[Call]:
    sway = SWAY[day.toordinal() % len(SWAY)]
    amounts = WEEKEND if day.weekday() >= 5 else WEEKDAY
    calls = [Call(f"{day} {team}", day, team, Decimal(amount * sway) / 100) for team, amount in amounts.items()]
    if day in RUNAWAY:
        calls.append(Call(f"{day} research", day, "research", Decimal(RUNAWAY[day]) / 2))
    if day == WRONG_ON:
        calls.append(WRONG)
    return calls
