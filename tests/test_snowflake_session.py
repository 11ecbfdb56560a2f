"""A session of Snowflake: every type both ways, transactions, and what is never sent."""

import threading
import time
from datetime import date, datetime
from decimal import Decimal

import polars as pl
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from polars.testing import assert_frame_equal

from sophia_metrics.errors import ConfigurationError, ProcessingError
from sophia_metrics.warehouse.snowflake.session import connect_session
from tests.snowflake_lab import Statements, fake_settings

pytest_plugins = ("tests.snowflake_fixtures",)

COLUMNS = (
    "word VARCHAR, day_on DATE, number BIGINT, money NUMBER(38,12), rate NUMBER(38,18), seen_at TIMESTAMP_NTZ(6), "
    "is_so BOOLEAN, ratio DOUBLE"
)
TYPES = {
    "word": pl.String(),
    "day_on": pl.Date(),
    "number": pl.Int64(),
    "money": pl.Decimal(38, 12),
    "rate": pl.Decimal(38, 18),
    "seen_at": pl.Datetime("us"),
    "is_so": pl.Boolean(),
    "ratio": pl.Float64(),
}
FULL = {
    "word": "ü'\"\\ \n{}? :1 $1",
    "day_on": date(2026, 11, 23),
    "number": -(2**63),
    "money": Decimal("12345678901234567890123456.123456789012"),
    "rate": Decimal("-0.000000000000000001"),
    "seen_at": datetime(2026, 11, 23, 23, 59, 59, 999999),
    "is_so": False,
    "ratio": 0.1,
}
EMPTY = dict.fromkeys(FULL)
OLD = FULL | {"seen_at": datetime(1969, 12, 31, 23, 59, 59, 1), "day_on": date(1, 1, 1), "ratio": 1e-300, "word": ""}


@pytest.fixture(params=["http", "patched"])
def session(request):
    """A session on a schema with one table of every type, over HTTP and in-process."""
    lab = request.getfixturevalue("snowflake" if request.param == "http" else "patched_snowflake")
    opened = lab.session()
    opened.run(f"CREATE TABLE things ({COLUMNS})")
    opened.run("CREATE TABLE write_lock (lock_name VARCHAR, turn BIGINT)")
    opened.run("INSERT INTO write_lock VALUES ('write', 0)")
    return opened


def frame(*rows):
    return pl.DataFrame(list(rows), schema=TYPES)


def insert(session, rows):
    session.register("incoming", rows)
    answer = session.execute(f"INSERT INTO things BY NAME SELECT {', '.join(rows.columns)} FROM incoming")
    session.unregister("incoming")
    return answer.fetchall()


def test_a_frame_comes_back_as_it_went_in(session):
    rows = frame(FULL, EMPTY, OLD)

    assert insert(session, rows) == [(3,)]
    assert_frame_equal(session.fetch_frame("SELECT * FROM things"), rows, check_row_order=False)


def test_rows_come_back_as_tuples_of_the_same_values(session):
    insert(session, frame(FULL, EMPTY))

    rows = session.execute("SELECT * FROM things ORDER BY word NULLS LAST").fetchall()

    assert rows == [tuple(FULL.values()), tuple(EMPTY.values())]


def test_a_parameter_of_each_type_finds_its_row(session):
    insert(session, frame(FULL, EMPTY))

    counts = {
        name: session.execute(f"SELECT count(*) FROM things WHERE {name} = $1", [value]).fetchall()
        for name, value in FULL.items()
    }

    assert counts == {name: [(1,)] for name in FULL}


def test_a_parameter_of_each_type_is_inserted_and_so_is_none(session):
    statement = f"INSERT INTO things ({', '.join(FULL)}) VALUES ({', '.join(f'${name}' for name in FULL)})"

    for row in (FULL, EMPTY, OLD):
        session.execute(statement, row)

    assert_frame_equal(session.fetch_frame("SELECT * FROM things"), frame(FULL, EMPTY, OLD), check_row_order=False)


def test_parameters_are_bound_by_name_and_by_place_however_often_they_stand(session):
    query = "SELECT $b AS first, $a AS second, $b AS third"

    assert session.execute(query, {"a": 1, "b": "x"}).fetchall() == [("x", 1, "x")]
    assert session.execute("SELECT $2, $1, $2", ["x", 7]).fetchall() == [(7, "x", 7)]


@pytest.mark.parametrize(
    ("days", "count"),
    [([date(2026, 11, 23), date(2020, 1, 1)], 1), ([date(2020, 1, 1)], 0), ([], 0), (None, 2)],
)
def test_a_list_is_what_a_column_is_in_and_none_is_no_limit(session, days, count):
    insert(session, frame(FULL, EMPTY))

    query = "SELECT count(*) FROM things WHERE $1 IS NULL OR list_contains($1, day_on)"

    assert session.execute(query, [days]).fetchall() == [(count,)]


