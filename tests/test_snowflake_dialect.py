"""The dialect: what Snowflake says in other words is said so, and what does not carry over is refused with advice.

No engine here computes as Snowflake does, so the rules rest on its documentation; it is quoted beside them.
"""

import duckdb
import pytest
import sqlglot

from sophia_metrics.warehouse.snowflake.carry import carry_over
from sophia_metrics.warehouse.snowflake.dialect import parse, render
from sophia_metrics.warehouse.snowflake.portability import RULES, tables_read


def broken(sql):
    """Return the names of the rules that a statement breaks."""
    tree = carry_over(parse(sql))
    return {rule.name for rule in RULES if rule.find(tree)}


# --- what is refused -----------------------------------------------------------------------------------------


BAD_EXAMPLES = [
    ("statement", "CREATE TABLE events (team VARCHAR)"),
    ("statement", "DROP TABLE events"),
    ("statement", "SET VARIABLE team = 'search'"),
    ("changed star", "SELECT * EXCLUDE (team) FROM events"),
    ("changed star", "SELECT * REPLACE (1 AS team) FROM events"),
    ("columns by pattern", "SELECT COLUMNS(*) FROM events"),
    ("ASOF join", "SELECT a.x FROM a ASOF JOIN b ON a.at_at >= b.at_at"),
    ("ASOF join", "SELECT a.x FROM a ASOF LEFT JOIN b ON a.at_at >= b.at_at"),
    ("semi or anti join", "SELECT a.x FROM a INNER JOIN b ON a.x = b.x SEMI JOIN c USING (x)"),
    ("semi or anti join", "SELECT a.x FROM a FULL JOIN b ON a.x = b.x ANTI JOIN c ON a.x = c.x"),
    ("join by position or by equal names", "SELECT a.x FROM a POSITIONAL JOIN b"),
    ("join by position or by equal names", "SELECT a.x FROM a NATURAL JOIN b"),
    ("lateral join", "SELECT a.x FROM a, LATERAL (SELECT b.y FROM b WHERE b.x = a.x) AS c"),
    ("arg_max or arg_min", "SELECT arg_max(model, started_at) FROM events"),
    ("arg_max or arg_min", "SELECT min_by(model, started_at) FROM events"),
    ("GROUP BY ALL", "SELECT * FROM events GROUP BY ALL"),
    ("GROUP BY ALL", "SELECT team, SUM(a) OVER () FROM events GROUP BY ALL"),
    ("GROUP BY ALL", "SELECT team, (SELECT MAX(b) FROM other) AS most FROM events GROUP BY ALL"),
    ("ORDER BY ALL", "SELECT * FROM events ORDER BY ALL"),
    ("ORDER BY ALL", "SELECT team FROM events ORDER BY ALL DESC"),
    ("FILTER", "SELECT STRING_AGG(model, ' ') FILTER (WHERE status = 'ok') FROM events"),
    ("FILTER", "SELECT MAX(a, 2) FILTER (WHERE status = 'ok') FROM events"),
    ("DISTINCT ON", "SELECT DISTINCT ON (team) team, started_at FROM events"),
    ("BY NAME", "SELECT team FROM a UNION ALL BY NAME SELECT team FROM b"),
    ("BY NAME", "INSERT INTO events BY NAME SELECT * FROM a"),
    ("BY NAME", "INSERT INTO events BY NAME SELECT 1 + 1 FROM a"),
    ("EXCEPT ALL or INTERSECT ALL", "SELECT team FROM a EXCEPT ALL SELECT team FROM b"),
    ("RETURNING", "DELETE FROM events WHERE team = 'search' RETURNING team"),
    ("ON CONFLICT", "INSERT INTO events VALUES (1) ON CONFLICT DO NOTHING"),
    ("ON CONFLICT", "INSERT OR REPLACE INTO events VALUES (1)"),
    ("list, struct, map or lambda", "SELECT [1, 2] AS numbers"),
    ("list, struct, map or lambda", "SELECT {'team': 'search'} AS thing"),
    ("list, struct, map or lambda", "SELECT tags['team'] AS team FROM events"),
    ("list, struct, map or lambda", "SELECT unnest([1, 2]) AS number"),
    ("list, struct, map or lambda", "SELECT list_transform(numbers, lambda x : x + 1) FROM events"),
    ("limit that is bound", "SELECT team FROM events LIMIT $recent"),
    (
        "window frame",
        "SELECT SUM(a_count) OVER (ORDER BY b RANGE BETWEEN INTERVAL 1 DAY PRECEDING AND CURRENT ROW) FROM e",
    ),
    ("window frame", "SELECT SUM(a_count) OVER (ORDER BY b GROUPS BETWEEN 2 PRECEDING AND CURRENT ROW) FROM e"),
    ("pattern", "SELECT team FROM events WHERE team ILIKE 's%'"),
    ("pattern", "SELECT team FROM events WHERE team GLOB 's*'"),
    ("pattern", "SELECT team FROM events WHERE regexp_matches(team, 's')"),
    ("sample or pivot", "SELECT team FROM events USING SAMPLE 10%"),
    ("quoted name", 'SELECT "team" FROM events'),
    ("reserved word", "SELECT team AS sample FROM events"),
    ("reserved word", "SELECT organization FROM events"),
    ("unknown function", "SELECT bit_string(tags) FROM events"),
    ("unknown function", "SELECT hash(team) FROM events"),
    ("unknown function", "SELECT list_contains(teams, team) FROM events"),
    ("unknown function", "SELECT epoch(started_at) FROM events"),
    ("unknown function", "SELECT tags ->> 'team' AS team FROM events"),
    ("unknown function", "SELECT dayofweek(started_at) FROM events"),
    ("unknown function", "SELECT concat(team, project) FROM events"),
    ("unknown function", "SELECT concat_ws(separator, team, project) FROM events"),
    ("unknown function", "SELECT now() AS moment"),
    ("unknown function", "SELECT current_timestamp AS moment"),
    ("unknown function", "SELECT first_value(team) OVER (ORDER BY started_at) FROM events"),
    ("unknown function", "SELECT any_value(team) FROM events"),
    ("unknown function", "SELECT team FROM read_parquet('events.parquet')"),
    ("type", "SELECT CAST(team AS UBIGINT) FROM events"),
    ("type", "SELECT CAST(team AS FLOAT) FROM events"),
    ("type", "SELECT CAST(team AS VARCHAR[]) FROM events"),
    ("type", "SELECT CAST(team AS JSON) FROM events"),
    ("cast that may fail", "SELECT TRY_CAST(team AS BIGINT) FROM events"),
    ("text of a number or an instant", "SELECT CAST(latency_ms AS VARCHAR) FROM events"),
    ("text of a number or an instant", "SELECT CAST(started_at AS VARCHAR) FROM events"),
    ("unit of time", "SELECT DATE_TRUNC('week', started_at) FROM events"),
    ("unit of time", "SELECT DATE_DIFF('week', started_at, ended_at) FROM events"),
    ("part of an instant", "SELECT EXTRACT(DOW FROM started_at) FROM events"),
    ("part of an instant", "SELECT EXTRACT(EPOCH FROM started_at) FROM events"),
    ("part of an instant", "SELECT EXTRACT(MILLISECOND FROM started_at) FROM events"),
    ("day and interval", "SELECT usage_on + INTERVAL 1 DAY FROM events"),
    ("day and interval", "SELECT CAST(started_at AS DATE) - INTERVAL '1' DAY FROM events"),
    ("truncated day", "SELECT DATE_TRUNC('month', usage_on) FROM events"),
    ("difference of instants", "SELECT ended_at - started_at FROM events"),
    ("computed interval", "SELECT started_at + INTERVAL (length) SECOND FROM events"),
    ("uncast product", "SELECT input_tokens * rate_input_usd FROM events"),
    ("uncast product", "SELECT SUM(input_tokens * rate_input_usd) FROM events"),
    ("uncast product", "SELECT CAST(SUM(input_tokens * rate_input_usd) AS DECIMAL(38, 12)) FROM events"),
    ("uncast product", "SELECT CAST(input_tokens AS DOUBLE) * rate_input_usd FROM events"),
    ("shortened product", "SELECT CAST(cost_usd * rate_input_usd AS DECIMAL(38, 12)) FROM events"),
    ("shortened product", "SELECT CAST(a AS DECIMAL(9, 6)) * CAST(b AS DECIMAL(28, 12)) FROM events"),
    ("shortened product", "SELECT CAST(a AS DECIMAL(9, 7)) * CAST(b AS DECIMAL(9, 6)) FROM events"),
    ("shortened product", "SELECT CAST(a * b AS DECIMAL(38, 12)) FROM events"),
    ("uncast division", "SELECT cost_usd / NULLIF(request_count, 0) FROM events"),
    ("uncast division", "SELECT CAST(cost_usd / NULLIF(request_count, 0) AS DOUBLE) FROM events"),
    ("uncast division", "SELECT CAST(cost_usd AS DOUBLE) / NULLIF(request_count, 0) FROM events"),
    ("uncast division", "SELECT CAST(a AS DECIMAL(38, 12)) / 7 FROM events"),
    ("integer division", "SELECT input_tokens // 1000 FROM events"),
    ("division by zero", "SELECT CAST(a AS DOUBLE) / CAST(b AS DOUBLE) FROM events"),
    ("division by zero", "SELECT input_tokens % request_count FROM events"),
    ("division by zero", "SELECT CAST(a AS DOUBLE) / 0 FROM events"),
    ("division by zero", "SELECT CAST(a AS DOUBLE) / CAST(NULLIF(b, 1) AS DOUBLE) FROM events"),
    ("mean of decimals", "SELECT AVG(request_count) FROM events"),
    ("mean of decimals", "SELECT AVG(cost_usd) FROM events"),
    ("mean of decimals", "SELECT VAR_POP(cost) FROM events"),
    ("percentile of decimals", "SELECT PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY cost_usd) FROM events"),
    ("rounding cast", "SELECT CAST(latency_ms AS BIGINT) FROM events"),
    ("rounding cast", "SELECT CAST(CAST(a AS DOUBLE) / CAST(1000 AS DOUBLE) AS BIGINT) FROM events"),
]


