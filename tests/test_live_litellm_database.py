"""LiteLLM's own PostgreSQL, from the proxy's ledger to ours."""

import asyncio
import json
from datetime import datetime, timedelta

import pytest

from sophia_metrics.connect import connect_reach
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.services import HealthStatus
from tests.live_lab import LiveLab
from tests.postgres_server import PASSWORD, PostgresServer, postgres_folder
from tests.vendors.litellm import KEY, PROMPT, Call, LiteLLM
from tests.vendors.server import VendorServer

PROGRAMS = postgres_folder()
pytestmark = pytest.mark.skipif(PROGRAMS is None, reason="no PostgreSQL: install the package postgresql")

NOW = datetime(2026, 11, 20, 12, 30)
START = datetime(2026, 11, 20, 6)
TABLE = """
CREATE TABLE "LiteLLM_SpendLogs" (
    request_id TEXT PRIMARY KEY, call_type TEXT NOT NULL, api_key TEXT NOT NULL DEFAULT '',
    spend DOUBLE PRECISION NOT NULL DEFAULT 0, total_tokens INTEGER NOT NULL DEFAULT 0,
    prompt_tokens INTEGER NOT NULL DEFAULT 0, completion_tokens INTEGER NOT NULL DEFAULT 0,
    "startTime" TIMESTAMP(3) NOT NULL, "endTime" TIMESTAMP(3) NOT NULL, "completionStartTime" TIMESTAMP(3),
    model TEXT NOT NULL DEFAULT '', model_group TEXT DEFAULT '', custom_llm_provider TEXT DEFAULT '',
    cache_hit TEXT DEFAULT '', request_tags JSONB DEFAULT '[]', "user" TEXT DEFAULT '', end_user TEXT,
    team_id TEXT, organization_id TEXT, session_id TEXT, metadata JSONB DEFAULT '{}', messages JSONB DEFAULT '{}',
    response JSONB DEFAULT '{}', proxy_server_request JSONB DEFAULT '{}', status TEXT
)
"""
"""As the proxy's migrations make it."""


@pytest.fixture(scope="module")
def server():
    with PostgresServer.running(PROGRAMS) as server:
        yield server


@pytest.fixture
def database(server, monkeypatch):
    monkeypatch.setenv("LITELLM_DATABASE_URL", f"{server.url}?schema=public&connection_limit=10&sslmode=disable")
    _run(server, f"DROP SCHEMA public CASCADE; CREATE SCHEMA public; {TABLE}")
    return server


@pytest.fixture
def lab(tmp_path):
    return LiveLab(tmp_path, [{"name": "gateway", "format": "litellm_database", "since": "2026-11-20"}])


def _run(server, statement, *values):
    asyncio.run(server.execute(statement, *values))


def _log(server, calls):
    rows = json.dumps([call.row for call in calls], default=datetime.isoformat)
    _run(
        server,
        'INSERT INTO "LiteLLM_SpendLogs" SELECT * FROM jsonb_populate_recordset(NULL::"LiteLLM_SpendLogs", $1::jsonb)',
        rows,
    )


def _count(lab):
    return lab.rows("SELECT count(*) AS n FROM core_usage_events", NOW)["n"][0]


def test_our_cost_is_the_ledgers_to_the_cent(database, lab):
    ledger = LiteLLM()
    ledger.use(START, hours=6)
    _log(database, ledger.calls)
    lab.collect(NOW)

    assert lab.last["gateway"].finding is None
    assert _count(lab) == len(ledger.calls)
    assert lab.usd("gateway", NOW) == ledger.usd(START, NOW)


def test_the_database_and_the_proxy_give_the_same_rows(database, tmp_path, monkeypatch):
    monkeypatch.setenv("LITELLM_API_KEY", KEY)
    proxy = LiteLLM()
    proxy.use(START, hours=6)
    proxy.calls.append(Call("extra", START, extra_usage={"image_tokens": 5}, tags=("feature:chat", "team:a")))
    _log(database, proxy.calls)
    with VendorServer(proxy) as web:
        api = {"base_url": web.url, "requests_per_minute": 60000, "since": "2026-11-20"}
        lab = LiveLab(
            tmp_path,
            [
                {"name": "web", "format": "litellm_spend", **api},
                {"name": "table", "format": "litellm_database", "since": "2026-11-20", "role": "reconcile"},
            ],
        )
        lab.collect(NOW)

    own = "event_id, source, source_role, ingested_at, attempt_id"
    rows = {
        source: lab.rows(
            f"SELECT * EXCLUDE ({own}) FROM core_usage_events WHERE source = '{source}' ORDER BY request_id", NOW
        ).rows()
        for source in ("web", "table")
    }
    assert len(rows["web"]) == len(proxy.calls)
    assert rows["table"] == rows["web"]


def test_calls_of_one_instant_are_not_lost_between_two_pages(database, lab):
    _log(database, [Call(f"c{number:05}", START) for number in range(5_001)])
    pulled = lab.pull("gateway", NOW)

    assert (pulled.finding, pulled.row_count) == (None, 5_001)


