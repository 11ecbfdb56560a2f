"""How good our forecasts are, beside seasonal naive, run-rate, Holt-Winters and AutoETS, on daily series of a folder.

Each method sees the days up to an origin and nothing after it. Our ranges are those of a program that has run for a
while: they are widened as its own earlier forecasts of the same series teach.
"""

import argparse
import itertools
import json
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from time import perf_counter

import numpy as np

from benchmarks.forecast_series import Series, made_up_series, read_series
from benchmarks.measure import machine, run_peer
from benchmarks.table import print_table
from sophia_metrics.forecasting.forecast import HORIZON, Band, forecast
from sophia_metrics.forecasting.inflation import NOTHING_LEARNT, PARTS, next_inflation, of_days_ahead, part_of
from sophia_metrics.forecasting.numbers import Numbers, known_mean

LENGTHS = (28, 56, 120)
MOST_DAYS = 400
AHEAD = 14
LEARNT_AHEAD = 28
MONTH_DAYS = (3, 7, 14, 21)
RUNAWAY_AGO = (1, 3, 10)
OURS, NAIVE, RUN_RATE = "sophia-metrics", "seasonal naive", "run-rate"
PEERS = ("Holt-Winters", "AutoETS")
GROUPS = ("real", "made up")

Ahead = Callable[[list[Numbers]], Numbers]