@pytest.mark.parametrize(("rule", "sql"), BAD_EXAMPLES)
def test_what_does_not_carry_over_is_found(rule, sql):
    assert rule in broken(sql)


@pytest.mark.parametrize(("rule", "sql"), BAD_EXAMPLES)
def test_what_does_not_carry_over_is_not_rendered(rule, sql):
    with pytest.raises(ValueError, match="does not carry over to Snowflake"):
        render(parse(sql))


def test_every_rule_has_an_example_that_it_finds():
    assert {rule.name for rule in RULES} == {rule for rule, _ in BAD_EXAMPLES}


def test_the_refusal_names_the_construct_the_place_and_what_to_write():
    with pytest.raises(ValueError, match=r"FILTER does not carry over to Snowflake: ANY_VALUE\(a\) FILTER.*put a CASE"):
        render(parse("SELECT ANY_VALUE(a) FILTER (WHERE is_ok) AS one FROM events"))


def test_what_only_the_rendered_statement_shows_is_refused_too():
    sql = "SELECT quantile_cont(cost_usd, 0.5) FROM events"

    assert broken(sql) == set()
    with pytest.raises(ValueError, match="percentile of decimals does not carry over"):
        render(parse(sql))


def test_two_statements_are_refused():
    with pytest.raises(ValueError, match="one statement at a time, found 2"):
        parse("SELECT 1 AS one; SELECT 2 AS two")