def test_a_call_that_is_logged_hours_after_its_start_is_found(database, lab):
    _log(database, [Call("a", START)])
    lab.collect(NOW)
    _log(database, [Call("late", START + timedelta(minutes=7))])
    lab.collect(NOW + timedelta(hours=4))

    assert _count(lab) == 2


def test_the_hour_that_runs_is_read_as_far_as_it_is(database, lab):
    _log(database, [Call("a", NOW - timedelta(minutes=2))])
    lab.collect(NOW)
    _log(database, [Call("b", NOW - timedelta(minutes=1))])
    lab.collect(NOW + timedelta(minutes=1))

    assert _count(lab) == 2


def test_nothing_that_people_wrote_is_in_any_file(database, lab):
    _log(database, [Call("a", START), Call("b", START, status="failure")])
    lab.collect(NOW)
    lab.pull("gateway", NOW + timedelta(hours=1))

    files = [path for path in (lab.folder / ".sophia").rglob("*") if path.is_file()]
    assert len(files) > 3
    assert not [path for path in files if PROMPT.encode() in path.read_bytes()]


def test_metadata_that_the_proxy_wrote_as_a_text_is_read(database, lab):
    _log(database, [Call("a", START, uncached=60, read=40)])
    _run(database, 'UPDATE "LiteLLM_SpendLogs" SET metadata = to_jsonb(metadata::text)')
    lab.collect(NOW)

    told = lab.rows("SELECT input_tokens, cache_read_tokens FROM core_usage_events", NOW).row(0)
    assert told == (60, 40)


def test_columns_of_later_versions_may_be_absent(database, lab):
    _log(database, [Call("a", START)])
    for column in ("organization_id", "session_id", "status"):
        _run(database, f'ALTER TABLE "LiteLLM_SpendLogs" DROP COLUMN {column}')
    lab.collect(NOW)

    assert _count(lab) == 1


def test_the_session_can_write_nothing_and_has_a_deadline(database, lab):
    _log(database, [Call("a", START)])
    _run(
        database,
        'ALTER TABLE "LiteLLM_SpendLogs" RENAME TO logs; CREATE TABLE seen (limits TEXT, mode TEXT); '
        'CREATE VIEW "LiteLLM_SpendLogs" AS SELECT * FROM logs WHERE '
        "current_setting('transaction_read_only') = 'on' AND current_setting('statement_timeout') = '1min'",
    )
    pulled = lab.pull("gateway", NOW)

    assert (pulled.finding, pulled.row_count) == (None, 1)


def test_a_statement_that_takes_too_long_is_a_finding(database, tmp_path):
    lab = LiveLab(
        tmp_path,
        [{"name": "gateway", "format": "litellm_database", "since": "2026-11-20", "deadline_seconds": 1}],
    )
    _log(database, [Call("a", START)])
    _run(
        database,
        'ALTER TABLE "LiteLLM_SpendLogs" RENAME TO logs; CREATE VIEW "LiteLLM_SpendLogs" AS '
        "SELECT * FROM logs WHERE (SELECT pg_sleep(30)) IS NOT NULL",
    )
    finding = lab.pull("gateway", NOW).finding

    assert "longer than 1 s" in finding


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda url: url.replace(PASSWORD, "wrong-secret"), "refuses the user, the password or the name"),
        (lambda url: url.replace("/postgres", "/elsewhere"), "refuses the user, the password or the name"),
        (lambda url: url + "?schema=other", 'no "other"."LiteLLM_SpendLogs"'),
        (lambda _: "mysql://proxy:wrong-secret@127.0.0.1/db", "no address of PostgreSQL"),
        (lambda _: "", "LITELLM_DATABASE_URL is not set"),
    ],
)
def test_what_is_wrong_with_an_address_is_said_without_it(database, lab, monkeypatch, change, words):
    monkeypatch.setenv("LITELLM_DATABASE_URL", change(database.url))

    finding = lab.pull("gateway", NOW).finding
    assert words in finding
    assert PASSWORD not in finding
    assert "wrong-secret" not in finding


def test_a_user_who_may_not_read_the_table_is_told_what_to_grant(database, lab, monkeypatch):
    _run(database, "DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN PASSWORD 'reader'")
    monkeypatch.setenv("LITELLM_DATABASE_URL", database.url.replace(f"proxy:{PASSWORD}", "reader:reader"))

    assert "grant USAGE" in lab.pull("gateway", NOW).finding


def test_doctor_says_that_the_table_can_be_read(database, lab):
    health = asyncio.run(connect_reach(lab.settings, lab.source("gateway"), NOW).health_check())

    assert health.status is HealthStatus.HEALTHY


def test_a_base_url_has_no_place_where_the_address_is_a_secret(tmp_path):
    source = {"name": "gateway", "format": "litellm_database", "base_url": "https://litellm.example.com"}
    with pytest.raises(ConfigurationError, match="takes no base_url"):
        LiveLab(tmp_path, [source]).pull("gateway", NOW)
