"""What Snowflake refuses, and where it does not answer: which of our errors it is, what it says, and what is repeated."""

import contextlib
import logging
import traceback

import pytest

from sophia_metrics.errors import ConfigurationError, ProcessingError, ServiceUnavailableError
from sophia_metrics.services import HealthStatus
from sophia_metrics.warehouse.snowflake.checking import check_session
from sophia_metrics.warehouse.snowflake.failures import LostCommitError
from tests.snowflake_front import LOGIN, Fault, Refusal, Status, front_of
from tests.snowflake_lab import PASSWORD, SnowflakeLab, fake_settings

pytest_plugins = ("tests.snowflake_fixtures",)

LOCK = "CREATE TABLE write_lock (lock_name VARCHAR, turn BIGINT)"


@pytest.fixture
def alone():
    """A front with nothing behind it, and sessions on it."""
    with front_of(None) as front:
        lab = SnowflakeLab(fake_settings(front.place), {"SNOWFLAKE_PASSWORD": PASSWORD})
        yield front, lab
        lab.close()


@pytest.fixture
def fronted(snowflake_server):
    """A front of the fakesnow server, and sessions through it on a schema with a lock and a table."""
    with front_of(snowflake_server) as front:
        lab = SnowflakeLab(fake_settings(front.place), {"SNOWFLAKE_PASSWORD": PASSWORD})
        session = lab.session()
        session.run(LOCK)
        session.run("INSERT INTO write_lock VALUES ('write', 0)")
        session.run("CREATE TABLE things (word VARCHAR)")
        front.seen.clear()
        yield front, lab, session
        lab.close()


def answering(fault, *words, times=1_000_000):
    """Return what decides on a fault for requests that start with one of some words, so many times."""
    left = [times]

    def decide(request):
        if not request.upper().startswith(words) or left[0] == 0:
            return None
        left[0] -= 1
        return fault

    return decide


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (
            Refusal(390100, message="Incorrect username or password was specified."),
            ConfigurationError,
            "SNOWFLAKE_PASSWORD",
        ),
        (Refusal(390144, message="JWT token is invalid."), ConfigurationError, "SET RSA_PUBLIC_KEY"),
        (
            Refusal(390189, message="Role 'X' specified is not granted"),
            ConfigurationError,
            "GRANT ROLE SOPHIA_METRICS TO USER",
        ),
        (
            Refusal(390201, message="The requested database does not exist"),
            ConfigurationError,
            "check database, schema_name",
        ),
        (Refusal(390318, message="OAuth access token expired."), ConfigurationError, "the token has expired"),
        (
            Refusal(390422, message="Incoming request with IP is not allowed to access Snowflake"),
            ConfigurationError,
            "network policy",
        ),
        (
            Refusal(390102, message="Your user account has been temporarily locked"),
            ConfigurationError,
            "the user is locked",
        ),
        (Refusal(390999, message="Something new"), ConfigurationError, "check account, user, role"),
        (Status(403), ConfigurationError, "check account = 'fakesnow'"),
        (Status(404), ConfigurationError, "check account = 'fakesnow'"),
        (Status(500), ServiceUnavailableError, "does not answer"),
        (Status(503), ServiceUnavailableError, "does not answer"),
        (Status(429), ServiceUnavailableError, "does not answer"),
        (Fault.CUT_BEFORE, ServiceUnavailableError, "does not answer"),
    ],
)
def test_a_login_that_fails_says_who_has_to_do_what(alone, answer, kind, words):
    front, lab = alone
    front.decide = answering(answer, LOGIN)
    settings = lab.settings.model_copy(update={"login_timeout_seconds": 1})

    with pytest.raises(kind, match="the login to Snowflake as SOPHIA_METRICS failed") as caught:
        lab.session(settings).execute("SELECT 1")

    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (
            Refusal(2003, "02000", "Object 'SOPHIA_AI.X.THINGS' does not exist or not authorized."),
            ConfigurationError,
            "sophia_ai.x.things does not exist",
        ),
        (
            Refusal(3001, "42501", "Insufficient privileges"),
            ConfigurationError,
            "GRANT SELECT, DELETE ON ALL TABLES IN SCHEMA",
        ),
        (
            Refusal(606, "57P03", "No active warehouse selected"),
            ConfigurationError,
            "GRANT USAGE ON WAREHOUSE SOPHIA_AI_WH",
        ),
        (Refusal(90105, "22000", "no current database"), ConfigurationError, "check database and schema_name"),
        (Refusal(625, "57014", "has locked table"), ServiceUnavailableError, "holds the lock"),
        (
            Refusal(630, "57014", "reached its statement timeout"),
            ServiceUnavailableError,
            "statement_timeout_seconds = 20",
        ),
        (Refusal(604, "57014", "SQL execution canceled"), ServiceUnavailableError, "was stopped"),
        (
            Refusal(
                90073, "22000", "Warehouse 'W' cannot be resumed because resource monitor 'M' has exceeded its quota."
            ),
            ServiceUnavailableError,
            "over its quota",
        ),
        (Refusal(390111, "08001", "Session no longer exists."), ServiceUnavailableError, "the session has ended"),
        (Refusal(300002, "XX000", "Processing aborted by error 300002"), ServiceUnavailableError, "failed by itself"),
        (Refusal(1003, "42000", "syntax error"), ProcessingError, "the statement or its data are wrong"),
        (
            Refusal(100038, "22018", "Numeric value 'abc' is not recognized"),
            ProcessingError,
            "the statement or its data are wrong",
        ),
        (Refusal(904, "42000", "invalid identifier"), ProcessingError, "the statement or its data are wrong"),
        (Status(401), ServiceUnavailableError, "had no answer"),
        (Status(403), ServiceUnavailableError, "had no answer"),
        (Status(429), ServiceUnavailableError, "had no answer"),
        (Status(500), ServiceUnavailableError, "had no answer"),
        (Status(503), ServiceUnavailableError, "had no answer"),
        (Fault.CUT_BEFORE, ServiceUnavailableError, "had no answer"),
        (Fault.HANG, ServiceUnavailableError, "had no answer"),
    ],
)
def test_a_statement_that_fails_says_what_to_do(alone, answer, kind, words):
    front, lab = alone
    front.decide = answering(answer, "DELETE")

    with pytest.raises(kind, match=r"^Snowflake: DELETE FROM things ") as caught:
        lab.session(answer_within_seconds=1).execute("DELETE FROM things WHERE word = $1", ["planted-value"])

    assert words in str(caught.value)
    assert front.seen.count("DELETE FROM things WHERE word = ?") == 1


