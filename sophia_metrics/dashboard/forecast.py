"""The forecast of all spend: what was spent on the last settled days, what is expected, and how that is drawn."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sophia_metrics.dashboard.axis import axis_ticks

__all__ = ["Forecast", "ForecastChart", "ForecastDay", "SpentDay", "forecast_chart"]

DAY_WIDTH = 10
HEIGHT = 100
LABELS = 6


@dataclass(frozen=True, slots=True)
class SpentDay:
    """A settled UTC day and what was spent on it. None: that is not known."""

    day_on: date
    spent_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class ForecastDay:
    """A UTC day that is not settled yet: one time in ten it ends below p10, one in ten above p90."""

    day_on: date
    p10_usd: Decimal
    p50_usd: Decimal
    p90_usd: Decimal


@dataclass(frozen=True, slots=True)
class Forecast:
    """Settled days, and the days after them in order; `method` says how the forecast was made."""

    before: tuple[SpentDay, ...]
    ahead: tuple[ForecastDay, ...]
    method: str


@dataclass(frozen=True, slots=True)
class ForecastChart:
    """Everything that is drawn. Lengths are in units of the drawing, from its top left corner; `ticks` go down to zero.

    Attributes:
        width: of the drawing.
        height: of the drawing.
        ticks: sums on the axis.
        spent: lines through the known days, as points of a polyline; a day that is not known parts two of them.
        middle: the expected spend, as points.
        band: the range, as points of a polygon.
        today_x: where the forecast begins.
        labels: every so many days: its place, and the day.
        description: the chart in a sentence, for people who do not see it.
    """

    width: int
    height: int
    ticks: tuple[Decimal, ...]
    spent: tuple[str, ...]
    middle: str
    band: str
    today_x: float
    labels: tuple[tuple[float, date], ...]
    description: str

    @property
    def gridlines(self) -> tuple[float, ...]:
        """Where the ticks are drawn, from the top."""
        step = self.height / (len(self.ticks) - 1)
        return tuple(round(place * step, 3) for place in range(len(self.ticks)))

    @property
    def step(self) -> Decimal:
        """How far two ticks are apart."""
        return self.ticks[-2]


def forecast_chart(forecast: Forecast) -> ForecastChart:
    """Lay out a forecast behind the days that it was made from."""
    known = [each.spent_usd for each in forecast.before if each.spent_usd is not None]
    ticks = axis_ticks(max([*known, *(each.p90_usd for each in forecast.ahead)], default=Decimal(0)))
    count = len(forecast.before)
    days = [*(each.day_on for each in forecast.before), *(each.day_on for each in forecast.ahead)]
    every = -(-len(days) // LABELS)
    high = [_point(count + place, each.p90_usd, ticks[0]) for place, each in enumerate(forecast.ahead)]
    low = [_point(count + place, each.p10_usd, ticks[0]) for place, each in enumerate(forecast.ahead)]
    last = forecast.ahead[-1]
    return ForecastChart(
        width=DAY_WIDTH * len(days),
        height=HEIGHT,
        ticks=ticks,
        spent=tuple(_known_lines(forecast.before, ticks[0])),
        middle=" ".join(_point(count + place, each.p50_usd, ticks[0]) for place, each in enumerate(forecast.ahead)),
        band=" ".join([*high, *reversed(low)]),
        today_x=float(count * DAY_WIDTH),
        labels=tuple((_middle(place), day) for place, day in enumerate(days) if place % every == 0),
        description=(
            f"Spend of settled UTC days from {days[0]} to {days[max(count - 1, 0)]}, and a forecast up to "
            f"{last.day_on}. The table below has every figure."
        ),
    )


def _known_lines(days: Iterable[SpentDay], top: Decimal) -> Iterable[str]:
    line: list[str] = []
    for place, each in enumerate(days):
        if each.spent_usd is not None:
            line.append(_point(place, each.spent_usd, top))
        elif line:
            yield " ".join(line)
            line = []
    if line:
        yield " ".join(line)


def _point(place: int, amount: Decimal, top: Decimal) -> str:
    return f"{_middle(place):g},{round(HEIGHT - float(amount / top) * HEIGHT, 3):g}"


def _middle(place: int) -> float:
    return (place + 0.5) * DAY_WIDTH
