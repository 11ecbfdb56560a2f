"""What a thousand scopes with four hundred days cost: trends, budgets, forecasts, anomalies and alerts.

    uv run python -m benchmarks.intelligence [--scopes 1000] [--days 400] [--json]

Beside them, in the same run, what the bare engine takes to sum the same days by scope.
"""

import argparse
import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from time import perf_counter
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
    rows = [(name, seconds(value), times(value / bare.seconds)) for name, value in work.facts["steps"].items()]
    rows += [("all of it", seconds(work.seconds), times(work.seconds / bare.seconds))]
    rows += [("bare engine: spend by scope and day", seconds(bare.seconds), "1")]
    title = f"{arguments.scopes:,} scopes of {arguments.days:,} days, {machine()}"
    print_table(title, ("step", "wall time", "bare engine = 1"), rows)
    print(f"made: {work.facts['made']}; {LOOKS:,} looks at an unchanged breach: {work.facts['fires']} fire")
    if arguments.json:
        print(json.dumps({part: {"seconds": each.seconds, **each.facts} for part, each in parts.items()}))


def _prepare(home: Path, scopes: int, days: int) -> None:
    """Collect one call a day of each scope, and build the marts by day."""
    home.parent.mkdir(parents=True, exist_ok=True)
    log = home.with_suffix(".jsonl")
    tokens = _tokens(scopes, days)
    with log.open("w") as file:
        for place in range(days):
            day = END_ON - timedelta(days=days - place)
            file.writelines(_line(day, scope, int(tokens[scope, place])) for scope in range(scopes))
    started = perf_counter()
    source = SourceSettings(name="gateway", format="events", billing="api", paths=(str(log),))
    go(home, source, NOW, publish=False)
    connect_warehouse(Settings(home=home), NOW).build()
    finish_part("prepare", perf_counter() - started, {})


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
    """Do once a day's work on all scopes."""
    settings = Settings(home=home)
    warehouse = connect_warehouse(settings, NOW)
    limit = Decimal(10)
    budgets = [Budget(f"b{place:04}", Scope("team", f"team-{place:04}"), "month", limit) for place in range(scopes)]
    apply_budgets(warehouse, budgets, NOW)
    steps: dict[str, float] = {}
    made: dict[str, Any] = {}
    for name, step in (
        ("publish: trends, budgets, changes", lambda: warehouse.publish(NOW)),
        ("forecasts", lambda: make_forecasts(warehouse, NOW)),
        ("anomalies", lambda: find_anomalies(warehouse, NOW)),
        ("publish again: budgets by forecasts", lambda: warehouse.publish(NOW)),
        ("alerts", lambda: _check(settings, NOW)),
    ):
        started = perf_counter()
        made[name] = step()
        steps[name] = perf_counter() - started
    told = {
        "forecasts": made["forecasts"].made_count,
        "anomalies": made["anomalies"].open_count,
        "alerts": len(made["alerts"].episodes),
    }
    finish_part("work", sum(steps.values()), {"steps": steps, "made": told, "fires": _fires(settings)})


def _check(settings: Settings, now: datetime) -> Any:  # noqa: ANN401 - transitions, of which the caller counts episodes
    warehouse = connect_warehouse(settings, now)
    return check_rules(warehouse, alert_rules(settings), read_observations(Serving(settings.home)), CHANNELS, now)


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
    started = perf_counter()
    with duckdb.connect() as connection:
        files = str(home / "core" / "usage_events" / "*" / "*.parquet")
        sums = "SELECT team, usage_on, sum(cost_usd) AS cost_usd FROM read_parquet($1) GROUP BY ALL"
        count = connection.execute(f"SELECT count(*) FROM ({sums})", [files]).fetchall()
    finish_part("bare", perf_counter() - started, {"rows": count[0][0]})


PARTS: dict[str, Callable[[Path, int, int], None]] = {"prepare": _prepare, "work": _work, "bare": _bare}


if __name__ == "__main__":
    main()
