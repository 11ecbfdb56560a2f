"""Commands on Snowflake say what they say on DuckDB, also of days that are on Snowflake only."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from sophia_metrics.dashboard.reading import load_overview
from sophia_metrics.serving import Serving
from sophia_metrics.windows import naive_utc
from tests.command_line import litellm_call
from tests.places import Places
from tests.test_docs import ROOT, blocks

pytest_plugins = ("tests.snowflake_fixtures",)

TODAY = datetime.now(UTC).date()
DAYS = 5
"""Usage of so many days before today, of which the mirror has two."""


def day(ago):
    return (TODAY - timedelta(days=ago)).isoformat()


def call(number):
    """One of thirty calls; every third has no price and no cost."""
    on = day(1 + number % DAYS)
    model = ("gpt-4o", "gpt-4o-mini", "a-model-without-a-price")[number % 3]
    return litellm_call(
        f"call-{number}",
        startTime=f"{on}T08:{number:02}:00Z",
        endTime=f"{on}T09:00:00Z",
        prompt_tokens=100 * number,
        team_id=("search", "chat")[number % 2],
        user=f"user-{number % 3}@example.com",
        model=model,
        call_type=("acompletion", "aembedding")[number % 2],
        **({} if model.startswith("gpt") else {"spend": None}),
    )


COMMANDS = {
    "budgets": ["budgets"],
    "sql of marts": ["sql", "SELECT team, sum(cost_usd) AS spent FROM mart_cost_daily GROUP BY team ORDER BY team"],
    "sql of rows": ["sql", "SELECT count(*) AS n, sum(cost_usd) AS spent FROM core_usage_events"],
    "sql in capitals": ["sql", "SELECT COUNT(*) AS n FROM CORE_USAGE_EVENTS"],
    "sql of groups": [
        "sql",
        "SELECT team, count(*) FILTER (cost_usd IS NULL) AS unpriced FROM core_usage_events GROUP BY ALL ORDER BY ALL",
    ],
    "sql of the README": ["sql", blocks(ROOT / "README.md", "sql")[1]],
    "sql of a view": ["sql", "SELECT sum(BilledCost) AS spent FROM focus_cost_and_usage"],
    "sql of no column": ["sql", "SELECT spent FROM core_usage_events"],
    "sql that writes": ["sql", "DELETE FROM core_usage_events"],
    "sql of two statements": ["sql", "SELECT event_id FROM core_usage_events; SELECT 2"],
    "chargeback": ["chargeback", "--month", day(1)[:7], "--by", "team", "--share", "even"],
    "export focus": ["export", "focus", "--month", day(1)[:7]],
    "change": ["change", "--from", f"{day(5)}..{day(4)}", "--to", f"{day(3)}..{day(2)}", "--scope", "team/chat"],
    "suggestions": ["suggestions"],
    "what-if of models": ["what-if", "--model", "gpt-4o=gpt-4o-mini", "--from", day(5), "--to", day(1)],
    "what-if of tiers": ["what-if", "--tier", "standard=batch", "--from", day(5), "--to", day(1)],
    "reconcile": ["reconcile", "--json"],
    "prices": ["prices", "--json"],
    "kpi": ["kpi", "--json"],
    "sql of quarantine": ["sql", "SELECT count(*) AS n FROM core_quarantine"],
    "sql of what calls were for": ["sql", "SELECT sum(request_count) AS n FROM mart_usage_15min"],
    "reprice": ["reprice", "--from", day(5), "--to", day(1), "--reason", "to see"],
    "forget": ["forget", "--user", "user-1@example.com", "--dry-run"],
    "backfill": ["backfill", day(5), day(4)],
}


@pytest.fixture(scope="module")
def said(tmp_path_factory, snowflake_of_module):
    """What each command said on each engine, after a run over the same usage."""
    said = {}
    with pytest.MonkeyPatch.context() as patch:
        places = Places(tmp_path_factory.mktemp("places"), snowflake_of_module, patch)
        for engine in ("duckdb", "snowflake"):
            place = places(engine)
            broken = litellm_call("broken", startTime=f"{day(4)}T08:00:00Z", prompt_tokens=-1)
            path = place.write("calls.jsonl", [*(call(number) for number in range(30)), broken])
            source = f'[[sources]]\nname = "gateway"\nformat = "litellm"\npaths = ["{path}"]\n'
            (place.folder / "sophia.toml").write_text(source)
            assert place("run", "--plain").exit_code == 0
            said[engine] = {name: place(*arguments) for name, arguments in COMMANDS.items()}
            said[engine]["tables"] = place.facts("tables")
            said[engine]["page"] = load_overview(Serving(place.folder / "home"), naive_utc(datetime.now(UTC)), "UTC")
    return said


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_says_on_snowflake_what_it_says_on_duckdb(said, name):
    there, here = said["snowflake"][name], said["duckdb"][name]
    assert (there.exit_code, there.stdout) == (here.exit_code, here.stdout)


@pytest.mark.parametrize("name", ["sql of no column", "sql that writes", "sql of two statements"])
def test_a_query_is_refused_on_snowflake_as_on_duckdb(said, name):
    assert said["snowflake"][name].stderr == said["duckdb"][name].stderr


def test_models_without_a_price_are_named_with_the_calls_of_all_days(said):
    (unpriced,) = json.loads(said["snowflake"]["prices"].stdout)["unpriced"]
    assert (unpriced["usage"]["model"], unpriced["usage"]["request_count"]) == ("a-model-without-a-price", 10)


def test_the_page_tells_of_all_days_of_the_month(said):
    here, there = said["duckdb"]["page"], said["snowflake"]["page"]
    assert there.operations == here.operations
    assert there.models == here.models
    assert there.quality.quarantined_count == here.quality.quarantined_count == 1
    assert sum(each.request_count for each in there.operations if each.model is None) == sum(
        TODAY.replace(day=1) <= TODAY - timedelta(days=1 + number % DAYS) for number in range(30)
    )


def test_rows_of_which_only_the_newest_days_are_here_are_not_counted_as_all(said):
    counts = {each["name"]: each["row_count"] for each in said["snowflake"]["tables"]["tables"]}
    assert counts["core_usage_events"] is None
    assert counts["core_ingest_ledger"] == 1
