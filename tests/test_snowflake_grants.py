"""The script of grants: it gives what the statements of this program need, and no more."""

from datetime import datetime

import pytest
import sqlglot
from sqlglot import exp

from sophia_metrics.connect import snowflake_grants
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.settings import Settings, SourceSettings
from sophia_metrics.warehouse.snowflake.dialect import parse
from sophia_metrics.warehouse.snowflake.grants import MOVING_VERBS, SINK_VERBS, VERBS
from sophia_metrics.warehouse.snowflake.portability import tables_read
from sophia_metrics.warehouse.snowflake.settings import AnalyticsSinkSettings, SnowflakeSettings
from sophia_metrics.warehouse.snowflake.tables import MIGRATIONS, prepare, table_statements, view_statements
from tests.everything_sent import send_everything
from tests.grants_lab import granted, needed
from tests.test_snowflake_statements import statements

pytest_plugins = ("tests.snowflake_fixtures",)

NOW = datetime(2026, 11, 23, 12)
CONNECTION = SnowflakeSettings(account="org-account", user="sophia@example.com", role="SOPHIA_METRICS")
SOURCES = tuple(SourceSettings(name=name, format=f"snowflake_{name}") for name in ("analytics", "cortex", "credits"))


def script(
    tmp_path,
    *,
    read_role: str | None = None,
    role: str | None = None,
    warehouse="snowflake",
    moving=False,
    **connection,
) -> str:
    settings = Settings(
        home=tmp_path,
        warehouse=warehouse,
        snowflake=CONNECTION.model_copy(update=connection),
        sources=SOURCES if connection.pop("with_sources", True) else (),
    )
    return snowflake_grants(settings, role=role, read_role=read_role, is_moving=moving)


def test_every_statement_of_the_script_is_one_of_snowflakes(tmp_path):
    text = script(tmp_path, read_role="READERS", analytics_sink=AnalyticsSinkSettings())
    trees = [tree for tree in sqlglot.parse(text, dialect="snowflake") if tree is not None]
    kinds = {type(tree) for tree in trees if not isinstance(tree, exp.Semicolon)}
    assert kinds <= {exp.Grant, exp.Create, exp.Alter, exp.Insert, exp.Use, exp.Command}
    commands = [tree.sql(dialect="snowflake", comments=False) for tree in trees if isinstance(tree, exp.Command)]
    assert all(each.upper().startswith(("CREATE ROLE", "GRANT")) for each in commands), commands


def test_no_grant_is_wider_than_a_named_verb_on_a_named_thing(tmp_path):
    text = script(tmp_path, read_role="READERS", analytics_sink=AnalyticsSinkSettings())
    lines = [line for line in text.splitlines() if line.startswith("GRANT")]
    for word in (" ALL ", "ALL PRIVILEGES", "OWNERSHIP", "FUTURE", "WITH GRANT OPTION", "TRUNCATE", "MANAGE", "PUBLIC"):
        assert not [line for line in lines if word in line.upper()], word
    assert not [line for line in lines if "IMPORTED PRIVILEGES" in line]


def test_every_table_that_is_made_has_its_verbs_declared():
    made = {text.split(maxsplit=6)[5].lower() for text in (*table_statements(), *view_statements())}
    assert set(VERBS) == made


def test_each_table_is_granted_exactly_the_verbs_that_are_declared(tmp_path):
    given = granted(script(tmp_path, with_sources=False))
    wanted = {table: set(verbs) for table, verbs in VERBS.items() if verbs}
    assert {table: verbs for table, verbs in given.items() if table in VERBS} == wanted


def test_what_a_move_needs_beside_that_is_granted_where_it_is_asked_for(tmp_path):
    text = script(tmp_path, with_sources=False, warehouse="duckdb", moving=True)
    wanted = {table: {*VERBS[table], *MOVING_VERBS.get(table, ())} for table in VERBS}
    assert {table: verbs for table, verbs in granted(text).items() if table in VERBS} == {
        table: verbs for table, verbs in wanted.items() if verbs
    }
    for table, verbs in MOVING_VERBS.items():
        place = f"SOPHIA_AI.SOPHIA_METRICS.{table}"
        assert f"-- REVOKE {', '.join(verbs)} ON TABLE {place} FROM ROLE SOPHIA_METRICS;" in text


def test_in_the_platforms_schema_nothing_is_deleted_and_nothing_is_made(tmp_path):
    text = script(tmp_path, analytics_sink=AnalyticsSinkSettings())
    lines = [line for line in text.splitlines() if line.startswith("GRANT") and "OPS_MONITORING" in line]
    assert lines == [
        "GRANT USAGE ON SCHEMA SOPHIA_AI.OPS_MONITORING TO ROLE SOPHIA_METRICS;",
        "GRANT SELECT, INSERT, UPDATE ON TABLE SOPHIA_AI.OPS_MONITORING.AI_USAGE_ANALYTICS TO ROLE SOPHIA_METRICS;",
    ]
    assert SINK_VERBS == ("SELECT", "INSERT", "UPDATE")


def test_a_source_alone_may_only_be_read(tmp_path):
    text = script(tmp_path, warehouse="duckdb")
    assert "GRANT SELECT ON TABLE SOPHIA_AI.OPS_MONITORING.AI_USAGE_ANALYTICS TO ROLE SOPHIA_METRICS;" in text
    assert "CREATE TABLE" not in text
    assert granted(text) == {"ai_usage_analytics": {"SELECT"}}


