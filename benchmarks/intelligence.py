"""What a thousand scopes with four hundred days cost: trends, budgets, forecasts, anomalies and alerts.

    uv run python -m benchmarks.intelligence [--scopes 1000] [--days 400] [--json]

Beside them, in the same run, what the bare engine takes to sum the same days by scope, and what the marts by day take
to build, all of them and mart_cost_parts alone. The processor's time is that of all threads: on two cores it can be
twice the wall time, and other programs on the machine disturb it less.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import duckdb
import numpy as np

from benchmarks.measure import Measured, finish_part, machine, run_part
from benchmarks.table import print_table, seconds, times
from benchmarks.whole_way import go
from sophia_metrics.alerts.budget_rule import BudgetRule
from sophia_metrics.alerts.check import check_rules
from sophia_metrics.alerts.evaluation import Channel
from sophia_metrics.alerts.observation import Observations
from sophia_metrics.alerts.published import read_observations
from sophia_metrics.connect import alert_rules, connect_warehouse
from sophia_metrics.costs.anomalies import find_anomalies
from sophia_metrics.costs.budgets import Budget, apply_budgets
from sophia_metrics.costs.forecasts import make_forecasts
from sophia_metrics.scopes import Scope
from sophia_metrics.serving import Serving
from sophia_metrics.settings import Settings, SourceSettings

MODULE = "benchmarks.intelligence"
END_ON = date(2026, 11, 16)
NOW = datetime(2026, 11, 16, 3)  # noqa: DTZ001 - naive UTC, as everywhere in the pipeline
CHANNELS = (Channel("ops", frozenset({"warning", "critical"})),)
LOOKS = 1000
SEED = 7
DAY_MARTS = ("mart_cost_daily", "mart_cost_parts")
"""Marts by day that are built once more, each alone."""


@dataclass(frozen=True, slots=True)
class Took:
    """What a step took: wall time, and the time of the processor in all its threads."""

    seconds: float
    cpu_seconds: float


def main() -> None:
    """Run the parts, each in a process of its own, and print what they took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scopes", type=int, default=1000)
    parser.add_argument("--days", type=int, default=400)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--part")
    parser.add_argument("--home", type=Path)
    arguments = parser.parse_args()
    if arguments.part:
        PARTS[arguments.part](arguments.home, arguments.scopes, arguments.days)
        return
    with tempfile.TemporaryDirectory(prefix="sophia-intelligence-") as folder:
        home = Path(folder) / "state"
        sizes = ("--scopes", str(arguments.scopes), "--days", str(arguments.days))
        parts = {part: run_part(MODULE, part, "--home", str(home), *sizes) for part in PARTS}
    _print(arguments, parts)


def _print(arguments: argparse.Namespace, parts: dict[str, Measured]) -> None:
    work, bare = parts["work"], parts["bare"]
    steps = {name: Took(**took) for name, took in work.facts["steps"].items()}
    whole = Took(work.seconds, sum(took.cpu_seconds for took in steps.values()))
    looks = Took(parts["looks"].seconds, parts["looks"].facts["cpu_seconds"])
    built = {name: Took(**took) for name, took in parts["prepare"].facts["built"].items()}
    rows = [
        *_rows(steps, bare),
        *_rows({"all of it": whole}, bare),
        *_rows({f"{LOOKS:,} looks at an unchanged breach": looks}, bare),
        *_rows({f"built: {name}": took for name, took in built.items()}, bare),
        *_rows({"bare engine: spend by scope and day": Took(bare.seconds, bare.facts["cpu_seconds"])}, bare),
    ]
    title = f"{arguments.scopes:,} scopes of {arguments.days:,} days, {machine()}"
    print_table(title, ("step", "wall time", "processor", "bare engine = 1"), rows)
    load = " ".join(f"{each:.1f}" for each in work.facts["load"])
    print(
        f"made: {work.facts['made']}; the looks send {parts['looks'].facts['fires']} fire; load of the machine: {load}"
    )
    if arguments.json:
        print(json.dumps({part: {"seconds": each.seconds, **each.facts} for part, each in parts.items()}))


def _rows(took: Mapping[str, Took], bare: Measured) -> list[tuple[str, str, str, str]]:
    return [
        (name, seconds(each.seconds), seconds(each.cpu_seconds), times(each.seconds / bare.seconds))
        for name, each in took.items()
    ]


def _clock(step: Callable[[], Any]) -> tuple[Any, Took]:
    """Return what a step returns, and what it took."""
    wall, cpu = perf_counter(), process_time()
    result = step()
    return result, Took(perf_counter() - wall, process_time() - cpu)