GOOD_EXAMPLES = [
    "SELECT COUNT(*) AS call_count FROM events",
    "SELECT CAST(input_tokens * rate_input_usd AS DECIMAL(38, 18)) AS cost_usd FROM events",
    "SELECT CAST((a_tokens + b_tokens) * rate_usd - paid_usd AS DECIMAL(38, 18)) AS saving_usd FROM events",
    # Snowflake: "S = min(S1 + S2, max(S1, S2, 12))": with 6 and 6 decimals all of them stay.
    "SELECT CAST(a AS DECIMAL(9, 6)) * CAST(b AS DECIMAL(20, 6)) AS warning_usd FROM events",
    # A factor that is a DOUBLE makes the product one, on both engines.
    "SELECT CAST(interval_ms * CAST(2.5 AS DOUBLE) AS DOUBLE) AS kept_ms FROM events",
    "SELECT CAST(cost_usd AS DOUBLE) * 1000 / CAST(NULLIF(calls, 0) AS DOUBLE) AS unit_usd FROM events",
    "SELECT 1.0 / CAST(1.0 + EXP(deviations) AS DOUBLE) AS share FROM events",
    # A DECIMAL becomes a whole number by rounding half away from zero on both.
    "SELECT CAST(CAST(a AS DECIMAL(9, 3)) AS BIGINT) AS whole_count FROM events",
    "SELECT CAST(ROUND(CAST(a AS DOUBLE)) AS BIGINT) AS whole_count FROM events",
    "SELECT event_id FROM events QUALIFY ROW_NUMBER() OVER (PARTITION BY event_id ORDER BY started_at) = 1",
    "SELECT usage_on - 28 AS first_on FROM events",
    "SELECT CAST(usage_on AS TIMESTAMP) + INTERVAL '24' HOUR AS end_at FROM events",
    "SELECT AVG(latency_ms) AS mean_ms FROM events",
    "SELECT a.team FROM a LEFT JOIN b ON a.team = b.team WHERE b.team IS NULL",
    "UPDATE events SET team = given.team FROM given WHERE given.event_id = events.event_id",
    "DELETE FROM events USING given WHERE given.event_id = events.event_id",
    (
        "MERGE INTO events USING given ON events.event_id = given.event_id "
        "WHEN MATCHED THEN UPDATE SET team = given.team "
        "WHEN NOT MATCHED THEN INSERT (event_id, team) VALUES (given.event_id, given.team)"
    ),
]