def test_a_long_list_is_one_value(snowflake):
    session = snowflake.session()
    session.run("CREATE TABLE paths (path VARCHAR)")
    session.run("INSERT INTO paths VALUES ('p1'), ('p19999'), ('p20000'), (NULL)")

    answer = session.execute(
        "DELETE FROM paths WHERE list_contains($1, path)", [[f"p{place}" for place in range(20_000)]]
    )

    assert answer.fetchall() == [(2,)]
    assert snowflake.statements.texts[-1].count("?") == 1


def test_lists_of_the_same_length_are_rows(session):
    insert(session, frame(FULL, EMPTY))
    given = "(SELECT unnest($1::VARCHAR[]) AS word, unnest($2::DATE[]) AS day_on) AS given"
    condition = "things.word = given.word AND things.day_on = given.day_on"

    query = f"DELETE FROM things USING {given} WHERE {condition}"
    parameters = [[FULL["word"], "other"], [FULL["day_on"], FULL["day_on"]]]

    assert session.execute(query, parameters).fetchall() == [(1,)]


@pytest.mark.parametrize(
    ("query", "parameters", "words"),
    [
        ("SELECT $1", [], "the parameter $1 has no value"),
        ("SELECT 1", [1], "the statement has no parameter $1"),
        ("SELECT $1", [datetime.fromisoformat("2026-01-01T00:00:00+00:00")], "has a time zone"),
        ("SELECT $1", [Decimal("1e39")], "a decimal of more than 38 digits"),
        ("SELECT $1", [Decimal("NaN")], "a decimal that is no number"),
        ("SELECT $1", [[1]], "$1 is a list: it stands in list_contains or in unnest only"),
        ("SELECT 1; SELECT 2", None, "one statement at a time"),
    ],
)
def test_what_cannot_be_bound_is_refused_before_anything_is_sent(session, query, parameters, words):
    with pytest.raises(ValueError, match=words.replace("$", r"\$")):
        session.execute(query, parameters)


def test_changes_answer_with_the_number_of_rows(session):
    insert(session, frame(FULL, EMPTY))

    updated = session.execute("UPDATE things SET number = 1 WHERE word IS NULL").fetchall()
    merged = session.run(
        "MERGE INTO things USING (SELECT 'new' AS word) AS fresh ON things.word = fresh.word "
        "WHEN NOT MATCHED THEN INSERT (word) VALUES (fresh.word)"
    ).fetchall()
    deleted = session.execute("DELETE FROM things").fetchall()

    assert (updated, merged, deleted) == ([(1,)], [(1,)], [(3,)])


def test_sums_of_money_keep_every_digit(session):
    insert(session, frame(FULL, FULL | {"money": Decimal("0.000000000001")}))

    found = session.fetch_frame("SELECT sum(money) AS money FROM things")

    assert found["money"].to_list() == [Decimal("12345678901234567890123456.123456789013")]


def test_a_frame_without_rows_is_typed_and_changes_nothing(session):
    assert insert(session, frame()) == [(0,)]
    assert session.fetch_frame("SELECT * FROM things").schema == pl.Schema(TYPES)


def test_a_frame_of_many_rows_goes_in_several_texts(snowflake):
    session = snowflake.session()
    session.run("CREATE TABLE words (word VARCHAR)")
    session.register("incoming", pl.DataFrame({"word": [f"{place:06} {'x' * 1000}" for place in range(2500)]}))

    session.execute("INSERT INTO words BY NAME SELECT word FROM incoming")

    assert snowflake.statements.texts[-1].count("PARSE_JSON(?)") == 3  # 2.5 MB, one each
    assert session.execute("SELECT count(DISTINCT word) FROM words").fetchall() == [(2500,)]


def test_a_frame_that_is_too_large_for_a_statement_is_refused(snowflake):
    session = snowflake.session()
    session.register("incoming", pl.DataFrame({"word": ["x" * 900_000] * 40}))

    with pytest.raises(ProcessingError, match="the frame incoming with 40 rows is too large"):
        session.execute("SELECT count(*) FROM incoming")


def test_a_frame_of_a_type_that_no_table_has_is_refused(snowflake):
    session = snowflake.session()
    session.register("incoming", pl.DataFrame({"words": [["a"]]}))

    with pytest.raises(ValueError, match="cannot have a column of type List"):
        session.execute("SELECT * FROM incoming")


def test_an_insert_without_columns_names_those_of_the_table(snowflake):
    session = snowflake.session()
    session.run("CREATE TABLE schema_migrations (applied_at TIMESTAMP_NTZ(6), migration VARCHAR)")

    session.execute("INSERT INTO schema_migrations VALUES ($1, $2)", ["m001", datetime(2026, 1, 1)])

    assert session.execute("SELECT migration FROM schema_migrations").fetchall() == [("m001",)]