def test_what_reads_is_tried_again_until_it_is_answered(fronted):
    front, lab, _ = fronted
    front.decide = answering(Status(503), "SELECT", times=2)

    assert lab.session(retry_seconds=20).execute("SELECT 1").fetchall() == [(1,)]
    assert front.seen.count("SELECT 1") == 3


@pytest.mark.parametrize("made", ["TABLE {} (word VARCHAR)", "VIEW {} AS SELECT word FROM things"])
def test_what_is_made_where_it_is_missing_is_tried_again(fronted, made):
    front, lab, session = fronted
    front.decide = answering(Fault.CUT_AFTER, "CREATE", times=1)

    lab.session(retry_seconds=20).run(f"CREATE {made.format('IF NOT EXISTS words')}")

    assert session.execute("SELECT count(*) FROM words").fetchall() == [(0,)]


@pytest.mark.parametrize("fault", [Fault.CUT_AFTER, Fault.CUT_BEFORE, Status(503)])
def test_what_writes_is_never_sent_twice(fronted, fault):
    front, lab, session = fronted
    front.decide = answering(fault, "INSERT", times=1)

    with pytest.raises(ServiceUnavailableError):
        lab.session(retry_seconds=20).run("INSERT INTO things VALUES ('a')")

    count = 1 if fault is Fault.CUT_AFTER else 0
    assert session.execute("SELECT count(*) FROM things").fetchall() == [(count,)]


def test_a_session_that_has_ended_is_begun_again(fronted):
    front, lab, session = fronted
    front.decide = answering(Refusal(390114, "08001", "Authentication token has expired."), "INSERT", times=1)

    lab.session(retry_seconds=20).run("INSERT INTO things VALUES ('a')")

    assert front.seen.count(LOGIN) == 2
    assert session.execute("SELECT count(*) FROM things").fetchall() == [(1,)]


@pytest.mark.parametrize("fault", [Fault.CUT_AFTER, Fault.CUT_BEFORE, Status(500), Refusal(390111, "08001", "gone")])
@pytest.mark.parametrize("verb", ["UPDATE", "INSERT", "SELECT"])
def test_inside_a_transaction_nothing_is_repeated_and_nothing_stays(fronted, fault, verb):
    front, lab, session = fronted
    writer = lab.session(retry_seconds=20)
    front.decide = answering(fault, verb, times=1)

    def write():
        with writer.transaction():
            writer.run("INSERT INTO things VALUES ('a')")
            writer.execute("SELECT 1")

    with pytest.raises(ServiceUnavailableError):
        write()

    assert len([each for each in front.seen if each.startswith(verb)]) == 1
    assert session.execute("SELECT count(*) FROM things").fetchall() == [(0,)]
    write()  # the lock is free, and the session is of use
    assert session.execute("SELECT count(*) FROM things").fetchall() == [(1,)]