@pytest.mark.parametrize("sql", GOOD_EXAMPLES)
def test_what_carries_over_is_rendered(sql):
    assert broken(sql) == set()
    assert tables_read(sqlglot.parse_one(render(parse(sql)), read="snowflake")) == tables_read(parse(sql))


# --- what is said in other words -----------------------------------------------------------------------------


RENDERED = [
    (
        "SELECT a FROM t WHERE usage_on >= current_date - 7",
        "SELECT a FROM t WHERE usage_on >= CURRENT_DATE - 7",
    ),
    # Nulls are larger than anything in Snowflake: they come first where the order is descending, unless it is said.
    (
        "SELECT a FROM t ORDER BY a DESC, b",
        "SELECT a FROM t ORDER BY a DESC NULLS LAST, b",
    ),
    (
        "SELECT ROW_NUMBER() OVER (ORDER BY a DESC) AS n FROM t",
        "SELECT ROW_NUMBER() OVER (ORDER BY a DESC NULLS LAST) AS n FROM t",
    ),
    # GREATEST and LEAST are null in Snowflake where one argument is; these are not.
    (
        "SELECT GREATEST(a, b) AS most, LEAST(a, b) AS least_of FROM t",
        "SELECT GREATEST_IGNORE_NULLS(a, b) AS most, LEAST_IGNORE_NULLS(a, b) AS least_of FROM t",
    ),
    # TIMESTAMP is what a session says it is; without a time zone is what is meant.
    (
        "SELECT CAST(a AS TIMESTAMP) + INTERVAL 15 MINUTE AS b FROM t",
        "SELECT CAST(a AS TIMESTAMPNTZ) + INTERVAL '15 MINUTE' AS b FROM t",
    ),
    (
        "SELECT DATE_DIFF('microsecond', a, b) AS c, EXTRACT(MINUTE FROM a) AS d, DATE_TRUNC('hour', a) AS e FROM t",
        "SELECT DATEDIFF(MICROSECOND, a, b) AS c, DATE_PART(MINUTE, a) AS d, DATE_TRUNC('HOUR', a) AS e FROM t",
    ),
    (
        "SELECT BOOL_OR(a) AS b, SHA256(c) AS d, STARTS_WITH(e, 'f') AS g, VAR_POP(a_ms) AS h FROM t",
        "SELECT BOOLOR_AGG(a) AS b, SHA2(c, 256) AS d, STARTSWITH(e, 'f') AS g, VARIANCE_POP(a_ms) AS h FROM t",
    ),
    (
        "SELECT quantile_cont(a_ms, 0.5) AS b FROM t",
        "SELECT PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY a_ms) AS b FROM t",
    ),
    # A backslash in a text begins an escape in Snowflake.
    (r"SELECT 'a\b' AS c FROM t", r"SELECT 'a\\b' AS c FROM t"),
    # Comments are for those who read the file.
    ("SELECT a FROM t -- why", "SELECT a FROM t"),
    ("SELECT a IS NOT DISTINCT FROM b AS c FROM t", "SELECT a IS NOT DISTINCT FROM b AS c FROM t"),
    ("INSERT INTO t BY NAME SELECT a, b AS c FROM u", "INSERT INTO t (a, c) SELECT a, b AS c FROM u"),
    ("SELECT a FROM t WHERE b = $name AND c = $1", "SELECT a FROM t WHERE b = :name AND c = :1"),
]


