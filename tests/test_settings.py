"""Settings come from sophia.toml and SOPHIA_… variables; what is wrong is named, with an example."""

import os
import traceback
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from sophia_metrics.alerts.settings import AlertSettings, NotifierSettings
from sophia_metrics.cache.cache_settings import CacheSettings
from sophia_metrics.connect import configured_budgets
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.health.settings import MaintenanceSettings, ProbeSettings, ServiceSettings
from sophia_metrics.settings import SECRET_FIELDS, GateSettings, Settings, SourceSettings, load_settings

SECRET = "hunter2-hunter2-hunter2"  # noqa: S105 - a planted secret
SERVICE = '[[services]]\nname = "chat"\nkind = "http"\nurl = "http://127.0.0.1:9000/health"\n'
SOURCE = '[[sources]]\nname = "gateway"\nformat = "litellm"\n'


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder that is the working directory, and an environment without settings."""
    for name in [name for name in os.environ if name.upper().startswith("SOPHIA_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, text: str) -> Path:
    config = folder / "sophia.toml"
    config.write_text(text)
    return config


def problem() -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    return str(caught.value)


def test_without_a_file_everything_has_a_default_and_the_state_is_here(project):
    settings = load_settings()

    assert settings == Settings(home=project / ".sophia")


def test_the_nearest_file_above_is_read_and_the_state_is_beside_it(project, monkeypatch):
    write(project, 'time_zone = "Europe/Berlin"')
    below = project / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)

    settings = load_settings()

    assert (settings.time_zone, settings.home) == ("Europe/Berlin", project / ".sophia")


def test_a_folder_can_be_named_instead_of_the_working_directory(project):
    elsewhere = project / "elsewhere"
    elsewhere.mkdir()
    write(elsewhere, "keep_versions = 7")

    assert load_settings(elsewhere).keep_versions == 7


def test_relative_paths_of_the_file_are_relative_to_it(project, monkeypatch):
    write(project, 'home = "state"\nprice_overrides = "prices.yaml"\n' + SOURCE + 'paths = ["logs/*.jsonl"]')
    (project / "below").mkdir()
    monkeypatch.chdir(project / "below")

    settings = load_settings()

    assert settings.home == project / "state"
    assert settings.price_overrides == project / "prices.yaml"
    assert settings.sources[0].paths == (str(project / "logs/*.jsonl"),)


def test_absolute_paths_and_those_of_the_home_stay_what_they_are(project, monkeypatch):
    monkeypatch.setenv("HOME", "/home/ada")
    write(project, 'home = "/srv/sophia"\n' + SOURCE + 'paths = ["~/logs"]')

    settings = load_settings()

    assert (settings.home, settings.sources[0].paths) == (Path("/srv/sophia"), ("/home/ada/logs",))


def test_sophia_home_wins_over_the_file(project, monkeypatch):
    write(project, 'home = "state"')
    monkeypatch.setenv("SOPHIA_HOME", "/srv/sophia")

    assert load_settings().home == Path("/srv/sophia")


def test_a_relative_sophia_home_is_relative_to_the_working_directory(project, monkeypatch):
    write(project, "")
    (project / "below").mkdir()
    monkeypatch.chdir(project / "below")
    monkeypatch.setenv("SOPHIA_HOME", "state")

    assert load_settings().home == project / "below" / "state"


def test_an_empty_variable_is_as_if_it_were_unset(project, monkeypatch):
    write(project, 'home = "state"')
    monkeypatch.setenv("SOPHIA_HOME", "")
    monkeypatch.setenv("SOPHIA_IDENTITY_SECRET", "")

    settings = load_settings()

    assert (settings.home, settings.identity_secret) == (project / "state", None)


def test_a_variable_sets_one_part_of_a_table_and_leaves_the_others(project, monkeypatch):
    write(project, "[gate]\nmax_quarantined_ratio = 0.1\nmin_rows = 5")
    monkeypatch.setenv("SOPHIA_GATE__MIN_ROWS", "7")

    assert load_settings().gate == GateSettings(max_quarantined_ratio=0.1, min_rows=7)


def test_sources_can_come_from_a_variable_as_json(project, monkeypatch):
    monkeypatch.setenv("SOPHIA_SOURCES", '[{"name": "gateway", "format": "litellm", "paths": ["x.jsonl"]}]')

    expected = SourceSettings(name="gateway", format="litellm", paths=(str(project / "x.jsonl"),))
    assert load_settings().sources == (expected,)


def test_a_variable_that_is_no_json_is_named_with_an_example_and_without_its_value(project, monkeypatch):
    monkeypatch.setenv("SOPHIA_SOURCES", f'[{{"name": "{SECRET}"')

    message = problem()

    assert message.startswith("SOPHIA_SOURCES is not valid JSON")
    assert """SOPHIA_SOURCES='[{"name": "gateway",""" in message
    assert SECRET not in message