def _prepare(home: Path, scopes: int, days: int) -> None:
    """Collect one call a day of each scope, and build the marts by day; then some of them once more."""
    home.parent.mkdir(parents=True, exist_ok=True)
    log = home.with_suffix(".jsonl")
    tokens = _tokens(scopes, days)
    with log.open("w") as file:
        for place in range(days):
            day = END_ON - timedelta(days=days - place)
            file.writelines(_line(day, scope, int(tokens[scope, place])) for scope in range(scopes))
    source = SourceSettings(name="gateway", format="events", billing="api", paths=(str(log),))
    _, collected = _clock(lambda: go(home, source, NOW, publish=False))
    warehouse = connect_warehouse(Settings(home=home), NOW)
    _, whole = _clock(warehouse.build)
    built = {"all marts by day": asdict(whole)}
    for mart in DAY_MARTS:
        with duckdb.connect(home / "warehouse.duckdb") as connection:
            connection.execute("DELETE FROM mart_builds WHERE mart = $1", [mart])
        _, took = _clock(warehouse.build)
        built[f"{mart} of {days:,} days"] = asdict(took)
    finish_part("prepare", collected.seconds + whole.seconds, {"built": built})


def _tokens(scopes: int, days: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return input tokens by scope and day: a level, a week, noise, and some days that are not as usual."""
    random = np.random.default_rng(SEED)
    level = random.lognormal(13, 1, (scopes, 1))
    week = np.where(np.arange(days) % 7 < 5, 1.0, 0.4)
    amounts = level * week * random.lognormal(0, 0.2, (scopes, days))
    amounts[random.random((scopes, days)) < 0.001] *= 5
    return amounts.round()


def _line(day: date, scope: int, tokens: int) -> str:
    return (
        f'{{"id": "{day} {scope}", "started_at": "{day}T12:00:00Z", "provider": "openai", "model": "gpt-4o", '
        f'"team": "team-{scope:04}", "input_tokens": {tokens}, "output_tokens": 0}}\n'
    )


def _work(home: Path, scopes: int, _days: int) -> None:
    """Do a day's work on all scopes once."""
    settings = Settings(home=home)
    warehouse = connect_warehouse(settings, NOW)
    limit = Decimal(10)
    budgets = [Budget(f"b{place:04}", Scope("team", f"team-{place:04}"), "month", limit) for place in range(scopes)]
    steps: dict[str, Took] = {}
    made: dict[str, Any] = {}
    for name, step in (
        ("budgets: apply the configuration", lambda: apply_budgets(warehouse, budgets, NOW)),
        ("publish: trends, budgets, changes", lambda: warehouse.publish(NOW)),
        ("forecasts", lambda: make_forecasts(warehouse, NOW)),
        ("anomalies", lambda: find_anomalies(warehouse, NOW)),
        ("publish again: budgets by forecasts", lambda: warehouse.publish(NOW)),
        ("alerts", lambda: _check(settings, NOW)),
    ):
        made[name], steps[name] = _clock(step)
    told = {
        "forecasts": made["forecasts"].made_count,
        "anomalies": made["anomalies"].open_count,
        "alerts": len(made["alerts"].episodes),
    }
    facts = {
        "steps": {name: asdict(took) for name, took in steps.items()},
        "made": told,
        "load": os.getloadavg(),
    }
    finish_part("work", sum(took.seconds for took in steps.values()), facts)


def _check(settings: Settings, now: datetime) -> Any:  # noqa: ANN401 - transitions, of which the caller counts episodes
    warehouse = connect_warehouse(settings, now)
    return check_rules(warehouse, alert_rules(settings), read_observations(Serving(settings.home)), CHANNELS, now)


def _look(home: Path, _scopes: int, _days: int) -> None:
    """Look at one breach of a budget again and again."""
    fires, took = _clock(lambda: _fires(Settings(home=home)))
    finish_part("looks", took.seconds, {"fires": fires, "cpu_seconds": took.cpu_seconds})


def _fires(settings: Settings) -> int:
    """Return how many fires a thousand looks at one unchanged breach send."""
    warehouse = connect_warehouse(settings, NOW)
    seen = read_observations(Serving(settings.home))
    reached = (each for each in seen.budgets or () if each.is_current and (each.spent_usd or 0) > (each.limit_usd or 0))
    breach = replace(next(reached), budget="unchanged", thresholds=(Decimal(1),))
    fires = 0
    for look in range(LOOKS):
        observed, now = Observations(budgets=(breach,)), NOW + timedelta(minutes=look)
        changed = check_rules(warehouse, (BudgetRule(),), observed, CHANNELS, now)
        fires += sum(each.kind == "fire" for each in changed.deliveries)
    return fires


def _bare(home: Path, _scopes: int, _days: int) -> None:
    """Sum the same days by scope with DuckDB alone."""

    def summed() -> int:
        with duckdb.connect() as connection:
            files = str(home / "core" / "usage_events" / "*" / "*.parquet")
            sums = "SELECT team, usage_on, sum(cost_usd) AS cost_usd FROM read_parquet($1) GROUP BY ALL"
            return connection.execute(f"SELECT count(*) FROM ({sums})", [files]).fetchall()[0][0]

    rows, took = _clock(summed)
    finish_part("bare", took.seconds, {"rows": rows, "cpu_seconds": took.cpu_seconds})


PARTS: dict[str, Callable[[Path, int, int], None]] = {"prepare": _prepare, "work": _work, "bare": _bare, "looks": _look}


if __name__ == "__main__":
    main()