def test_a_transaction_in_which_something_failed_is_not_committed_whoever_passes_over_it(fronted):
    front, lab, session = fronted
    writer = lab.session(retry_seconds=20)
    front.decide = answering(Refusal(390111, "08001", "gone"), "SELECT", times=1)

    def write():
        with writer.transaction():
            writer.run("INSERT INTO things VALUES ('a')")
            with contextlib.suppress(ServiceUnavailableError):
                writer.execute("SELECT 1")
            with contextlib.suppress(ServiceUnavailableError):
                writer.run("INSERT INTO things VALUES ('b')")

    with pytest.raises(ServiceUnavailableError, match="SELECT failed"):
        write()

    assert "INSERT INTO things VALUES ('b')" not in front.seen
    assert session.execute("SELECT count(*) FROM things").fetchall() == [(0,)]


@pytest.mark.parametrize(("fault", "count"), [(Fault.CUT_AFTER, 1), (Fault.CUT_BEFORE, 0), (Status(503), 0)])
def test_a_commit_whose_answer_is_lost_is_not_sent_again(fronted, fault, count):
    front, lab, session = fronted
    writer = lab.session(retry_seconds=20)
    front.decide = answering(fault, "COMMIT", times=1)

    def write():
        with writer.transaction():
            writer.run("INSERT INTO things VALUES ('a')")

    with pytest.raises(LostCommitError, match="look into the ledger"):
        write()

    assert front.seen.count("COMMIT") == 1
    assert session.execute("SELECT count(*) FROM things").fetchall() == [(count,)]
    write()
    assert session.execute("SELECT count(*) FROM things").fetchall() == [(count + 1,)]


def test_a_commit_that_is_refused_leaves_nothing(fronted):
    front, _, session = fronted
    front.decide = answering(Refusal(630, "57014", "timeout"), "COMMIT", times=1)

    def write():
        with session.transaction():
            session.run("INSERT INTO things VALUES ('a')")

    with pytest.raises(ServiceUnavailableError, match="COMMIT failed"):
        write()

    assert session.execute("SELECT count(*) FROM things").fetchall() == [(0,)]


@pytest.mark.parametrize("fault", [Fault.CUT_AFTER, Fault.CUT_BEFORE])
def test_a_transaction_whose_beginning_is_lost_begins_in_another_session(fronted, fault):
    front, lab, session = fronted
    writer = lab.session(retry_seconds=20)
    front.decide = answering(fault, "BEGIN", times=1)

    with writer.transaction():
        writer.run("INSERT INTO things VALUES ('a')")

    assert front.seen.count(LOGIN) == 2
    assert session.execute("SELECT count(*) FROM things").fetchall() == [(1,)]


def test_a_rollback_that_is_lost_ends_the_session(fronted):
    front, lab, session = fronted
    writer = lab.session()
    front.decide = answering(Fault.CUT_BEFORE, "ROLLBACK")

    def write():
        with writer.transaction():
            writer.run("INSERT INTO things VALUES ('a')")
            raise KeyError

    with pytest.raises(KeyError):
        write()

    assert any("delete=true" in each for each in front.seen)
    with session.transaction():  # the lock is free
        assert session.execute("SELECT count(*) FROM things").fetchall() == [(0,)]


@pytest.mark.parametrize(
    ("fault", "words", "status"),
    [
        (answering(Refusal(390100, message="Incorrect username"), LOGIN), LOGIN, HealthStatus.DOWN),
        (answering(Status(503), "SHOW"), "SHOW", HealthStatus.DOWN),
        (lambda _: None, "the first run makes", HealthStatus.HEALTHY),
    ],
)
def test_a_check_says_how_it_is_and_wakes_no_warehouse(fronted, fault, words, status):
    front, lab, _ = fronted
    front.decide = fault

    health = check_session(lab.session())

    assert health.status is status
    assert words.lower() in health.message.lower()
    assert [each for each in front.seen if each != LOGIN and not each.startswith("SHOW")] == []


@pytest.mark.parametrize(
    "answer", [Refusal(390100), Refusal(1003, "42000", "near planted-value"), Status(500), Fault.CUT_BEFORE]
)
def test_no_secret_and_no_value_is_in_an_error_a_log_or_a_name(alone, caplog, answer):
    front, lab = alone
    front.decide = answering(answer, LOGIN if answer == Refusal(390100) else "SELECT")
    settings = lab.settings.model_copy(update={"login_timeout_seconds": 1})
    session = lab.session(settings)

    with (
        caplog.at_level(logging.INFO),
        caplog.at_level(logging.INFO, "snowflake.connector"),  # as somebody who wants to see more
        pytest.raises((ConfigurationError, ProcessingError, ServiceUnavailableError)) as caught,
    ):
        session.execute("SELECT $1", ["planted-value"])

    ours = "".join((str(caught.value), repr(caught.value), repr(session), repr(settings), caplog.text))
    whole = "".join(traceback.format_exception(caught.value))
    assert "planted-value" not in ours
    assert PASSWORD not in ours + whole
