"""Tables of Snowflake as sources: rows become usage events once, with every digit, and nobody's name."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from sophia_metrics.connect import connect_collector, connect_reach, connect_source, connect_warehouse
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.services import HealthStatus, run_sync
from sophia_metrics.settings import Settings, SourceSettings
from sophia_metrics.sources.table_settings import TableSettings
from sophia_metrics.usage.identity import keyed_hash, load_identity
from sophia_metrics.usage.spool import Spool
from sophia_metrics.warehouse.protocol import Query
from sophia_metrics.warehouse.snowflake.pulling import TableHealth, TablePuller
from tests.command_line import CommandLine

pytest_plugins = ("tests.snowflake_fixtures",)

NOW = datetime(2026, 11, 20, 12, 30)
ANALYTICS = """CREATE TABLE AI_USAGE_ANALYTICS (
    REQUEST_ID VARCHAR, TIMESTAMP TIMESTAMP_NTZ, PROVIDER VARCHAR, MODEL VARCHAR, TASK_TYPE VARCHAR, USER_ID VARCHAR,
    SESSION_ID VARCHAR, COST_USD DECIMAL(10, 6), LATENCY_MS NUMBER, TOKENS_USED NUMBER, CACHE_HIT BOOLEAN,
    QUALITY_SCORE FLOAT, ROUTING_REASONING VARCHAR, ERROR VARCHAR, METADATA VARIANT
)"""
CORTEX = """CREATE TABLE CORTEX_USAGE (
    START_TIME TIMESTAMP_LTZ, END_TIME TIMESTAMP_LTZ, FUNCTION_NAME VARCHAR, MODEL_NAME VARCHAR, QUERY_ID VARCHAR,
    WAREHOUSE_ID NUMBER, ROLE_NAMES ARRAY, QUERY_TAG VARCHAR, USER_ID VARCHAR, METRICS ARRAY, CREDITS NUMBER(38, 12),
    IS_COMPLETED BOOLEAN
)"""
METERING = """CREATE TABLE METERING (
    START_TIME TIMESTAMP_LTZ, END_TIME TIMESTAMP_LTZ, WAREHOUSE_ID NUMBER, WAREHOUSE_NAME VARCHAR,
    CREDITS_USED NUMBER(38, 9), CREDITS_USED_COMPUTE NUMBER(38, 9), CREDITS_USED_CLOUD_SERVICES NUMBER(38, 9)
)"""
ATTRIBUTION = """CREATE TABLE ATTRIBUTION (
    QUERY_ID VARCHAR, WAREHOUSE_NAME VARCHAR, QUERY_TAG VARCHAR, USER_NAME VARCHAR, START_TIME TIMESTAMP_LTZ,
    END_TIME TIMESTAMP_LTZ, CREDITS_ATTRIBUTED_COMPUTE FLOAT, CREDITS_USED_QUERY_ACCELERATION FLOAT
)"""
EVENTS = (
    "SELECT request_id, started_at, provider, route, model, operation, status, error_class, input_tokens, "
    "cache_read_tokens, output_tokens, usage_quality, latency_ms, is_cache_hit, cost_reported, cost_usd, cost_basis, "
    "price_status, user_hash, session_id, tags, record_kind FROM core_usage_events ORDER BY started_at, request_id"
)


class Bench:
    """A state folder with one table as its source."""

    def __init__(self, lab, home: Path, table_format: str, name: str, **table) -> None:
        self.lab = lab
        self.session = lab.session()
        own = {"database": lab.settings.database, "schema_name": lab.settings.schema_name, "name": name}
        self.source = SourceSettings(
            name="table", format=table_format, table=TableSettings(**own, settling_minutes=30, **table)
        )
        self.settings = Settings(home=home, snowflake=lab.settings, sources=(self.source,))
        self.source = self.source.model_copy(update={"paths": (str(home / "spool" / "table"),)})

    @property
    def spool(self) -> list[Path]:
        return sorted((self.settings.home / "spool" / "table").glob("*.parquet"))

    @property
    def terms(self):
        connection = self.settings.snowflake
        return self.source.table.terms(
            "table", self.source.format, warehouse=connection.warehouse, query_tag=connection.query_tag
        )

    def pull(self, now: datetime = NOW):
        identity = load_identity(self.settings.home)
        spool = Spool(Path(self.source.paths[0]), "table", connect_warehouse(self.settings, now))
        return TablePuller(self.session, self.terms, spool, identity).pull(now)

    def collect(self, now: datetime = NOW) -> list[dict]:
        """Pull, and commit what was pulled; return the events of core."""
        pulled = self.pull(now)
        warehouse = connect_warehouse(self.settings, now)
        collector, source = connect_collector(self.settings, warehouse), connect_source(self.source)
        for landing in collector.pending(source):
            collector.commit(source, landing, now)
        for batch in collector.find(source, now).batches:
            for landing in collector.land(source, batch, now).landings:
                collector.commit(source, landing, now)
        self.pulled = pulled
        return self.events(now)

    def events(self, now: datetime = NOW) -> list[dict]:
        return connect_warehouse(self.settings, now).read(Query(EVENTS)).to_dicts()

    def units(self) -> dict[str, Decimal]:
        query = Query("SELECT unit, sum(quantity) AS quantity FROM core_usage_units GROUP BY unit")
        return dict(connect_warehouse(self.settings, NOW).read(query).iter_rows())


def analytics(bench: Bench, *rows: str) -> None:
    for row in rows:
        bench.session.run(
            "INSERT INTO AI_USAGE_ANALYTICS (REQUEST_ID, TIMESTAMP, PROVIDER, MODEL, TASK_TYPE, USER_ID, SESSION_ID, "
            f"COST_USD, LATENCY_MS, TOKENS_USED, CACHE_HIT, ERROR, METADATA) SELECT {row}"
        )


GOOD = (
    "'r1', '2026-11-20 10:15:00', 'OpenAI', 'gpt-4o', 'chat', 'anna@example.com', 's1', 0.123456, 812, 1500, FALSE, "
    """NULL, PARSE_JSON('{"team": "search", "prompt": "a secret prompt", "n": 3}')"""
)
FAILED = (
    "'r2', '2026-11-20 10:45:00', 'portkey', 'claude-sonnet-4', 'code', 'bert@example.com', 's2', NULL, NULL, NULL, "
    "NULL, 'RateLimitError: too many requests by bert@example.com', NULL"
)


@pytest.fixture
def bench(snowflake, tmp_path):
    made = Bench(snowflake, tmp_path / "home", "snowflake_analytics", "AI_USAGE_ANALYTICS", tags=("team", "n"))
    made.session.run(ANALYTICS)
    return made


def test_a_row_of_the_analytics_table_is_an_event_with_its_cost_and_no_invented_split(bench):
    analytics(bench, GOOD)
    (event,) = bench.collect()
    assert event["started_at"] == datetime(2026, 11, 20, 10, 15)
    assert (event["request_id"], event["provider"], event["model"]) == ("r1", "openai", "gpt-4o")
    assert (event["operation"], event["status"], event["error_class"]) == ("chat", "ok", None)
    assert (event["input_tokens"], event["output_tokens"], event["usage_quality"]) == (None, None, "partial")
    assert (event["latency_ms"], event["is_cache_hit"]) == (812.0, False)
    assert (event["cost_reported"], event["cost_usd"]) == (Decimal("0.123456"), Decimal("0.123456"))
    assert event["cost_basis"] == "estimated"
    assert bench.units() == {"total_tokens": Decimal(1500)}


def test_people_are_hashed_and_only_the_named_tags_of_the_metadata_are_kept(bench):
    analytics(bench, GOOD)
    (event,) = bench.collect()
    assert event["tags"] == '{"team":"search","n":"3"}'
    assert len(event["user_hash"]) == len(event["session_id"]) == 32
    written = b"".join(path.read_bytes() for path in bench.settings.home.rglob("*") if path.is_file())
    assert b"anna@example.com" not in written
    assert b"secret prompt" not in written


def test_the_hash_of_a_person_is_that_of_every_other_source(bench):
    analytics(bench, GOOD)
    (event,) = bench.collect()
    assert event["user_hash"] == keyed_hash(load_identity(bench.settings.home).key, "anna@example.com")


def test_of_an_error_only_its_class_is_read(bench):
    analytics(bench, FAILED)
    (event,) = bench.collect()
    assert (event["status"], event["error_class"]) == ("error", "RateLimitError")
    assert (event["cost_usd"], event["usage_quality"], event["is_cache_hit"]) == (None, "missing", None)
    assert not any(b"too many requests" in path.read_bytes() for path in bench.settings.home.rglob("*.parquet"))


def test_what_was_collected_once_is_not_collected_again(bench):
    analytics(bench, GOOD, FAILED)
    first = bench.collect()
    assert bench.pulled.row_count == 2
    assert bench.collect(NOW + timedelta(hours=1)) == first
    assert (bench.pulled.file_count, bench.spool) == (0, [])


def test_an_hour_whose_file_has_a_name_of_before_is_known(bench):
    analytics(bench, GOOD)
    bench.pull()
    (path,) = bench.spool
    start, _, rest = path.name.split(".", 2)
    assert start == "20261120T1000"
    path.rename(path.with_name(f"2026-11-20T10.{rest}"))
    assert bench.pull().file_count == 0
    assert len(bench.collect()) == 1


def test_a_row_that_was_corrected_replaces_the_one_that_is_known(bench):
    analytics(bench, GOOD)
    bench.collect()
    bench.session.run("UPDATE AI_USAGE_ANALYTICS SET COST_USD = 0.100001, TOKENS_USED = 7")
    (event,) = bench.collect(NOW + timedelta(hours=1))
    assert event["cost_usd"] == Decimal("0.100001")
    assert bench.units() == {"total_tokens": Decimal(7)}


def test_a_row_that_was_corrected_back_is_what_it_was_first(bench):
    analytics(bench, GOOD)
    bench.collect()
    bench.session.run("UPDATE AI_USAGE_ANALYTICS SET COST_USD = 0.100001")
    bench.collect(NOW + timedelta(hours=1))
    bench.session.run("UPDATE AI_USAGE_ANALYTICS SET COST_USD = 0.123456")
    (event,) = bench.collect(NOW + timedelta(hours=2))
    assert event["cost_usd"] == Decimal("0.123456")


def test_an_hour_waits_until_it_has_settled(bench):
    analytics(bench, GOOD.replace("10:15:00", "11:59:00"))
    assert bench.collect(datetime(2026, 11, 20, 12, 29)) == []
    assert len(bench.collect(datetime(2026, 11, 20, 12, 30))) == 1


def test_a_file_that_was_pulled_and_not_committed_is_committed_later(bench):
    analytics(bench, GOOD)
    bench.pull()
    assert len(bench.spool) == 1
    assert bench.pull(NOW + timedelta(minutes=1)).file_count == 0
    assert len(bench.collect(NOW + timedelta(minutes=2))) == 1


def test_rows_that_we_wrote_to_the_table_are_not_read_back(bench):
    analytics(bench, GOOD.replace("'r1'", "'sophia:0123'"))
    assert bench.collect() == []


def test_a_table_that_is_not_there_is_an_error_that_says_what_to_do(bench):
    bench.session.run("DROP TABLE AI_USAGE_ANALYTICS")
    with pytest.raises(ConfigurationError, match="sophia-metrics grants"):
        bench.pull()
    health = run_sync(TableHealth(bench.session, bench.terms).health_check())
    assert health.status is HealthStatus.DOWN


def test_the_doctor_asks_the_table_itself(bench, monkeypatch):
    monkeypatch.setenv("SNOWFLAKE_PASSWORD", bench.lab.secrets["SNOWFLAKE_PASSWORD"])
    service = connect_reach(bench.settings, bench.source, NOW)
    assert run_sync(service.health_check()).status is HealthStatus.HEALTHY
    run_sync(service.cleanup())


def cortex(bench: Bench, *rows: str) -> None:
    for row in rows:
        bench.session.run(
            "INSERT INTO CORTEX_USAGE (START_TIME, END_TIME, FUNCTION_NAME, MODEL_NAME, QUERY_ID, WAREHOUSE_ID, "
            f"USER_ID, METRICS, CREDITS, IS_COMPLETED) SELECT {row}"
        )


METRICS = (
    'PARSE_JSON(\'[{"key": {"metric": "input", "unit": "tokens"}, "value": 1000}, '
    '{"key": {"metric": "output", "unit": "tokens"}, "value": 200}]\')'
)
HOUR_OF_QUERY = (
    "'2026-11-20 10:00:00+02:00'::TIMESTAMP_TZ, '2026-11-20 11:00:00+02:00'::TIMESTAMP_TZ, 'AI_COMPLETE', "
    f"'llama3.1-70b', 'q1', 7, '42', {METRICS}, 0.000123456789, TRUE"
)


def cortex_bench(snowflake, home: Path, **table) -> Bench:
    made = Bench(snowflake, home, "snowflake_cortex", "CORTEX_USAGE", **table)
    made.session.run(CORTEX)
    return made


def test_cortex_usage_costs_its_credits_at_the_price_of_a_credit(snowflake, tmp_path):
    bench = cortex_bench(snowflake, tmp_path / "home", credit_price_usd=Decimal("3.1"))
    cortex(bench, HOUR_OF_QUERY)
    (event,) = bench.collect()
    assert event["started_at"] == datetime(2026, 11, 20, 8)
    assert (event["provider"], event["route"], event["model"]) == ("snowflake", "cortex", "llama3.1-70b")
    assert (event["input_tokens"], event["output_tokens"], event["usage_quality"]) == (1000, 200, "exact")
    assert event["cost_usd"] == Decimal("0.000382716046")  # 0.000123456789 * 3.1 = 0.0003827160459
    assert (event["cost_basis"], event["price_status"], event["record_kind"]) == ("computed", "priced", "bucket")
    assert bench.units() == {"microcredits": Decimal("123.456789")}


def test_without_a_price_of_a_credit_the_cost_is_unknown(snowflake, tmp_path):
    bench = cortex_bench(snowflake, tmp_path / "home")
    cortex(bench, HOUR_OF_QUERY)
    (event,) = bench.collect()
    assert event["cost_usd"] is None
    assert event["price_status"] in {"unpriced", "partial"}


def test_a_price_of_a_credit_that_is_given_later_prices_what_is_there(snowflake, tmp_path):
    bench = cortex_bench(snowflake, tmp_path / "home")
    cortex(bench, HOUR_OF_QUERY)
    bench.collect()
    connection = bench.settings.snowflake.model_copy(update={"credit_price_usd": Decimal(2)})
    priced = bench.settings.model_copy(update={"snowflake": connection})
    connect_collector(priced, connect_warehouse(priced, NOW)).price_again(NOW)
    assert bench.events()[0]["cost_usd"] == Decimal("0.000246913578")


def test_a_function_without_a_model_is_named_itself(snowflake, tmp_path):
    bench = cortex_bench(snowflake, tmp_path / "home")
    cortex(bench, HOUR_OF_QUERY.replace("'llama3.1-70b'", "''"))
    assert bench.collect()[0]["model"] == "ai_complete"


def test_an_hour_that_is_not_complete_is_read_until_it_is(snowflake, tmp_path):
    bench = cortex_bench(snowflake, tmp_path / "home", reread_hours=0)
    later = HOUR_OF_QUERY.replace("10:00:00+02", "13:00:00+02").replace("'q1'", "'q2'")
    cortex(bench, HOUR_OF_QUERY.replace("TRUE", "FALSE"), later)
    assert [event["usage_quality"] for event in bench.collect()] == ["partial", "exact"]
    bench.session.run("UPDATE CORTEX_USAGE SET IS_COMPLETED = TRUE, CREDITS = 0.5 WHERE QUERY_ID = 'q1'")
    assert [event["usage_quality"] for event in bench.collect(NOW + timedelta(hours=20))] == ["exact", "exact"]
    assert bench.units() == {"microcredits": Decimal("500123.456789")}


def test_a_view_of_the_account_that_cannot_be_read_is_a_finding(snowflake, tmp_path):
    bench = Bench(snowflake, tmp_path / "home", "snowflake_credits", "NOT_THERE")
    bench.session.run(METERING)
    assert "NOT_THERE cannot be read" in (bench.pull().finding or "")


def test_the_hours_of_our_warehouse_are_spend_at_the_price_of_a_credit(snowflake, tmp_path):
    bench = Bench(snowflake, tmp_path / "home", "snowflake_credits", "METERING", credit_price_usd=Decimal(3))
    bench.session.run(METERING)
    for name, used in (("SOPHIA_AI_WH", "0.016666667"), ("OTHER_WH", "9")):
        bench.session.run(
            "INSERT INTO METERING SELECT '2026-11-20 09:00:00+00:00'::TIMESTAMP_TZ, "
            f"'2026-11-20 10:00:00+00:00'::TIMESTAMP_TZ, 1, '{name}', {used} + 0.001, {used}, 0.001"
        )
    (event,) = bench.collect()
    assert (event["provider"], event["route"], event["model"]) == ("snowflake", "warehouse", "SOPHIA_AI_WH")
    assert event["cost_usd"] == Decimal("0.050000001")
    assert event["price_status"] == "priced"


def test_by_query_tag_only_our_own_statements_count(snowflake, tmp_path):
    bench = Bench(snowflake, tmp_path / "home", "snowflake_credits", "ATTRIBUTION", credits_by="query_tag")
    bench.session.run(ATTRIBUTION)
    for number, tag in enumerate(("sophia-metrics", "sophia-metrics", "dbt")):
        bench.session.run(
            f"INSERT INTO ATTRIBUTION SELECT 'q{number}', 'SOPHIA_AI_WH', '{tag}', 'U', "
            "'2026-11-20 09:10:00+00:00'::TIMESTAMP_TZ, '2026-11-20 09:11:00+00:00'::TIMESTAMP_TZ, 0.25, NULL"
        )
    bench.collect()
    assert bench.units() == {"microcredits": Decimal(500_000)}


def test_a_run_collects_tables_says_what_it_may_not_read_and_the_doctor_agrees(snowflake, tmp_path, monkeypatch):
    session, place = snowflake.session(), snowflake.settings
    session.run(ANALYTICS)
    session.run(
        "INSERT INTO AI_USAGE_ANALYTICS (REQUEST_ID, TIMESTAMP, PROVIDER, MODEL, COST_USD) "
        f"SELECT 'r1', '{(datetime.now(UTC) - timedelta(hours=3)):%Y-%m-%d %H:%M:%S}', 'openai', 'gpt-4o', 0.5"
    )
    (tmp_path / "sophia.toml").write_text(
        f"""
        budgets = []
        [snowflake]
        account = "{place.account}"
        user = "{place.user}"
        role = "{place.role}"
        database = "{place.database}"
        host = "{place.host}"
        port = {place.port}
        protocol = "{place.protocol}"
        [[sources]]
        name = "platform"
        format = "snowflake_analytics"
        table = {{ database = "{place.database}", schema_name = "{place.schema_name}" }}
        [[sources]]
        name = "credits"
        format = "snowflake_credits"
        table = {{ database = "{place.database}", schema_name = "{place.schema_name}" }}
        """
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SNOWFLAKE_PASSWORD", snowflake.secrets["SNOWFLAKE_PASSWORD"])
    command = CommandLine(tmp_path)
    sources = {each["source"]: each for each in command.facts("run", "--plain")["sources"]}
    assert "WAREHOUSE_METERING_HISTORY cannot be read" in str(sources["credits"]["refused"])
    assert sources["platform"]["refused"] == []
    assert command.rows("SELECT provider, cost_usd FROM core_usage_events") == [
        {"provider": "openai", "cost_usd": "0.5"}
    ]
    looked = {each["component"]: each["status"] for each in command.facts("doctor")["diagnosis"]["components"]}
    assert (looked["platform"], looked["credits"]) == ("healthy", "degraded")


def test_a_file_whose_rows_the_gate_holds_stays_until_they_are_committed(bench):
    for number in range(20):
        analytics(bench, GOOD.replace("'r1'", f"'r{number}'").replace("0.123456", "-1"))
    assert bench.collect() == []
    bench.pull(NOW + timedelta(minutes=1))
    assert len(bench.spool) == 1


def test_a_row_without_an_id_is_quarantined(bench):
    analytics(bench, GOOD.replace("'r1'", "NULL"), FAILED)
    assert [event["request_id"] for event in bench.collect()] == ["r2"]
    query = Query("SELECT rule FROM core_quarantine")
    assert connect_warehouse(bench.settings, NOW).read(query).height == 1
