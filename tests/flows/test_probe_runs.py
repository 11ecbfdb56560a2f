"""Probing as plain functions: real servers, a real warehouse, the flow without Prefect."""

import pytest

from flows.probe_services import probe_services
from flows.run_pipeline import run_pipeline
from sophia_metrics.errors import ConfigurationError
from tests.flows.place import SETTINGS
from tests.misbehaving import free_port, http, serving

HEALTH = "SELECT service, status, message FROM mart_service_health WHERE kind <> 'component' ORDER BY service"


def service(name, port, **more):
    lines = "".join(f"{key} = {value}\n" for key, value in more.items())
    return f'[[services]]\nname = "{name}"\nkind = "http"\nurl = "http://127.0.0.1:{port}/health"\n{lines}'


def configure(place, *services):
    (place.folder / "sophia.toml").write_text(SETTINGS + "\n" + "\n".join(services))


@pytest.fixture
def well():
    with serving(http(200, {"status": "ok"})) as port:
        yield port


@pytest.fixture
def ill():
    with serving(http(200, {"status": "unhealthy", "server": "ill"})) as port:
        yield port


def test_a_run_asks_services_and_our_own_components_and_publishes(place, well, ill):
    configure(place, service("chat", well), service("mail", ill, failure_threshold=1))
    results = probe_services.fn(config=place.config)

    assert [(each.service, each.status.value) for each in results] == [
        ("chat", "healthy"),
        ("mail", "down"),
        ("warehouse", "healthy"),
        ("source:gateway", "healthy"),
    ]
    assert place.serve(HEALTH) == [("chat", "healthy", None), ("mail", "down", "it says unhealthy")]
    assert place.runs() == [("probe-services", "completed", None, True)]


def test_the_card_of_the_page_says_what_the_worst_required_service_says(place, well, ill):
    configure(place, service("chat", well), service("mail", ill, failure_threshold=1))
    probe_services.fn(config=place.config)

    card = "SELECT text_value, metric_value FROM mart_performance_now WHERE metric = 'system_health'"
    assert place.serve(card) == [("down", 0.75)]


def test_what_is_not_due_is_not_asked_and_nothing_is_published(place, well):
    configure(place, service("chat", well, interval_seconds=3600))
    probe_services.fn(config=place.config)
    versions = place.serve("SELECT count(*) FROM core_versions")

    assert probe_services.fn(config=place.config) == ()
    assert place.serve("SELECT count(*) FROM core_versions") == versions


def test_what_is_named_is_asked_although_it_is_not_due(place, well):
    configure(place, service("chat", well, interval_seconds=3600))
    probe_services.fn(config=place.config)

    assert [each.service for each in probe_services.fn(config=place.config, services=["chat"])] == ["chat"]


def test_a_service_that_nobody_configured_is_refused(place):
    with pytest.raises(ConfigurationError, match="there is no service 'chat'"):
        probe_services.fn(config=place.config, services=["chat"])


def test_a_variable_that_is_not_set_leaves_one_service_unknown_and_the_others_known(place, well, monkeypatch):
    monkeypatch.delenv("NO_SUCH_URL", raising=False)
    redis = '[[services]]\nname = "sessions"\nkind = "redis"\nurl_env = "NO_SUCH_URL"\n'
    configure(place, service("chat", well), redis)
    chat, sessions, *_ = probe_services.fn(config=place.config)

    assert (chat.status, sessions.status, sessions.outcome) == ("healthy", "unknown", "skipped")
    assert sessions.message == "the variable NO_SUCH_URL is not set: export it where the probes run"


def test_a_password_of_a_url_variable_is_in_no_row(place, monkeypatch):
    secret = "hunter2-hunter2"  # noqa: S105 - planted
    monkeypatch.setenv("SESSIONS_URL", f"redis://:{secret}@127.0.0.1:{free_port()}/0")
    monkeypatch.setenv("MAIL_URL", f"ftp://ada:{secret}@127.0.0.1/")
    configure(
        place,
        '[[services]]\nname = "sessions"\nkind = "redis"\nurl_env = "SESSIONS_URL"\n',
        '[[services]]\nname = "mail"\nkind = "http"\nurl_env = "MAIL_URL"\n',
    )
    results = probe_services.fn(config=place.config)

    assert [each.outcome.value for each in results[:2]] == ["failed", "skipped"]
    assert secret not in repr(results)


def test_the_whole_pipeline_asks_services_where_there_are_any(place, well):
    configure(place, service("chat", well))
    run_pipeline.fn(config=place.config)

    assert place.serve(HEALTH) == [("chat", "healthy", None)]


def test_the_whole_pipeline_without_services_asks_nothing_and_says_no_data(place):
    run_pipeline.fn(config=place.config)

    assert place.serve("SELECT service FROM core_services") == []
    assert place.serve("SELECT text_value FROM mart_performance_now WHERE metric = 'system_health'") == [("no data",)]
