"""What every command shares: the start, usage errors, and what a person sees before anything is collected."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from sophia_metrics.alerts.settings import AlertSettings, NotifierSettings
from sophia_metrics.budget_settings import BudgetSettings
from sophia_metrics.cache.cache_settings import CacheSettings
from sophia_metrics.cli.init import render_config
from sophia_metrics.health.settings import MaintenanceSettings, ProbeSettings, ServiceSettings
from sophia_metrics.settings import (
    AnalyticsSinkSettings,
    ApiSettings,
    GateSettings,
    Settings,
    SnowflakeSettings,
    SourceSettings,
    TableSettings,
    load_settings,
)
from sophia_metrics.sources.column_mapping import ColumnMapping, ColumnRule
from sophia_metrics.sources.live.metric_settings import MetricSettings
from tests.command_line import SECRET, CommandLine

PROGRAM = str(Path(sys.executable).with_name("sophia-metrics"))
COMMANDS = [
    *("run", "ingest", "sql", "tables", "probe", "backfill", "check", "budgets", "dashboard", "serve"),
    *("doctor", "alerts", "silence", "notifiers", "grants", "init", "report"),
    *("export", "chargeback"),
]


@pytest.fixture
def sophia(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOPHIA_HOME", str(tmp_path / "home"))
    return CommandLine(tmp_path)


def test_the_program_itself_prints_its_version():
    done = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True)

    assert done.stdout.startswith("sophia-metrics 0.")


def test_help_lists_every_command(sophia):
    text = sophia("--help").stdout

    assert [name for name in COMMANDS if f"  {name} " not in text] == []


def test_help_starts_without_loading_what_is_heavy():
    check = (
        "import sys; import sophia_metrics.cli; "
        "print(sorted({'prefect', 'duckdb', 'polars', 'pydantic', 'rich'} & sys.modules.keys()))"
    )

    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


def test_sql_starts_without_prefect_prices_and_redis():
    check = (
        "import sys; import sophia_metrics.cli.sql; "
        "print(sorted({'prefect', 'genai_prices', 'redis', 'rich'} & sys.modules.keys()))"
    )

    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["run", "--no-such-option"],
        ["ingest", "usage.jsonl"],
        ["ingest", "no-such-file.jsonl", "--source", "litellm"],
        ["ingest", "no-such-file.jsonl", "--source", "no-such-source"],
        ["backfill", "2026-11-02", "yesterday"],
        ["backfill", "2026-11-02", "2026-11-01"],
        ["sql", "SELECT 1 AS one"],
        ["tables", "no_such_table"],
        ["init", "no/such/folder"],
        ["budgets", "set", "daily", "--limit", "much"],
        ["budgets", "set", "daily", "--limit", "0"],
        ["budgets", "set", "daily", "--limit", "5", "--scope", "everything"],
        ["budgets", "unset", "daily"],
        ["budgets"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_2_and_no_traceback(sophia, arguments):
    result = sophia(*arguments)

    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert result.stderr != ""


def test_a_wrong_setting_exits_with_2_and_names_it(sophia):
    (sophia.folder / "sophia.toml").write_text('time_zone = "Mars/Olympus"\n')

    result = sophia("doctor")

    assert result.exit_code == 2
    assert "time_zone" in result.stderr


def test_init_writes_a_file_that_changes_no_setting(sophia):
    before = load_settings()

    assert sophia("init").exit_code == 0
    assert load_settings() == before


def test_init_overwrites_nothing(sophia):
    (sophia.folder / "sophia.toml").write_text("# mine\n")

    assert sophia("init").exit_code == 2
    assert (sophia.folder / "sophia.toml").read_text() == "# mine\n"


def uncommented(text):
    lines = (line[1:] if line.startswith("#") and not line.startswith("# ") else line for line in text.splitlines())
    return "\n".join(lines)


def test_every_example_of_init_is_a_setting_that_loads(sophia):
    (sophia.folder / "sophia.toml").write_text(uncommented(render_config()))

    assert [source.name for source in load_settings().sources] == ["gateway", "exports", "platform", "openai"]


def test_init_shows_every_setting_but_secrets():
    values = tomllib.loads(uncommented(render_config()))
    gateway, exports, platform, openai = values["sources"]

    assert values.keys() == Settings.model_fields.keys() - {"identity_secret"}
    assert values["gate"].keys() == GateSettings.model_fields.keys()
    assert values["budgets"][0].keys() == BudgetSettings.model_fields.keys()
    assert values["notifiers"][0].keys() == NotifierSettings.model_fields.keys()
    assert values["alerts"].keys() == AlertSettings.model_fields.keys()
    assert {*gateway, "mapping", "table", "api"} == SourceSettings.model_fields.keys()
    assert platform["table"].keys() == TableSettings.model_fields.keys()
    assert openai["api"].keys() == ApiSettings.model_fields.keys()
    assert openai["api"]["metrics"].keys() == MetricSettings.model_fields.keys()
    assert values["snowflake"].keys() == SnowflakeSettings.model_fields.keys()
    assert values["snowflake"]["analytics_sink"].keys() == AnalyticsSinkSettings.model_fields.keys()
    assert exports["mapping"].keys() == ColumnMapping.model_fields.keys()
    assert values["caches"][0].keys() == CacheSettings.model_fields.keys()
    assert {name for service in values["services"] for name in service} == ServiceSettings.model_fields.keys()
    assert values["probes"].keys() == ProbeSettings.model_fields.keys()
    assert values["probes"]["maintenance"][0].keys() == MaintenanceSettings.model_fields.keys()


@pytest.mark.parametrize(
    "model",
    [
        Settings,
        GateSettings,
        SnowflakeSettings,
        SourceSettings,
        ColumnMapping,
        ColumnRule,
        AlertSettings,
        NotifierSettings,
        BudgetSettings,
        CacheSettings,
        ServiceSettings,
        ProbeSettings,
        AnalyticsSinkSettings,
        ApiSettings,
        MetricSettings,
        TableSettings,
    ],
)
def test_init_explains_settings_in_their_own_words(model):
    text = " ".join(render_config().replace("#", " ").split())

    assert [name for name, field in model.model_fields.items() if " ".join(field.description.split()) not in text] == []


def test_doctor_looks_at_an_empty_folder_without_making_anything(sophia):
    facts = sophia.facts("doctor")["diagnosis"]

    assert facts["published"] is None
    assert [part["status"] for part in facts["components"]] == ["unknown", "unknown"]
    assert not (sophia.folder / "home").exists()


def test_doctor_masks_the_secret(sophia, monkeypatch):
    monkeypatch.setenv("SOPHIA_IDENTITY_SECRET", SECRET)

    for result in (sophia("doctor"), sophia("doctor", "--json")):
        assert "********" in result.stdout
        assert SECRET not in result.output


def test_doctor_shows_every_setting(sophia):
    names = {re.split(r"[.\[]", each["name"])[0] for each in sophia.facts("doctor")["diagnosis"]["settings"]}

    assert names == Settings.model_fields.keys()


def test_doctor_fails_where_a_source_is_down(sophia):
    (sophia.folder / "sophia.toml").write_text(
        '[[sources]]\nname = "gateway"\nformat = "litellm"\npaths = ["nowhere/usage.jsonl"]\n'
    )

    result = sophia("doctor")

    assert result.exit_code == 1
    assert "down" in result.stdout


def test_run_says_so_where_the_configured_prefect_api_does_not_answer(sophia, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")

    result = sophia("run", "--sample")

    assert result.exit_code == 1
    assert "http://127.0.0.1:9/api (from PREFECT_API_URL) does not answer" in result.stderr


def test_tables_are_listed_before_anything_is_published(sophia):
    tables = {each["name"]: each for each in sophia.facts("tables")["tables"]}

    assert tables["mart_cost_daily"]["row_count"] is None
    assert tables["core_usage_events"]["grain"] == ["event_id"]
