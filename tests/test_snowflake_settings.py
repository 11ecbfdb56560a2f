"""The settings of Snowflake: from sophia.toml, SOPHIA_… and the platform's variables; and how secrets are used."""

import os
from decimal import Decimal

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from sophia_metrics.cli.setting_values import setting_values
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.settings import load_settings
from sophia_metrics.warehouse.snowflake.login import connection_arguments
from sophia_metrics.warehouse.snowflake.settings import SnowflakeSettings

SECRET = "planted-secret-4711"  # noqa: S105 - a planted secret
WHO = 'account = "acme-main"\nuser = "METRICS"\nrole = "METRICS_ROLE"\n'
TABLE = f"[snowflake]\n{WHO}"
PLATFORM = {
    "SNOWFLAKE_ACCOUNT": "platform-account",
    "SNOWFLAKE_USER": "PLATFORM",
    "SNOWFLAKE_ROLE": "PLATFORM_ROLE",
    "SNOWFLAKE_WAREHOUSE": "PLATFORM_WH",
    "SNOWFLAKE_DATABASE": "PLATFORM_DB",
    "SNOWFLAKE_SCHEMA": "PLATFORM_SCHEMA",
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder that is the working directory, and an environment without settings."""
    for name in [name for name in os.environ if name.startswith(("SOPHIA_", "SNOWFLAKE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(65537, 2048)


def given(project, text, monkeypatch=None, variables=()):
    (project / "sophia.toml").write_text(text)
    for name, value in dict(variables).items():
        monkeypatch.setenv(name, value)
    return load_settings()


def problem(project, text):
    with pytest.raises(ConfigurationError) as caught:
        given(project, text)
    return str(caught.value)


def pem(key, path, passphrase=None):
    encryption = (
        serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    )
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption))
    return path


def arguments(settings, **secrets):
    return connection_arguments(settings, secrets.get, lock_wait_seconds=120, answer_within_seconds=None)


def who(**changes):
    return SnowflakeSettings(**{"account": "acme-main", "user": "METRICS", "role": "METRICS_ROLE", **changes})


def test_without_a_word_of_snowflake_duckdb_is_the_warehouse_whatever_the_platform_says(project, monkeypatch):
    settings = given(project, "", monkeypatch, PLATFORM)

    assert (settings.warehouse, settings.snowflake) == ("duckdb", None)


def test_warehouse_database_and_schema_have_defaults(project):
    settings = given(project, f'warehouse = "snowflake"\n{TABLE}').snowflake

    assert (settings.account, settings.user, settings.role) == ("acme-main", "METRICS", "METRICS_ROLE")
    assert (settings.warehouse, settings.database, settings.schema_name) == (
        "SOPHIA_AI_WH",
        "SOPHIA_AI",
        "SOPHIA_METRICS",
    )
    assert (settings.way, settings.query_tag, settings.commit_every_minutes) == ("password", "sophia-metrics", 15)
    assert settings.credit_price_usd is None


@pytest.mark.parametrize("how", ["file", "variable"])
def test_the_platforms_variables_are_enough(project, monkeypatch, how):
    text, variables = ('warehouse = "snowflake"', PLATFORM)
    if how == "variable":
        text, variables = "", PLATFORM | {"SOPHIA_WAREHOUSE": "snowflake"}

    settings = given(project, text, monkeypatch, variables).snowflake

    assert settings == SnowflakeSettings(
        account="platform-account",
        user="PLATFORM",
        role="PLATFORM_ROLE",
        warehouse="PLATFORM_WH",
        database="PLATFORM_DB",
        schema_name="PLATFORM_SCHEMA",
    )


def test_the_file_wins_over_the_platform_and_our_own_variable_over_both(project, monkeypatch):
    variables = PLATFORM | {"SOPHIA_SNOWFLAKE__USER": "OURS", "SNOWFLAKE_WAREHOUSE": ""}

    settings = given(project, TABLE, monkeypatch, variables).snowflake

    assert (settings.account, settings.user, settings.database) == ("acme-main", "OURS", "PLATFORM_DB")
    assert settings.warehouse == "SOPHIA_AI_WH"


@pytest.mark.parametrize("name", ["account", "user", "role"])
def test_what_has_no_default_is_named_with_its_variables_and_an_example(project, name):
    lines = [line for line in TABLE.splitlines() if not line.startswith(name)]

    message = problem(project, "\n".join(lines))

    variables = f"SOPHIA_SNOWFLAKE__{name.upper()} or SNOWFLAKE_{name.upper()}"
    assert f"snowflake: {name} must be given, there or in {variables}; an example is {name} = " in message


def test_snowflake_without_any_setting_names_all_that_it_needs(project):
    message = problem(project, 'warehouse = "snowflake"')

    assert all(f"{name} must be given" in message for name in ("account", "user", "role"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('password = "x"', "password is no setting"),
        ('schema_name = "a.b"', "snowflake.schema_name"),
        ('account = "https://acme.snowflakecomputing.com"', "snowflake.account"),
        ('authentication = "sso"', "snowflake.authentication"),
        ('authentication = "key_pair"', "authentication = 'key_pair' and private_key_path go together"),
        ('authentication = "token"\nprivate_key_path = "key.p8"', "go together, and with no other way"),
        ('protocol = "http"', "needs a host on this machine"),
        ('protocol = "http"\nhost = "example.com"', "needs a host on this machine"),
        ("credit_price_usd = 0", "snowflake.credit_price_usd"),
        ("commit_every_minutes = 0", "snowflake.commit_every_minutes"),
    ],
)
def test_what_cannot_be_is_named(project, text, words):
    table = TABLE.replace('account = "acme-main"\n', "") if text.startswith("account") else TABLE

    assert words in problem(project, f"{table}{text}\n")


def test_a_key_is_found_from_the_file_that_names_it_and_a_price_is_exact(project, monkeypatch):
    (project / "below").mkdir()
    (project / "sophia.toml").write_text(f'{TABLE}private_key_path = "key.p8"\ncredit_price_usd = 3.10\n')
    monkeypatch.chdir(project / "below")

    settings = load_settings().snowflake

    assert (settings.way, settings.private_key_path) == ("key_pair", project / "key.p8")
    assert settings.credit_price_usd == Decimal("3.10")


def test_settings_that_are_printed_hold_no_secret(project, monkeypatch):
    settings = given(project, TABLE, monkeypatch, {"SNOWFLAKE_PASSWORD": SECRET})

    printed = {each.name: each.value for each in setting_values(settings)}

    assert printed["snowflake.account"] == "acme-main"
    assert printed["snowflake.password_env"] == "SNOWFLAKE_PASSWORD"
    assert SECRET not in str(printed) + repr(settings)


def test_a_password_is_used_and_no_other_secret():
    found = arguments(who(), SNOWFLAKE_PASSWORD=SECRET, SNOWFLAKE_TOKEN="other")  # noqa: S106 - a planted secret

    assert (found["authenticator"], found["password"]) == ("SNOWFLAKE", SECRET)
    assert not {"token", "private_key"} & found.keys()


@pytest.mark.parametrize(("way", "authenticator"), [("token", "PROGRAMMATIC_ACCESS_TOKEN"), ("oauth", "OAUTH")])
def test_a_token_is_used_and_no_other_secret(way, authenticator):
    found = arguments(who(authentication=way), SNOWFLAKE_PASSWORD="other", SNOWFLAKE_TOKEN=SECRET)  # noqa: S106 - planted

    assert (found["authenticator"], found["token"]) == (authenticator, SECRET)
    assert not {"password", "private_key"} & found.keys()


@pytest.mark.parametrize(
    ("changes", "variable"),
    [
        ({}, "SNOWFLAKE_PASSWORD"),
        ({"password_env": "OTHER"}, "OTHER"),
        ({"authentication": "token"}, "SNOWFLAKE_TOKEN"),
        ({"authentication": "oauth"}, "SNOWFLAKE_TOKEN"),
    ],
)
def test_a_secret_that_is_not_there_is_asked_for_by_its_variable(changes, variable):
    with pytest.raises(ConfigurationError, match=f"set the variable {variable} in the environment"):
        arguments(who(**changes))


@pytest.mark.parametrize("passphrase", [None, SECRET])
def test_a_key_pair_is_used_with_and_without_a_passphrase(tmp_path, key, passphrase):
    path = pem(key, tmp_path / "key.p8", passphrase)
    secrets = {"SNOWFLAKE_PRIVATE_KEY_PASSPHRASE": passphrase} if passphrase else {}

    found = arguments(who(private_key_path=path), **secrets)

    assert found["authenticator"] == "SNOWFLAKE_JWT"
    assert found["private_key"].private_numbers() == key.private_numbers()
    assert "password" not in found


@pytest.mark.parametrize(
    ("made_with", "given_phrase", "words"),
    [
        (SECRET, None, "has a passphrase: put it into the variable SNOWFLAKE_PRIVATE_KEY_PASSPHRASE"),
        (None, SECRET, "has no passphrase: unset the variable SNOWFLAKE_PRIVATE_KEY_PASSPHRASE"),
        ("another", SECRET, "its passphrase is not the one in SNOWFLAKE_PRIVATE_KEY_PASSPHRASE"),
    ],
)
def test_a_key_and_a_passphrase_that_do_not_fit_are_told(tmp_path, key, made_with, given_phrase, words):
    path = pem(key, tmp_path / "key.p8", made_with)
    secrets = {"SNOWFLAKE_PRIVATE_KEY_PASSPHRASE": given_phrase} if given_phrase else {}

    with pytest.raises(ConfigurationError, match=words) as caught:
        arguments(who(private_key_path=path), **secrets)

    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, r"cannot be read \(No such file or directory\)"),
        (b"-----BEGIN PRIVATE KEY-----\nplanted-secret\n-----END PRIVATE KEY-----\n", "it is no key in PEM"),
        (b"\x00\x01", "it is no key in PEM"),
    ],
)
def test_a_file_that_is_no_key_is_told_without_a_word_of_it(tmp_path, content, words):
    path = tmp_path / "key.p8"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ConfigurationError, match=words) as caught:
        arguments(who(private_key_path=path))

    assert "planted" not in str(caught.value)


def test_a_key_of_a_kind_that_snowflake_does_not_take_is_refused(tmp_path):
    path = pem(ed25519.Ed25519PrivateKey.generate(), tmp_path / "key.p8")

    with pytest.raises(ConfigurationError, match="of a kind that Snowflake does not take"):
        arguments(who(private_key_path=path))


def test_a_session_is_tagged_in_utc_and_has_its_deadlines():
    settings = who(query_tag="mine", statement_timeout_seconds=300, login_timeout_seconds=7, host="h.example", port=444)

    found = arguments(settings, SNOWFLAKE_PASSWORD=SECRET)

    assert (found["timezone"], found["autocommit"], found["paramstyle"]) == ("UTC", True, "qmark")
    assert (found["login_timeout"], found["network_timeout"]) == (7, 360)
    assert (found["host"], found["port"]) == ("h.example", 444)
    assert found["arrow_number_to_decimal"] is True  # else money comes as doubles
    parameters = found["session_parameters"]
    assert (parameters["QUERY_TAG"], parameters["STATEMENT_TIMEOUT_IN_SECONDS"], parameters["LOCK_TIMEOUT"]) == (
        "mine",
        300,
        120,
    )
    assert parameters["ABORT_DETACHED_QUERY"] is True
    assert parameters["CLIENT_TELEMETRY_ENABLED"] is False
    assert parameters["CLIENT_OUT_OF_BAND_TELEMETRY_ENABLED"] is False