def test_those_who_query_may_read_core_and_marts_and_nothing_else(tmp_path):
    text = script(tmp_path, read_role="READERS", with_sources=False)
    lines = [line for line in text.splitlines() if line.startswith("GRANT") and line.endswith("TO ROLE READERS;")]
    tables = [line.split()[4].rpartition(".")[2] for line in lines if " TABLE " in line]
    assert {line.split()[1] for line in lines if " TABLE " in line} == {"SELECT"}
    assert all(name.startswith(("core_", "mart_")) for name in tables)
    assert "GRANT SELECT ON VIEW SOPHIA_AI.SOPHIA_METRICS.focus_cost_and_usage TO ROLE READERS;" in lines
    assert {"core_usage_events", "mart_cost_daily", "mart_cost_trend"} <= set(tables)
    assert "core_tombstones" not in tables
    assert [line for line in lines if " TABLE " not in line and " VIEW " not in line] == [
        "GRANT USAGE ON WAREHOUSE SOPHIA_AI_WH TO ROLE READERS;",
        "GRANT USAGE ON DATABASE SOPHIA_AI TO ROLE READERS;",
        "GRANT USAGE ON SCHEMA SOPHIA_AI.SOPHIA_METRICS TO ROLE READERS;",
    ]


def test_a_user_name_that_is_no_identifier_is_quoted(tmp_path):
    assert 'GRANT ROLE OTHER TO USER "sophia@example.com";' in script(tmp_path, role="OTHER")


@pytest.mark.parametrize("role", ["A; DROP TABLE X", "", "a b", "1A"])
def test_a_role_that_is_no_name_is_refused(tmp_path, role):
    with pytest.raises(ConfigurationError, match="names no role"):
        script(tmp_path, role=role or "''")


def test_the_role_that_writes_is_not_the_one_for_those_who_read(tmp_path):
    with pytest.raises(ConfigurationError, match="another role"):
        script(tmp_path, read_role="sophia_metrics")


def test_after_the_script_the_program_has_nothing_to_make_to_alter_and_to_note(snowflake, tmp_path):
    text = script(tmp_path, database=snowflake.settings.database, schema_name=snowflake.settings.schema_name)
    session = snowflake.session()
    made = [each.strip() for each in text.split(";\n")]
    made = [
        each for each in made if each.startswith(("CREATE TABLE IF", "CREATE VIEW IF", "ALTER TABLE", "INSERT INTO"))
    ]
    for statement in (*made, *(each for each in made if each.startswith("INSERT"))):
        session.run(statement)
    snowflake.statements.texts.clear()
    prepare(session, NOW)
    assert snowflake.statements.verbs == ["SHOW", "SELECT"]
    assert set(VERBS) <= {
        str(row["name"]).lower() for kind in ("TABLES", "VIEWS") for row in session.run_rows(f"SHOW {kind}")
    }
    assert session.execute("SELECT count(*) FROM write_lock").fetchall() == [(1,)]
    assert session.execute("SELECT count(*) FROM schema_migrations").fetchall() == [(len(MIGRATIONS),)]


def test_all_that_is_sent_is_granted_and_nothing_is_granted_that_no_statement_needs(snowflake, tmp_path):
    snowflake.prepare(NOW)
    send_everything(snowflake, tmp_path / "here" / "state")
    asked = needed(dict.fromkeys(snowflake.statements.texts))
    given = {(table, verb) for table, verbs in VERBS.items() for verb in verbs}
    assert (asked - given, given - asked) == (set(), set())


def test_every_table_that_a_statement_of_the_product_reads_may_be_read():
    read = {table for each in statements() for table in tables_read(parse(each.values[0]))}
    assert {table for table in read & VERBS.keys() if "SELECT" not in VERBS[table]} == set()


@pytest.mark.parametrize(
    ("statement", "verbs"),
    [
        ("SELECT 1 FROM manifest", {("manifest", "SELECT")}),
        ("INSERT INTO manifest (a) SELECT a FROM core_budgets", {("manifest", "INSERT"), ("core_budgets", "SELECT")}),
        ("DELETE FROM manifest WHERE a = 1", {("manifest", "SELECT"), ("manifest", "DELETE")}),
        ("UPDATE manifest SET a = 1 WHERE b = 2", {("manifest", "SELECT"), ("manifest", "UPDATE")}),
        ("WITH x AS (SELECT 1 FROM manifest) SELECT 1 FROM x", {("manifest", "SELECT")}),
        ("INSERT INTO manifest (a) SELECT a FROM manifest", {("manifest", "INSERT"), ("manifest", "SELECT")}),
        ("ALTER TABLE manifest ADD COLUMN IF NOT EXISTS a DATE", {("manifest", "OWNERSHIP")}),
        ("DROP TABLE IF EXISTS stage_0123456789abcdef_0123456789abcdef_manifest", set()),
        (
            (
                "MERGE INTO manifest USING stage_0123456789abcdef_0123456789abcdef_manifest AS s ON manifest.a = s.a "
                "WHEN MATCHED THEN UPDATE SET b = s.b WHEN NOT MATCHED THEN INSERT (a) VALUES (s.a)"
            ),
            {("manifest", "SELECT"), ("manifest", "INSERT"), ("manifest", "UPDATE")},
        ),
    ],
)
def test_what_a_statement_needs_is_told_from_its_words(statement, verbs):
    assert needed([statement]) == verbs
