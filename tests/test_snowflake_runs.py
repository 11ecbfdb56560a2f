"""The whole of `run` on Snowflake: public traces come to the same marts as on DuckDB, to the last digit."""

import math
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest

from sophia_metrics import schema
from sophia_metrics.schema.column import Kind, Storage
from sophia_metrics.serving import Serving
from tests.command_line import litellm_call
from tests.places import Places
from tests.test_real_data import AZURE, BURST, CONFIG, needs_shared_data
from tests.vendors import litellm, openai
from tests.vendors.server import VendorServer

pytest_plugins = ("tests.snowflake_fixtures",)

TELLING_OF_RUNS = {"mart_pipeline_runs", "mart_freshness", "mart_data_quality", "mart_settlement"}
ON_BOTH = [
    table
    for table in schema.stored(Storage.DAY_FILES, Storage.SERVING)
    if table.name.startswith("mart_") and table.name not in TELLING_OF_RUNS
]
"""The others tell of the run itself, which was another one, as does `data_through_at` of a budget."""


@pytest.fixture
def places(tmp_path, snowflake, monkeypatch):
    return Places(tmp_path, snowflake, monkeypatch)


def run(place, config, files):
    """Give a folder its configuration and files, and let the whole pipeline run."""
    (place.folder / "sophia.toml").write_text(config)
    for name, content in files.items():
        (place.folder / name).write_bytes(content)
    done = place("run", "--plain")
    assert done.exit_code == 0, done.output


def assert_same_marts(snowflake, tmp_path):
    session = snowflake.session()
    there = Serving(tmp_path / "snowflake" / "home")
    for table in ON_BOTH:
        sql = f"SELECT {', '.join(table.names)} FROM {table.name}"
        expected = _ordered(Serving(tmp_path / "duckdb" / "home").query(sql).rows())
        for rows in (session.fetch_frame(sql).rows(), there.query(sql).rows()):
            _compare(table, expected, _ordered(rows))


def _ordered(rows):
    return sorted(rows, key=repr)


def _compare(table, expected, found):
    assert len(found) == len(expected), table.name
    for one, other in zip(expected, found, strict=True):
        for column, left, right in zip(table.columns, one, other, strict=True):
            if column.name == "data_through_at":
                continue
            if column.kind is Kind.REAL and left is not None and right is not None:
                assert math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-12), (table.name, column.name)
            else:
                assert left == right, (table.name, column.name)


def test_a_snowflake_run_has_the_mart_rows_of_a_run_on_duckdb(places, snowflake, tmp_path):
    day = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    calls = [
        litellm_call(
            f"call-{number}", startTime=f"{day}T08:0{number % 10}:00Z", endTime=f"{day}T09:00:00Z", prompt_tokens=number
        )
        for number in range(40)
    ]
    for engine in ("duckdb", "snowflake"):
        place = places(engine)
        path = place.write("calls.jsonl", calls)
        run(place, f'[[sources]]\nname = "gateway"\nformat = "litellm"\npaths = ["{path}"]\n', {})
    assert_same_marts(snowflake, tmp_path)


def test_vendors_that_are_asked_side_by_side_come_to_the_same_marts(places, snowflake, tmp_path, monkeypatch):
    now = datetime.now(UTC).replace(tzinfo=None)
    yesterday = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    vendors = {"openai_usage": (openai.OpenAI(), "/v1"), "litellm_spend": (litellm.LiteLLM(), "")}
    monkeypatch.setenv("OPENAI_ADMIN_KEY", openai.KEY)
    monkeypatch.setenv("LITELLM_API_KEY", litellm.KEY)
    with ExitStack() as stack:
        config = []
        for name, (vendor, path) in vendors.items():
            vendor.now = now + timedelta(hours=1)  # it refuses windows that end later than its clock
            vendor.use(yesterday + timedelta(hours=2), hours=5)
            url = stack.enter_context(VendorServer(vendor)).url
            config += ["[[sources]]", f'name = "{name}"', f'format = "{name}"', "[sources.api]"]
            config += [f'base_url = "{url}{path}"', f'since = "{yesterday.date()}"', "requests_per_minute = 60000"]
        for engine in ("duckdb", "snowflake"):
            run(places(engine), "\n".join(config), {})
    assert_same_marts(snowflake, tmp_path)
    sources = Serving(tmp_path / "snowflake" / "home").query("SELECT DISTINCT source FROM core_usage_events")
    assert set(sources["source"]) == set(vendors)


@needs_shared_data
def test_a_snowflake_run_on_public_traces_has_the_mart_rows_of_a_run_on_duckdb(places, snowflake, tmp_path):
    config = CONFIG.replace('name = "azure-trace"\n', 'name = "azure-trace"\npaths = ["azure.csv"]\n').replace(
        'name = "burst-trace"\n', 'name = "burst-trace"\npaths = ["burst.csv"]\n'
    )
    for engine in ("duckdb", "snowflake"):
        run(places(engine), config, {"azure.csv": AZURE.read_bytes(), "burst.csv": BURST.read_bytes()})
    assert_same_marts(snowflake, tmp_path)
    assert snowflake.session().execute("SELECT sum(cost_usd) FROM mart_cost_daily").fetchall() == [
        tuple(Serving(tmp_path / "duckdb" / "home").query("SELECT sum(cost_usd) FROM mart_cost_daily").row(0))
    ]
