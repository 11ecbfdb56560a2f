"""`sophia-metrics probe`: a table for people, facts for machines, and an exit code for scripts."""

import json

import pytest

from tests.command_line import CommandLine
from tests.misbehaving import http, serving


@pytest.fixture
def sophia(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return CommandLine(tmp_path)


def configure(sophia, **ports):
    text = "".join(
        f'[[services]]\nname = "{name}"\nkind = "http"\nurl = "http://127.0.0.1:{port}/"\nfailure_threshold = 1\n'
        f"is_required = {str(not name.startswith('optional')).lower()}\n"
        for name, port in ports.items()
    )
    (sophia.folder / "sophia.toml").write_text(text)


@pytest.fixture
def well():
    with serving(http(200, {"status": "ok"})) as port:
        yield port


@pytest.fixture
def ill():
    with serving(http(503, b"")) as port:
        yield port


def test_where_all_answer_it_is_good(sophia, well):
    configure(sophia, chat=well)
    result = sophia("probe")

    assert result.exit_code == 0, result.output
    assert [line.split()[:2] for line in result.stdout.splitlines()[1:3]] == [
        ["chat", "healthy"],
        ["warehouse", "healthy"],
    ]
    assert "the whole: healthy" in result.stdout


def test_where_a_required_service_fails_it_exits_with_1_and_says_why(sophia, well, ill):
    configure(sophia, chat=well, mail=ill)
    result = sophia("probe")

    assert result.exit_code == 1
    assert "HTTP 503" in result.stdout
    assert "the whole: down" in result.stdout


def test_where_only_an_optional_service_fails_it_is_good_and_the_whole_is_degraded(sophia, well, ill):
    configure(sophia, chat=well, optional_mail=ill)
    facts = sophia.facts("probe")

    assert (facts["is_well"], facts["overall"], facts["plan_word"]) == (True, "degraded", "degraded")


def test_machines_get_every_result(sophia, well, ill):
    configure(sophia, chat=well, mail=ill)
    result = sophia("probe", "mail", "--json")
    facts = json.loads(result.stdout)

    assert result.exit_code == 1
    assert (facts["is_well"], facts["overall"]) == (False, "down")
    (mail,) = facts["services"]
    assert {name: mail[name] for name in ("service", "kind", "outcome", "status", "message", "is_required")} == {
        "service": "mail",
        "kind": "http",
        "outcome": "failed",
        "status": "down",
        "message": "HTTP 503",
        "is_required": True,
    }
    assert mail["latency_ms"] > 0
    assert mail["probed_at"].endswith("Z")


def test_a_service_that_does_not_exist_is_wrong_usage(sophia, well):
    configure(sophia, chat=well)
    result = sophia("probe", "chatt")

    assert result.exit_code == 2
    assert "there is no service 'chatt': name one of chat, warehouse" in result.stderr


def test_without_services_our_own_components_are_asked(sophia):
    facts = sophia.facts("probe")

    assert [each["service"] for each in facts["services"]] == ["warehouse"]
    assert facts["overall"] == "healthy"


def test_the_page_of_a_run_shows_the_services(sophia, ill):
    configure(sophia, mail=ill)
    result = sophia("run", "--plain", "--sample")

    assert result.exit_code == 0, result.output
    assert any(line.split()[:2] == ["mail", "down"] for line in result.stdout.splitlines())
