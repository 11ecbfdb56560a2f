"""The chart of spend by model over days, as numbers that a template draws: stacked bars, gridlines, labels."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sophia_metrics.costs.spend import Spend, SpendLine, SpendTable
from sophia_metrics.dashboard.axis import axis_ticks

__all__ = ["Bar", "Chart", "Segment", "Series", "spend_chart"]

DAY_WIDTH = 10
BAR_WIDTH = 7
HEIGHT = 100
LABELS = 6


@dataclass(frozen=True, slots=True)
class Series:
    """One model, or the others together (`model` None). `slot` names its colour: 1 to 5, or `other`."""

    slot: str
    provider: str | None
    model: str | None
    total: Spend


@dataclass(frozen=True, slots=True)
class Segment:
    """One model on one day. Lengths are in units of the drawing, from its top left corner."""

    slot: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One UTC day. `cells` are the spend of each series in their order, None on a day without calls."""

    usage_on: date
    x: float
    segments: tuple[Segment, ...]
    total: Spend | None
    cells: tuple[Spend | None, ...]
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything that is drawn. `ticks` go from the top to zero."""

    width: int
    height: int
    bar_width: int
    bars: tuple[Bar, ...]
    series: tuple[Series, ...]
    ticks: tuple[Decimal, ...]
    total: Spend | None

    @property
    def gridlines(self) -> tuple[float, ...]:
        """Where the ticks are drawn, from the top."""
        step = self.height / (len(self.ticks) - 1)
        return tuple(round(place * step, 3) for place in range(len(self.ticks)))

    @property
    def step(self) -> Decimal:
        """How far two ticks are apart."""
        return self.ticks[-2]

    @property
    def description(self) -> str:
        """The chart in a sentence, for people who do not see it."""
        first, last = self.bars[0].usage_on, self.bars[-1].usage_on
        names = ", ".join(each.model or "other models" for each in self.series) or "no model"
        return f"Spend by UTC day from {first} to {last}, stacked by model: {names}. The table below has every figure."


def spend_chart(table: SpendTable) -> Chart:
    """Lay out the spend of some days: the dearest model at the bottom."""
    lines = [*table.models, *([table.other] if table.other else [])]
    series = tuple(_series(place, line) for place, line in enumerate(lines, start=1))
    totals: Mapping[date, Spend] = table.total.days if table.total else dict[date, Spend]()
    most = max((each.cost_usd for each in totals.values() if each.cost_usd), default=Decimal(0))
    ticks = axis_ticks(most)
    every = -(-len(table.days) // LABELS)
    bars = tuple(
        _bar(place, day, lines, series, totals.get(day), ticks[0], f"{day.day} {day:%b}" if place % every == 0 else "")
        for place, day in enumerate(table.days)
    )
    total = table.total.total if table.total else None
    return Chart(DAY_WIDTH * len(bars), HEIGHT, BAR_WIDTH, bars, series, ticks, total)


def _series(place: int, line: SpendLine) -> Series:
    return Series(str(place) if line.model else "other", line.provider, line.model, line.total)


def _bar(
    place: int,
    day: date,
    lines: list[SpendLine],
    series: tuple[Series, ...],
    total: Spend | None,
    top: Decimal,
    label: str,
) -> Bar:
    cells = tuple(line.days.get(day) for line in lines)
    segments: list[Segment] = []
    y = float(HEIGHT)
    for each, spend in zip(series, cells, strict=True):
        if spend is None or not spend.cost_usd or spend.cost_usd < 0:
            continue
        height = float(spend.cost_usd / top) * HEIGHT
        y -= height
        segments.append(Segment(each.slot, round(y, 3), round(height, 3)))
    x = place * DAY_WIDTH + (DAY_WIDTH - BAR_WIDTH) / 2
    return Bar(day, x, tuple(segments), total, cells, label)
