"""Daily series to forecast: every CSV of a folder, and made-up ones, the same for the same seed."""

import csv
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np

__all__ = ["Series", "made_up_series", "read_series"]

DAYS = 560
SEED = 20_261_126
FIRST_ON = date(2025, 1, 1)
KINDS = ("office", "consumer", "growing", "shifting", "heavy_tailed", "batch", "wandering", "quiet")
LEAST_DAYS = 90


@dataclass(frozen=True, slots=True)
class Series:
    """A daily series: its name, whether it is made up, its first day, and a value for each day."""

    name: str
    is_made_up: bool
    first_on: date
    values: np.ndarray[tuple[int], np.dtype[np.float64]]


def read_series(folder: Path) -> list[Series]:
    """Read each CSV in a folder whose rows are a date and a value, of 90 days or more; a missing day is NaN."""
    found: list[Series] = []
    for path in sorted(folder.glob("*.csv")):
        days = dict(filter(None, map(_row, _lines(path))))
        if len(days) >= LEAST_DAYS:
            first, last = min(days), max(days)
            length = (last - first).days + 1
            values = np.array([days.get(first + timedelta(days=day), np.nan) for day in range(length)])
            found.append(Series(path.stem, is_made_up=False, first_on=first, values=values))
    return found


def made_up_series() -> list[Series]:
    """Return spend as it might be: two series of each kind."""
    random = np.random.default_rng(SEED)
    return [
        Series(f"{kind} {number}", is_made_up=True, first_on=FIRST_ON, values=_made_up(kind, random))
        for kind in KINDS
        for number in (1, 2)
    ]


def _lines(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="", errors="replace") as file:
        return [row for row, _ in zip(csv.reader(file), range(20_000), strict=False)]


def _row(row: list[str]) -> tuple[date, float] | None:
    if len(row) != 2:
        return None
    try:
        return date.fromisoformat(row[0]), float(row[1])
    except ValueError:
        return None


def _made_up(kind: str, random: np.random.Generator) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    days = np.arange(DAYS)
    weekend = np.isin((days + FIRST_ON.weekday()) % 7, (5, 6))
    noise = random.normal(size=DAYS)
    level = np.exp(random.normal(3, 1))
    if kind == "office":
        values = np.where(weekend, 0.15, 1.0) * np.exp(0.2 * noise)
    elif kind == "consumer":
        values = np.where(weekend, 1.3, 1.0) * np.exp(0.15 * noise)
    elif kind == "growing":
        values = np.where(weekend, 0.5, 1.0) * np.exp(0.2 * noise + 0.005 * days)
    elif kind == "shifting":
        values = np.where(weekend, 0.4, 1.0) * np.exp(0.15 * noise) * np.exp(random.normal(0, 0.6, 8)[days // 70])
    elif kind == "heavy_tailed":
        values = np.where(weekend, 0.6, 1.0) * np.exp(0.25 * random.standard_t(3, DAYS))
    elif kind == "batch":
        values = (random.random(DAYS) < 0.15) * np.exp(0.4 * noise) * 5
    elif kind == "wandering":
        values = np.where(weekend, 0.5, 1.0) * np.exp(0.1 * noise + np.cumsum(random.normal(0, 0.04, DAYS)))
    else:
        values = np.exp(0.02 * noise)
    return level * values