@pytest.mark.parametrize(
    ("toml", "variables"),
    [
        ("[exchange_rates]\nEUR = 1.080000000000000001", {}),
        ('[exchange_rates]\nEUR = "1.080000000000000001"', {}),
        ('[exchange_rates]\neur = "1.080000000000000001"', {}),
        ("", {"SOPHIA_EXCHANGE_RATES": '{"EUR": 1.080000000000000001}'}),
        ("", {"SOPHIA_EXCHANGE_RATES__EUR": "1.080000000000000001"}),
    ],
)
def test_an_exchange_rate_is_exact_however_it_is_written(project, monkeypatch, toml, variables):
    write(project, toml)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert load_settings().exchange_rates == {"EUR": Decimal("1.080000000000000001")}


@pytest.mark.parametrize("rate", ["0", "-1", "nan", "inf", '"x"', "1.0000000000000000001"])
def test_an_exchange_rate_that_is_no_positive_number_of_18_decimals_is_refused(project, rate):
    write(project, f"[exchange_rates]\nEUR = {rate}")

    assert "exchange_rates.EUR: " in problem()


def test_dollars_have_no_exchange_rate(project):
    write(project, "[exchange_rates]\nUSD = 2")

    assert "USD has no rate" in problem()


@pytest.mark.parametrize(
    ("toml", "expected"),
    [
        ("time_zon = 'UTC'", "time_zon is no setting: did you mean time_zone?"),
        ("colour = 1", "colour is no setting: known are alerts, anomalies, backup, batch_bytes, "),
        ("[gate]\nmin_row = 1", "gate.min_row is no setting: did you mean min_rows?"),
        (SOURCE + 'path = ["x"]', "sources.0.path is no setting: did you mean paths?"),
        (SERVICE + SERVICE, "service names must differ; repeated: chat"),
        (SERVICE.replace("chat", "warehouse"), "a service cannot be named 'warehouse'"),
        (SERVICE.replace("//", "//ada:pw@"), "services.0: its url holds a password: put the whole url into a variable"),
        (SERVICE.replace("http:", "ftp:"), "the url of kind = 'http' starts with http:// or https://"),
        (SERVICE.replace('"http"', '"redis"'), "the url of kind = 'redis' starts with redis:// or rediss://"),
        (SERVICE.replace('"http"', '"tcp"'), "services.0: kind = 'tcp' needs host and port, and no url"),
        (SERVICE + "port = 80", "services.0: kind = 'http' needs either url or url_env, and neither host nor port"),
        (SERVICE + "interval = 5", "services.0.interval is no setting: did you mean interval_seconds?"),
        (SERVICE + '[probes]\nvantage = "canary"', "probes name the service 'canary', which is not in [[services]]"),
        (
            "[[probes.maintenance]]\nstart_at = 2026-12-01T22:00:00\nend_at = 2026-12-02T22:00:00Z",
            "probes.maintenance.0.start_at: input should have timezone info",
        ),
        (
            "[[probes.maintenance]]\nstart_at = 2026-12-02T22:00:00Z\nend_at = 2026-12-02T22:00:00Z",
            "a maintenance window ends after its start",
        ),
        (
            SOURCE + 'paths = "x"',
            'sources.0.paths: must be a list, in [ and ]; an example is paths = ["/var/log',
        ),
        ("time_zone = 'Mars'", 'time zone of the IANA database; an example is time_zone = "Europe/Berlin"'),
        ("memory_limit = 'lots'", 'an example is memory_limit = "4GiB"'),
        ("keep_versions = 1", "keep_versions: input should be greater than or equal to 2; an example is"),
        ('[[sources]]\nformat = "litellm"', 'sources.0.name: must be given; an example is name = "gateway"'),
        (SOURCE + SOURCE, "source names must differ; repeated: gateway"),
        (SOURCE.replace("gateway", "sample"), "a source cannot be named 'sample'"),
        (SOURCE.replace("litellm", "mapped"), "format = 'mapped' and a [sources.mapping] table go together"),
        ("exchange_rates = [1]", 'exchange_rates = { EUR = "1.08" }'),
    ],
)
def test_a_wrong_setting_is_named_with_what_to_write(project, toml, expected):
    config = write(project, toml)

    message = problem()

    assert expected in message
    assert str(config) in message