@pytest.mark.parametrize(("sql", "expected"), RENDERED)
def test_a_statement_is_rendered_in_the_words_of_snowflake(sql, expected):
    assert render(parse(sql)) == expected


TABLES = (
    "CREATE TABLE t AS SELECT * FROM (VALUES (1, 'x', TRUE), (2, NULL, FALSE), (NULL, 'z', NULL)) AS v(a, b, is_c)",
    "CREATE TABLE u AS SELECT * FROM (VALUES (1, 'x'), (1, 'y'), (3, NULL), (NULL, 'z')) AS v(a, b)",
    "CREATE TABLE w (a INTEGER, b VARCHAR)",
)
SAID_OTHERWISE = [
    ("SELECT a, b FROM t ORDER BY ALL", "ORDER BY 1, 2"),
    ("SELECT a, count(*) AS n, b FROM u GROUP BY ALL ORDER BY ALL", "GROUP BY 1, 3 ORDER BY"),
    ("SELECT count(*) AS n, max(a) + 1 AS most FROM u GROUP BY ALL", "AS most FROM u"),
    ("SELECT a + 1 AS c, sum(a) FILTER (WHERE b > 'x') AS s FROM u GROUP BY ALL ORDER BY ALL", "FROM u GROUP BY 1"),
    ("SELECT count(*) FILTER (WHERE is_c) AS n FROM t", "COUNT(CASE WHEN is_c THEN 1 END)"),
    ("SELECT count(b) FILTER (WHERE NOT is_c) AS n FROM t", "COUNT(CASE WHEN NOT is_c THEN b END)"),
    ("SELECT count(DISTINCT a) FILTER (WHERE b < 'z') AS n FROM u", "COUNT(DISTINCT CASE WHEN b < 'z' THEN a END)"),
    ("SELECT sum(a) FILTER (WHERE b = 'none') AS n, min(b) FILTER (WHERE a = 1) AS b FROM u", "SUM(CASE WHEN"),
    ("SELECT a, count(*) FILTER (WHERE b IS NULL) OVER (PARTITION BY a) AS n FROM u ORDER BY ALL", "END) OVER ("),
    ("SELECT t.b, t.a FROM t SEMI JOIN u USING (a) ORDER BY 1", "EXISTS(SELECT 1 FROM u WHERE u.a = t.a)"),
    ("SELECT t.b, t.a FROM t ANTI JOIN u USING (a, b) ORDER BY 1", "WHERE u.a = t.a AND u.b = t.b"),
    ("SELECT a FROM t ANTI JOIN (SELECT a AS given FROM u) AS g ON t.a = given ORDER BY 1", "NOT EXISTS(SELECT 1"),
    ("SELECT count(*) AS n FROM t SEMI JOIN u USING (a) WHERE is_c", "WHERE is_c AND EXISTS"),
    ("SELECT CONCAT_WS(' ', a, b, 'end') AS text FROM t ORDER BY 1", "COALESCE(' ' || CAST(a AS VARCHAR), '')"),
    # LISTAGG of nothing is an empty text: "If the list is empty, the function returns an empty string".
    ("SELECT STRING_AGG(b, '/' ORDER BY b DESC) AS text FROM u", "WITHIN GROUP (ORDER BY b DESC NULLS LAST)"),
    ("SELECT STRING_AGG(b) AS text FROM u WHERE a > 5", "CASE WHEN COUNT(b) > 0 THEN LISTAGG(b, ',') END"),
    ("SELECT a, STRING_AGG(b, '') AS text FROM u GROUP BY a ORDER BY a", "LISTAGG(b, '')"),
    (
        "SELECT STRING_AGG(CONCAT_WS('-', a, b), chr(10) ORDER BY a, b) AS text FROM t",
        r"LISTAGG(SUBSTRING(COALESCE('-' || CAST(a AS VARCHAR), '') || COALESCE('-' || CAST(b AS VARCHAR), ''), 2), '\n')",
    ),
    ("SELECT a FROM t WHERE is_c IS NOT TRUE ORDER BY a", "is_c IS DISTINCT FROM TRUE"),
    ("SELECT a FROM t WHERE is_c IS TRUE", "is_c IS NOT DISTINCT FROM TRUE"),
    ("SELECT a FROM t WHERE is_c IS NOT FALSE ORDER BY a", "is_c IS DISTINCT FROM FALSE"),
    ("SELECT a FROM t WHERE NOT is_c IS TRUE ORDER BY a", "is_c IS DISTINCT FROM TRUE"),
]


@pytest.mark.parametrize(("sql", "words"), SAID_OTHERWISE)
def test_what_is_said_in_other_words_means_the_same(sql, words):
    assert words in render(parse(sql))
    with duckdb.connect() as connection:
        for table in TABLES:
            connection.execute(table)
        carried = carry_over(parse(sql)).sql(dialect="duckdb")
        assert connection.execute(carried).fetchall() == connection.execute(sql).fetchall()


def test_rows_are_inserted_by_the_names_of_their_columns():
    sql = "INSERT INTO w BY NAME SELECT b, a FROM u WHERE a = 3 OR b = 'x'"
    with duckdb.connect() as connection:
        for table in TABLES:
            connection.execute(table)
        connection.execute(carry_over(parse(sql)).sql(dialect="duckdb"))

        assert connection.execute("SELECT a, b FROM w ORDER BY a").fetchall() == [(1, "x"), (3, None)]


def test_a_parsed_statement_is_not_changed_by_rendering_it():
    tree = parse("SELECT a FROM t SEMI JOIN u USING (a) ORDER BY ALL")
    before = tree.sql(dialect="duckdb")
    render(tree)

    assert tree.sql(dialect="duckdb") == before