def test_a_transaction_is_kept_as_a_whole(session):
    with session.transaction():
        insert(session, frame(FULL))
        session.execute("UPDATE things SET number = 5")

    assert session.execute("SELECT number FROM things").fetchall() == [(5,)]


def test_a_transaction_that_fails_leaves_nothing(session):
    insert(session, frame(EMPTY))

    def change_in_vain():
        with session.transaction():
            session.execute("DELETE FROM things")
            session.run("SELECT 'x'::DATE")

    with pytest.raises(ProcessingError):
        change_in_vain()
    assert session.execute("SELECT count(*) FROM things").fetchall() == [(1,)]


def test_what_stops_a_transaction_from_outside_leaves_nothing_too(session):
    def change_and_stop():
        with session.transaction():
            insert(session, frame(FULL))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        change_and_stop()
    assert session.execute("SELECT count(*) FROM things").fetchall() == [(0,)]


@pytest.mark.parametrize(
    "statement",
    ["DROP TABLE things", "create table more (a INT)", "TRUNCATE TABLE things", "ALTER TABLE things ADD COLUMN a INT"],
)
def test_what_would_commit_a_transaction_is_refused_and_rolls_it_back(session, statement):
    def change_and_commit():
        with session.transaction():
            insert(session, frame(FULL))
            session.run(statement)

    with pytest.raises(RuntimeError, match="would commit the transaction"):
        change_and_commit()
    assert session.execute("SELECT count(*) FROM things").fetchall() == [(0,)]


@pytest.mark.parametrize("statement", ["BEGIN", "COMMIT", "ROLLBACK"])
def test_only_a_transaction_begins_and_ends_one(session, statement):
    with pytest.raises(RuntimeError):
        session.run(statement)


def test_there_is_one_transaction_at_a_time(session):
    with pytest.raises(RuntimeError, match="under way already"), session.transaction(), session.transaction():
        pass


def test_the_lock_is_taken_before_anything_else_is_done(snowflake):
    session = snowflake.session()
    session.run("CREATE TABLE write_lock (lock_name VARCHAR, turn BIGINT)")
    session.run("INSERT INTO write_lock VALUES ('write', 0)")
    snowflake.statements.texts.clear()

    with session.transaction():
        session.execute("SELECT 1")

    assert snowflake.statements.verbs == ["BEGIN", "UPDATE", "SELECT", "COMMIT"]
    assert session.execute("SELECT turn FROM write_lock").fetchall() == [(1,)]


def test_two_writers_wait_for_each_other_and_the_second_sees_what_the_first_did(snowflake):
    # On the server DuckDB would let the second UPDATE fail: tests/snowflake_lab.py lets it wait, as Snowflake does.
    first = snowflake.session()
    first.run("CREATE TABLE write_lock (lock_name VARCHAR, turn BIGINT)")
    first.run("INSERT INTO write_lock VALUES ('write', 0)")
    first.run("CREATE TABLE things (word VARCHAR)")
    second_sent, found = Statements(), []
    second = snowflake.session(observe=second_sent)

    def count() -> None:
        with second.transaction():
            found.append(second.execute("SELECT count(*) FROM things").fetchall())

    waiting = threading.Thread(target=count)
    with first.transaction():
        waiting.start()
        deadline = time.monotonic() + 10
        while second_sent.verbs != ["BEGIN", "UPDATE"] and time.monotonic() < deadline:
            time.sleep(0.01)
        first.run("INSERT INTO things VALUES ('a')")
        assert found == []
    waiting.join()

    assert second_sent.verbs == ["BEGIN", "UPDATE", "SELECT", "COMMIT"]
    assert found == [[(1,)]]
    assert first.execute("SELECT turn FROM write_lock").fetchall() == [(2,)]


def test_a_key_pair_logs_in(snowflake_server, tmp_path):
    key = rsa.generate_private_key(65537, 2048)
    path = tmp_path / "key.p8"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    settings = fake_settings(snowflake_server, private_key_path=path)

    with connect_session(settings, {}.get) as session:
        assert session.execute("SELECT 1").fetchall() == [(1,)]


def test_without_its_lock_nothing_is_written(snowflake):
    session = snowflake.session()
    session.run("CREATE TABLE write_lock (lock_name VARCHAR, turn BIGINT)")

    with pytest.raises(ConfigurationError, match="write_lock holds no row"), session.transaction():
        session.execute("DELETE FROM write_lock")

    assert snowflake.statements.verbs[-3:] == ["BEGIN", "UPDATE", "ROLLBACK"]