def test_all_wrong_settings_are_named_at_once(project):
    write(project, "keep_versions = 1\nmemory_limit = 'lots'")

    message = problem()

    assert "keep_versions: " in message
    assert "memory_limit: " in message


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        ("SOPHIA_TIMEZONE", "SOPHIA_TIMEZONE is no setting: did you mean SOPHIA_TIME_ZONE?"),
        ("SOPHIA_GATE__MIN_ROW", "gate.min_row is no setting: did you mean min_rows?"),
    ],
)
def test_a_variable_that_is_no_setting_is_refused_since_it_was_meant_to_change_something(
    project, monkeypatch, variable, expected
):
    monkeypatch.setenv(variable, "1")

    assert expected in problem()


def test_a_file_that_is_not_toml_is_named_with_the_place(project):
    config = write(project, "home = ")

    assert problem().startswith(f"{config} is not valid TOML (Invalid value (at end of document)")


@pytest.mark.parametrize("url", [f"http://ada:{SECRET}@host/", f"http://host/health?Password={SECRET}"])
def test_a_password_in_the_url_of_a_service_is_refused_and_not_repeated(project, url):
    write(project, f'[[services]]\nname = "chat"\nkind = "http"\nurl = "{url}"')

    message = problem()

    assert "its url holds a password" in message
    assert SECRET not in message


@pytest.mark.parametrize(
    "toml",
    [
        f'identity_secret = "{SECRET}"',
        f'IDENTITY_SECRET = "{SECRET}"',
        f'[gate]\nidentity_secret = "{SECRET}"',
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_repeated(project, toml):
    write(project, toml)

    message = problem()

    assert "remove it there, and set SOPHIA_IDENTITY_SECRET in the environment" in message
    assert SECRET not in message


def test_a_secret_comes_from_the_environment_and_is_not_shown(project, monkeypatch):
    monkeypatch.setenv("SOPHIA_IDENTITY_SECRET", SECRET)

    settings = load_settings()

    assert settings.identity_secret.get_secret_value() == SECRET
    assert SECRET not in f"{settings} {settings!r}"


def test_a_secret_is_not_in_the_trace_of_another_setting_that_is_wrong(project, monkeypatch):
    monkeypatch.setenv("SOPHIA_IDENTITY_SECRET", SECRET)
    monkeypatch.setenv("SOPHIA_MEMORY_LIMIT", SECRET)

    with pytest.raises(ConfigurationError) as caught:
        load_settings()

    error = caught.value
    assert SECRET not in "".join(traceback.format_exception(error)) + str(error.__context__)


def test_every_secret_field_masks_itself():
    secret = {name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)}

    assert secret == SECRET_FIELDS


REQUIRED = {
    SourceSettings: {"name": "gateway", "format": "litellm"},
    CacheSettings: {"name": "answers", "url": "redis://127.0.0.1"},
    MaintenanceSettings: {"start_at": "2026-12-01T00:00:00Z", "end_at": "2026-12-03T00:00:00Z"},
    NotifierSettings: {
        "name": "ops",
        "kind": "webhook",
        "url_env": "OPS_WEBHOOK_URL",
        "secret_env": "OPS_WEBHOOK_SECRET",
    },
}


@pytest.mark.parametrize(
    "model",
    [
        Settings,
        AlertSettings,
        GateSettings,
        NotifierSettings,
        SourceSettings,
        CacheSettings,
        ServiceSettings,
        ProbeSettings,
        MaintenanceSettings,
    ],
)
def test_every_setting_is_described_in_a_sentence(model):
    assert all((field.description or "").endswith((".", ")")) for field in model.model_fields.values())


@pytest.mark.parametrize(
    "model",
    [
        AlertSettings,
        GateSettings,
        NotifierSettings,
        SourceSettings,
        CacheSettings,
        ProbeSettings,
        MaintenanceSettings,
        Settings,
    ],
)
def test_every_example_in_a_message_is_a_value_that_is_accepted(model):
    examples = [(name, example) for name, field in model.model_fields.items() for example in field.examples or []]

    assert examples
    assert [each for each in examples if not is_accepted(model, *each)] == []


def is_accepted(model, name, value):
    try:
        model.model_validate({**REQUIRED.get(model, {}), name: value})
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    "url", [f"redis://:{SECRET}@host:6379/0", f"redis://u:{SECRET}@host", f"unix:///run/redis.sock?password={SECRET}"]
)
def test_a_password_in_the_url_of_a_cache_is_refused_and_not_repeated(project, url):
    write(project, f'[[caches]]\nname = "answers"\nurl = "{url}"')

    message = problem()

    assert "put the URL into a variable, and name that with url_env" in message
    assert SECRET not in message


