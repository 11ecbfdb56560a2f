"""Nothing of what people write, and no secret, is anywhere after a whole run: no file, no table, no log, no page."""

import logging
import urllib.request
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client

from flows.run_pipeline import run_pipeline
from sophia_metrics.connect import connect_page
from sophia_metrics.settings import load_settings
from sophia_metrics.sources.registry import FORMAT_NAMES
from tasks.clock import utc_now
from tests.command_line import CommandLine
from tests.flows.planted import MAPPING, Garden
from tests.forgotten import texts_in
from tests.misbehaving import free_port, http, raw, serving

pytestmark = [pytest.mark.prefect, pytest.mark.usefixtures("prefect_server")]

PAGES = ("/", "/api/v1/llm/stats", "/api/v1/performance", "/api/cache/stats", "/api/v1/health", "/api/v1/llm/alerts")
COMMANDS = (
    ("doctor", "--json"),
    ("alerts", "--json"),
    ("notifiers", "--json"),
    ("notifiers", "--test", "echo"),
    ("tables", "--json"),
    ("sql", "SELECT * FROM core_quarantine", "--json"),
    ("probe", "--json"),
)


def settings_of():
    sources = "".join(
        f'[[sources]]\nname = "{name}"\nformat = "{name}"\nbilling = "api"\npaths = ["usage/{name}"]\n'
        + (MAPPING if name == "mapped" else "")
        for name in (*FORMAT_NAMES, "mapped")
    )
    return (
        sources
        + """
[gate]
max_quarantined_ratio = 1.0

[[services]]
name = "echo"
kind = "http"
url_env = "ECHO_URL"
token_env = "ECHO_TOKEN"

[[services]]
name = "gone"
kind = "http"
url_env = "GONE_URL"

[[services]]
name = "sessions"
kind = "redis"
url_env = "ANGRY_REDIS_URL"

[[caches]]
name = "answers"
url_env = "ANGRY_REDIS_URL"

[[notifiers]]
name = "echo"
kind = "webhook"
url_env = "HOOK_URL"
secret_env = "HOOK_SECRET"

[[notifiers]]
name = "gone"
kind = "slack"
url_env = "GONE_URL"

[dashboard]
port = 0

[alerts]
down_after_seconds = 0

[[budgets]]
name = "tiny"
limit_usd = 0.000001
period = "month"
"""
    )


def variables_of(garden, echo, angry, hook):
    seed, gone = garden.seed, free_port()
    return {
        "ECHO_URL": f"http://{seed('probe: user')}:{seed('probe: password')}@127.0.0.1:{echo}/{seed('probe: path')}",
        "ECHO_TOKEN": seed("probe: token"),
        "GONE_URL": f"http://{seed('gone: user')}:{seed('gone: password')}@127.0.0.1:{gone}/{seed('gone: path')}",
        "ANGRY_REDIS_URL": f"redis://{seed('redis: user')}:{seed('redis: password')}@127.0.0.1:{angry}/0",
        "HOOK_URL": f"http://{seed('hook: user')}:{seed('hook: password')}@127.0.0.1:{hook}/{seed('hook: path')}",
        "HOOK_SECRET": f"whsec_{seed('hook: secret')}",
        "SOPHIA_IDENTITY_SECRET": f"{seed('identity secret')}-and-some-more",
    }


def page_of(folder, path):
    server = connect_page(load_settings(folder), {}, utc_now)
    server.start()
    try:
        with urllib.request.urlopen(server.url.rstrip("/") + path, timeout=30) as answer:  # noqa: S310 - our own server
            return answer.read()
    finally:
        server.stop()


@pytest.fixture(scope="module")
def found(prefect_server, tmp_path_factory):
    """The places whose words are somewhere after a whole run under Prefect, and the files with them."""
    folder: Path = tmp_path_factory.mktemp("garden")
    garden, logged = Garden(), []
    garden.write(folder / "usage")
    handler = logging.Handler()
    handler.emit = lambda record: logged.append(logging.Formatter().format(record))
    told = http(503, garden.plant("probe: the answer").encode(), "text/plain")
    angry = raw(f"-ERR {garden.plant('redis: the answer')}\r\n".encode())
    with serving(told) as echo, serving(angry) as port, serving(told) as hook, pytest.MonkeyPatch.context() as patch:
        (folder / "sophia.toml").write_text(settings_of())
        for name, value in variables_of(garden, echo, port, hook).items():
            patch.setenv(name, value)
        patch.chdir(folder)
        logging.getLogger().addHandler(handler)
        try:
            state = run_pipeline(config=str(folder), checkpoint=True, return_state=True)
            printed = [CommandLine(folder)(*command).output for command in COMMANDS]
            pages = [page_of(folder, path) for path in PAGES]
        finally:
            logging.getLogger().removeHandler(handler)
        assert state.is_completed(), state.message
    with get_client(sync_client=True) as client:
        told_prefect = [
            *(each.model_dump_json() for each in client.read_logs()),
            *(each.model_dump_json() for each in client.read_artifacts()),
            *(each.model_dump_json() for each in client.read_flow_runs()),
            *(each.model_dump_json() for each in client.read_task_runs()),
        ]
    everything = [
        *((str(path), text) for path, text in texts_in(folder / ".sophia")),
        *((f"what {command} printed", text.encode()) for command, text in zip(COMMANDS, printed, strict=True)),
        *((f"the page {path}", text) for path, text in zip(PAGES, pages, strict=True)),
        ("the log", "\n".join(logged).encode()),
        ("what Prefect was told", "\n".join(told_prefect).encode()),
    ]
    summary = state.result()
    assert summary.counts.accepted > len(FORMAT_NAMES)
    assert summary.counts.quarantined > 0
    return {
        place: where
        for place, seed in garden.seeds.items()
        if (where := [name for name, text in everything if seed.encode() in text])
    }, garden


def test_every_place_of_every_format_was_planted(found):
    _, garden = found
    assert {place.partition(":")[0] for place in garden.seeds} >= {*FORMAT_NAMES, "mapped"}
    assert len(garden.seeds) > 80


def test_no_planted_text_is_anywhere_after_a_whole_run(found):
    leaks, _ = found
    assert leaks == {}