@dataclass(frozen=True, slots=True)
class Window:
    """What is known at an origin, and what came: a month has how many of its days were known, and their sum."""

    group: str
    series: str
    length: int
    known: Numbers
    came: Numbers
    month_day: int = 0
    month_spent: float = 0.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a folder of CSVs: a date and a value in each row")
    parser.add_argument("--json", action="store_true", help="print the figures as the last line, too")
    parser.add_argument("--windows", type=int, default=24, help="windows of each length and series")
    parser.add_argument("--no-peers", action="store_true", help="leave out what needs packages of its own")
    arguments = parser.parse_args()
    series = [*read_series(arguments.data), *made_up_series()]
    days = [window for each in series for window in _day_windows(each, arguments.windows)]
    months = [window for each in series for window in _month_windows(each, arguments.windows * 3 // 4)]
    said = _said([*days, *months], () if arguments.no_peers else PEERS)
    facts = {
        "machine": machine(),
        "series": [each.name for each in series],
        "windows": len(days),
        "months": len(months),
        "mase": _mase(days, {name: found[: len(days)] for name, found in said.items()}),
        "runaway": _runaway(days),
        "month_end": _month_end(months, {name: found[len(days) :] for name, found in said.items()}),
        "coverage": _coverage(series),
        "seconds": _speed(),
    }
    _print(facts)
    if arguments.json:
        print(json.dumps(facts))


def _group(series: Series) -> str:
    return GROUPS[1] if series.is_made_up else GROUPS[0]


def _day_windows(series: Series, count: int) -> Iterable[Window]:
    for length in LENGTHS:
        last = len(series.values) - AHEAD
        for end in np.linspace(length, last, count).astype(int).tolist():
            known, came = series.values[end - length : end], series.values[end : end + AHEAD]
            if np.isfinite(known).all() and np.isfinite(came).all() and (known[7:] != known[:-7]).any():
                yield Window(_group(series), series.name, length, known, came)


def _month_windows(series: Series, count: int) -> Iterable[Window]:
    days = [series.first_on + timedelta(days=day) for day in range(len(series.values))]
    firsts = [place for place, day in enumerate(days) if day.day == 1 and place >= LENGTHS[0]]
    for first, after in list(itertools.pairwise(firsts))[-count:]:
        for month_day in MONTH_DAYS:
            end = first + month_day
            known, came = series.values[max(0, end - LENGTHS[-1]) : end], series.values[end:after]
            if np.isfinite(known).all() and np.isfinite(came).all() and series.values[first:after].sum() > 0:
                spent = float(series.values[first:end].sum())
                yield Window(_group(series), series.name, len(known), known, came, month_day, spent)


def _said(windows: Sequence[Window], peers: Sequence[str]) -> dict[str, list[Numbers]]:
    """Return what each method says of the days after each window."""
    ours: list[Numbers] = [np.empty(0)] * len(windows)
    for length in {window.length for window in windows}:
        places = [place for place, window in enumerate(windows) if window.length == length]
        found = forecast(np.stack([windows[place].known for place in places]))
        through = np.diff(np.nan_to_num(found.through.p50), axis=1, prepend=0.0)
        days = np.nan_to_num(found.days.p50)
        for place, row in zip(
            places,
            [through[at] if windows[place].month_day else days[at] for at, place in enumerate(places)],
            strict=True,
        ):
            ours[place] = row
    naive = [np.resize(window.known[-7:], HORIZON) for window in windows]
    rate = [np.full(HORIZON, window.known[-(window.month_day or 28) :].mean()) for window in windows]
    said = {OURS: ours, NAIVE: naive, RUN_RATE: rate}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "windows.json"
        path.write_text(json.dumps([window.known.tolist() for window in windows]))
        for name in peers:
            run_peer("benchmarks.forecast_peers", name, str(path), group="forecast-bench")
            said[name] = [np.array(each) for each in json.loads(Path(f"{path}.{name}").read_text())]
    return said


def _mase(windows: Sequence[Window], said: dict[str, list[Numbers]]) -> dict[str, dict[str, float]]:
    """Return the median over windows of the error of 14 days, as a share of seasonal naive's on the known days."""
    found: dict[str, dict[str, float]] = {}
    for name, forecasts in said.items():
        values = [
            np.abs(row[:AHEAD] - window.came).mean() / np.abs(window.known[7:] - window.known[:-7]).mean()
            for window, row in zip(windows, forecasts, strict=True)
        ]
        groups = {group: [each.group == group for each in windows] for group in GROUPS}
        lengths = {f"{length} days": [each.length == length for each in windows] for length in LENGTHS}
        found[name] = {
            key: float(np.median(np.array(values)[flags])) for key, flags in (groups | lengths).items() if any(flags)
        } | {"all": float(np.median(values))}
    return found


def _runaway(windows: Sequence[Window]) -> dict[str, dict[str, float]]:
    """Return the same error where one of the newest known days was five times as large, by how long ago that was."""
    found: dict[str, dict[str, float]] = {}
    for days_ago in RUNAWAY_AGO:
        known = [
            window.known * np.where(np.arange(window.length) == window.length - days_ago, 5, 1) for window in windows
        ]
        said = _said([replace(window, known=each) for window, each in zip(windows, known, strict=True)], ())
        for name, figures in _mase(windows, said).items():
            found.setdefault(name, {})[f"{days_ago} days ago"] = figures["all"]
    return found


def _month_end(windows: Sequence[Window], said: dict[str, list[Numbers]]) -> dict[str, dict[str, float]]:
    """Return the mean over months of the error of the month's sum, as a share of it."""
    found: dict[str, dict[str, float]] = {}
    for name, forecasts in said.items():
        errors = [
            abs(row[: len(window.came)].sum() - window.came.sum()) / (window.month_spent + window.came.sum())
            for window, row in zip(windows, forecasts, strict=True)
        ]
        by_day = {
            f"day {day}": float(
                np.mean([error for error, window in zip(errors, windows, strict=True) if window.month_day == day])
            )
            for day in MONTH_DAYS
        }
        by_group = {
            group: float(
                np.mean([error for error, window in zip(errors, windows, strict=True) if window.group == group])
            )
            for group in GROUPS
            if any(window.group == group for window in windows)
        }
        found[name] = by_day | by_group | {"all": float(np.mean(errors)), "median": float(np.median(errors))}
    return found


def _coverage(series: Sequence[Series]) -> dict[str, dict[str, float]]:
    """Return the share of days and of sums within the range of 80 %, where each week is forecast and learnt from."""
    found: dict[str, list[tuple[Numbers, Numbers]]] = {group: [] for group in GROUPS}
    for each in series:
        found[_group(each)] += _walk(each)
    found["all"] = [held for group in GROUPS for held in found[group]]
    return {group: _shares(held) for group, held in found.items() if held}


def _shares(held: list[tuple[Numbers, Numbers]]) -> dict[str, float]:
    days, sums = np.stack([each for each, _ in held]), np.stack([each for _, each in held])
    return {
        "days 1-7": float(np.nanmean(days[:, :7])),
        "days 8-14": float(np.nanmean(days[:, 7:14])),
        "days 15-28": float(np.nanmean(days[:, 14:28])),
        "days 1-28": float(np.nanmean(days[:, :28])),
        "sum of 7": float(np.nanmean(sums[:, 6])),
        "sum of 28": float(np.nanmean(sums[:, 27])),
    }


def _walk(series: Series) -> list[tuple[Numbers, Numbers]]:
    """Forecast each week, learn from earlier forecasts; return which days and sums were within the range."""
    values, made = series.values, dict[int, tuple[Numbers, Numbers]]()
    days, sums = np.full(PARTS, NOTHING_LEARNT), np.full(PARTS, NOTHING_LEARNT)
    for end in range(LENGTHS[0], len(values) - HORIZON, 7):
        days = next_inflation(days, _newly_held({start: held for start, (held, _) in made.items()}, end))
        sums = next_inflation(sums, _newly_held({start: held for start, (_, held) in made.items()}, end))
        widths, sum_widths = of_days_ahead(days[None], HORIZON), of_days_ahead(sums[None], HORIZON)
        said = forecast(values[None, max(0, end - MOST_DAYS) : end], widths, sum_widths)
        if said.methods[0] is None:
            continue
        came = values[end : end + HORIZON]
        made[end] = _held(came, said.days), _held(np.cumsum(came), said.through)
    return list(made.values())


def _held(came: Numbers, band: Band) -> Numbers:
    return np.where(np.isfinite(came), (came >= band.p10[0]) & (came <= band.p90[0]), np.nan)


def _newly_held(made: dict[int, Numbers], end: int) -> Numbers:
    """Return the share of earlier forecasts that held each of the seven days before an origin, by part of the horizon.

    Args:
        made: of the forecasts made at earlier origins, which of their days were held.
        end: the origin; nothing of it or after it is known.
    """
    found = np.full((PARTS, 7), np.nan)
    for start, held in made.items():
        if end - start <= LEARNT_AHEAD:
            part = part_of(np.array([end - start]))[0]
            found[part] = known_mean(np.stack([found[part], held[end - 7 - start : end - start]]), axis=0)
    return found


def _speed() -> float:
    """Return the seconds of forecasting 1,000 series of 400 days."""
    values = np.exp(np.random.default_rng(1).normal(0, 0.3, (1000, 400)))
    started = perf_counter()
    forecast(values)
    return perf_counter() - started


def _print(facts: dict[str, object]) -> None:
    print(f"{facts['machine']}; {facts['windows']} windows, {facts['months']} parts of months")
    for title, key, style in (
        ("MASE of 14 days, median over windows", "mase", "{:.3f}"),
        ("MASE where one known day was five times as large", "runaway", "{:.3f}"),
        ("Error of the month's end, share of the month, mean", "month_end", "{:.1%}"),
        ("Share within the range of 80 %", "coverage", "{:.1%}"),
    ):
        rows: dict[str, dict[str, float]] = facts[key]  # pyright: ignore[reportAssignmentType] - JSON of our own making
        headings = list(dict.fromkeys(name for row in rows.values() for name in row))
        print_table(
            title,
            ["", *headings],
            [
                [name, *(style.format(row[each]) if each in row else "" for each in headings)]
                for name, row in rows.items()
            ],
        )
    print(f"1,000 series of 400 days: {facts['seconds']:.2f} s")


if __name__ == "__main__":
    main()