def test_a_cache_needs_a_server_and_a_name_of_its_own(project):
    write(project, '[[caches]]\nname = "answers"')
    assert "name the server by url or by url_env" in problem()

    write(project, "caches = [" + '{name = "answers", url_env = "REDIS_URL"},' * 2 + "]")
    assert "cache names must differ; repeated: answers" in problem()


# --- budgets -----------------------------------------------------------------------------------------------


BUDGET = '[[budgets]]\nname = "search"\nscope = "team/search"\nperiod = "month"\n'


def test_without_budgets_the_platforms_own_hold(project):
    daily, monthly = load_settings().budgets

    assert (daily.name, daily.scope, daily.period, daily.limit_usd) == ("daily", "all", "day", 100)
    assert (monthly.name, monthly.period, monthly.limit_usd) == ("monthly", "month", 3000)
    assert daily.thresholds == (Decimal("0.8"), Decimal(1))


def test_the_platforms_variables_give_the_limits_of_its_own_budgets(project, monkeypatch):
    monkeypatch.setenv("LLM_DAILY_BUDGET", "12.50")
    monkeypatch.setenv("LLM_MONTHLY_BUDGET", "")

    assert [budget.limit_usd for budget in load_settings().budgets] == [Decimal("12.5"), 3000]


@pytest.mark.parametrize("value", ["0", "-5", "a lot", "NaN", "Infinity"])
def test_a_limit_of_the_platform_that_is_none_is_refused(project, monkeypatch, value):
    monkeypatch.setenv("LLM_MONTHLY_BUDGET", value)

    assert "LLM_MONTHLY_BUDGET is no limit of a budget" in problem()


def test_what_is_configured_stands_instead_of_the_platforms_budgets(project, monkeypatch):
    monkeypatch.setenv("LLM_DAILY_BUDGET", "nonsense")
    write(project, BUDGET + "limit_usd = 500.25\nthresholds = [0.5, 0.9, 1]")

    (budget,) = load_settings().budgets
    assert (budget.limit_usd, budget.thresholds) == (Decimal("500.25"), (Decimal("0.5"), Decimal("0.9"), Decimal(1)))


def test_an_empty_list_is_no_budget_at_all(project):
    write(project, "budgets = []")

    assert load_settings().budgets == ()


def test_a_budget_without_a_zone_of_its_own_has_that_of_the_settings(project):
    write(
        project,
        f'time_zone = "Europe/Berlin"\n{BUDGET}limit_usd = 5\n{BUDGET.replace("search", "x")}limit_usd = 5\ntime_zone = "Asia/Tokyo"',
    )

    assert [budget.time_zone for budget in configured_budgets(load_settings())] == ["Europe/Berlin", "Asia/Tokyo"]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("limit_usd = 0", "budgets.0.limit_usd"),
        ("limit_usd = 0.0000001", "budgets.0.limit_usd"),
        ('limit_usd = 5\ntime_zone = "Mars/Olympus"', "budgets.0.time_zone: must be a time zone"),
        ("limit_usd = 5\nthresholds = [1, 0.8]", "budgets.0.thresholds: must ascend"),
        ("limit_usd = 5\nthresholds = []", "budgets.0.thresholds"),
        ("limit_usd = 5\n" + BUDGET + "limit_usd = 6", "budget names must differ; repeated: search"),
    ],
)
def test_a_budget_that_cannot_be_one_is_named(project, text, named):
    write(project, BUDGET + text)

    assert named in problem()


def test_a_scope_of_no_known_form_is_named_with_an_example(project):
    write(project, BUDGET.replace("team/search", "users") + "limit_usd = 5")

    assert "budgets.0.scope: the scope 'users' has no known form: write all, team/search" in problem()
