"""A state folder of DuckDB moves to Snowflake: nothing is lost, nothing is counted twice, and every sum is compared."""

import re
import shutil
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from sophia_metrics import schema
from sophia_metrics.alerts.budget_rule import BudgetRule
from sophia_metrics.alerts.check import check_rules
from sophia_metrics.alerts.evaluation import Channel
from sophia_metrics.alerts.published import read_observations
from sophia_metrics.cli.facts import exact_text
from sophia_metrics.cli.figures import money
from sophia_metrics.costs.budgets import Budget, load_budgets, set_budget
from sophia_metrics.errors import ConfigurationError, ProcessingError, SophiaError
from sophia_metrics.invoices.commit import commit_lines
from sophia_metrics.quality.publishing import publish_judged
from sophia_metrics.schema import Storage
from sophia_metrics.scopes import Scope
from sophia_metrics.serving import Serving
from sophia_metrics.sources.terms import SAMPLE_SOURCE
from sophia_metrics.warehouse.duckdb.fingerprints import fingerprints
from sophia_metrics.warehouse.duckdb.state import StateFile
from sophia_metrics.warehouse.duckdb.upkeep import DuckDBUpkeep
from sophia_metrics.warehouse.moving import Moved
from sophia_metrics.warehouse.protocol import Retention
from sophia_metrics.warehouse.snowflake.build import build_marts
from sophia_metrics.warehouse.snowflake.grants import MOVING_VERBS, VERBS
from sophia_metrics.warehouse.snowflake.loading import leftover_stage_tables
from sophia_metrics.warehouse.snowflake.moved import MOVED_STATE, STAYING
from sophia_metrics.warehouse.snowflake.moving import SnowflakeMover
from sophia_metrics.warehouse.snowflake.session import SnowflakeSession
from sophia_metrics.warehouse.snowflake.state import SnowflakeState
from sophia_metrics.warehouse.snowflake.target import claim
from tests.command_line import CommandLine
from tests.forgotten import ADA, forgetter
from tests.grants_lab import needed
from tests.lab import NOW, Lab, event
from tests.snowflake_front import Fault, front_of
from tests.snowflake_lab import PASSWORD, SnowflakeLab, fake_settings
from tests.snowflake_warehouse import SnowflakeWarehouseLab
from tests.test_invoices import BILL, WINDOW, frame, line
from tests.test_snowflake_mirror import probes

pytest_plugins = ("tests.snowflake_fixtures",)

LATER = NOW + timedelta(hours=1)
EXPIRED, KEPT, LOST = date(2026, 11, 10), date(2026, 11, 15), date(2026, 11, 15)
RULES, CHANNELS = (
    (BudgetRule(resolve_after=timedelta(minutes=5)),),
    (Channel("ops", frozenset({"warning", "critical"})),),
)
SPEND = "SELECT usage_on, sum(cost_usd), sum(request_count) FROM mart_cost_daily GROUP BY usage_on ORDER BY usage_on"
STATE = ("core_ingest_ledger", "file_positions", "core_budgets", "core_alert_episodes", "core_tombstones")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Usage with late rows, a bad row, an expired day, a set budget, an alert that is open, and a forgotten person."""
    lab = Lab(tmp_path_factory.mktemp("made") / "state")
    lab.ingest(
        lab.write("one.jsonl", [event("old", "2026-11-10T10:00:00Z"), event("a"), event("bad", input_tokens=-1)]),
        lab.write(
            "two.jsonl",
            [
                event("b", "2026-11-19T08:00:00Z", latency_ms=12.5, team="search", user=ADA),
                event("late", "2026-11-15T23:59:59Z", units={"web_search": 3}),
                event("a", "2026-11-18T10:00:00Z", output_tokens=500),
            ],
        ),
    )
    lab.warehouse.commit(probes((NOW,), (datetime(2026, 11, 20, 11), "failed")))
    commit_lines(lab.warehouse, BILL, WINDOW, frame(line("a", "1.5", currency="EUR"), line("b", "2")), NOW)
    commit_lines(lab.warehouse, BILL, WINDOW, frame(line("a", "1.6", currency="EUR")), NOW)
    set_budget(lab.warehouse, Budget("all", Scope("all", "all"), "month", Decimal("0.01")), NOW)
    lab.collector.audit(NOW)
    publish_judged(lab.warehouse, NOW)
    assert lab.warehouse.commit(Retention(KEPT, None, None, NOW)).row_count == 1
    forgetter(lab, lab.source(lab.home.parent / "*.jsonl")).forget(ADA, NOW)
    publish_judged(lab.warehouse, NOW)
    assert check_rules(lab.warehouse, RULES, read_observations(Serving(lab.home)), CHANNELS, NOW).deliveries
    lost = ("core_usage_events", LOST, "a file is gone", 1, NOW, 1)
    with StateFile(lab.home).transaction() as locked:
        locked.execute("INSERT INTO damaged_days VALUES ($1, $2, $3, $4, $5, $6)", list(lost))
        locked.execute("INSERT INTO core_quarantine_verdicts VALUES ('bad', 'discarded', $1)", [NOW])
    return lab


@pytest.fixture
def lab(made, tmp_path):
    """A copy of the folder; its source files are where they were."""
    shutil.copytree(made.home, tmp_path / "here" / "state", symlinks=True)
    return Lab(tmp_path / "here" / "state")


@dataclass(frozen=True)
class AfterMove:
    """A folder that has moved, where to, what was said of it, and what was sent; nobody changes it."""

    home: Path
    session: SnowflakeSession
    answer: Moved
    sent: frozenset[str]


@pytest.fixture(scope="module")
def moved(made, tmp_path_factory, snowflake_server):
    lab = Lab(tmp_path_factory.mktemp("moved") / "state")
    shutil.copytree(made.home, lab.home, symlinks=True)
    snowflake = SnowflakeLab(fake_settings(snowflake_server), {"SNOWFLAKE_PASSWORD": PASSWORD})
    session = snowflake.prepare(NOW)
    watched = snowflake.session()
    answer = mover(lab, watched).move(NOW)
    yield AfterMove(lab.home, session, answer, frozenset(snowflake.statements.texts))
    snowflake.close()


def copied(moved, tmp_path):
    shutil.copytree(moved.home, tmp_path / "copy" / "state", symlinks=True)
    return Lab(tmp_path / "copy" / "state")


@pytest.fixture
def session(snowflake):
    return snowflake.prepare(NOW)


def mover(lab, session):
    _ = lab.warehouse
    return SnowflakeMover(session, lab.home, DuckDBUpkeep(lab.home).back_up, memory_limit="1GiB")


def moved_to(lab, snowflake, session):
    """The same folder as a run with warehouse = "snowflake" sees it."""
    return SnowflakeWarehouseLab(lab.home, snowflake=snowflake, sessions=[session], now=LATER)


def there(session, sql):
    return session.fetch_frame(sql).rows()


def interrupted(snowflake, meanwhile):
    """A session in which something happens once: when all is loaded and built, just before sums are asked for."""
    left = [meanwhile]

    def observe(sql):
        if left and sql.startswith("SELECT usage_on, COUNT(*), COUNT(event_id)"):
            left.pop()()

    return snowflake.session(observe=observe)


def accepted(gathered):
    """How many rows of each file that was read became usage."""
    return [count.accepted_count for each in gathered.receipts for count in each.files]


def rows_of(name):
    """A query of the rows of a state table; versions are numbered by who publishes them."""
    return f"SELECT {', '.join(each for each in schema.table(name).names if each != 'last_version')} FROM {name} ORDER BY ALL"


def by_table(moved):
    return {each.name: each for each in moved.tables}


def state_of(lab):
    with StateFile(lab.home).transaction() as locked:
        return dict(fingerprints(locked))


def test_no_table_of_state_is_forgotten():
    tables = schema.stored(Storage.STATE, Storage.INTERNAL)
    assert sorted(table.name for table in (*MOVED_STATE, *STAYING)) == sorted(table.name for table in tables)


def test_all_state_and_every_sum_is_there(made, moved):
    tables = by_table(moved.answer)
    events = tables["core_usage_events"]
    assert (events.day_count, events.row_count) == (3, 3)
    assert events.cost_usd == made.one("SELECT sum(cost_usd) FROM core_usage_events")
    assert (tables["mart_cost_daily"].day_count, tables["core_quarantine"].row_count) == (4, 1)
    assert {name: there(moved.session, rows_of(name)) for name in STATE} == {
        name: made.rows(rows_of(name)) for name in STATE
    }
    assert there(moved.session, SPEND) == made.rows(SPEND)
    assert leftover_stage_tables(moved.session, NOW + timedelta(days=3650)) == ()


def test_lines_of_bills_are_there_with_those_that_are_gone(made, moved):
    told = by_table(moved.answer)["core_invoice_lines"]
    lines = f"SELECT {', '.join(schema.table('core_invoice_lines').names)} FROM core_invoice_lines ORDER BY line_id"
    known = "SELECT model, billed_cost, billed_cost_usd, removed_at FROM core_invoice_lines ORDER BY model"
    assert (told.day_count, told.row_count) == (1, 2)
    assert there(moved.session, lines) == made.rows(lines)
    assert there(moved.session, known) == [("a", Decimal("1.6"), Decimal("1.76"), None), ("b", None, None, NOW)]


def test_a_move_sends_what_the_script_grants_for_it_and_needs_all_that_it_adds(moved):
    asked = needed(moved.sent)
    added = {(table, verb) for table, verbs in MOVING_VERBS.items() for verb in verbs}
    assert asked - added <= {(table, verb) for table, verbs in VERBS.items() for verb in verbs}
    assert added <= asked


def test_an_expired_day_is_there_as_its_rollups_which_nothing_builds_again(moved):
    assert there(moved.session, "SELECT min(usage_on) FROM core_usage_events") == [(KEPT,)]
    for name in ("mart_cost_15min", "mart_cost_hourly", "mart_cost_daily", "mart_source_daily"):
        assert there(moved.session, f"SELECT count(*) FROM {name} WHERE usage_on = '{EXPIRED}'") == [(1,)], name
    assert build_marts(SnowflakeState(moved.session), moved.session, NOW).day_count == 0


def test_marts_of_a_day_of_which_rows_were_lost_are_carried_and_not_computed_from_what_is_left(moved):
    listed = "SELECT day_on FROM manifest WHERE table_name = 'mart_cost_hourly' AND starts_with(attempt_id, 'moved-')"
    assert there(moved.session, f"{listed} ORDER BY day_on") == [(EXPIRED,), (LOST,)]
    assert there(moved.session, "SELECT day_on, lost_count FROM damaged_days") == [(LOST, 1)]


def test_a_folder_that_has_moved_takes_usage_no_more_and_a_second_move_does_nothing(moved, tmp_path):
    lab = copied(moved, tmp_path)
    with pytest.raises(ConfigurationError, match='set warehouse = "snowflake"'):
        lab.ingest(lab.write("more.jsonl", [event("more")]))
    again = mover(lab, moved.session).move(NOW)
    assert (again.is_done_before, again.tables) == (True, ())
    assert there(moved.session, "SELECT count(*) FROM mirrors") == [(0,)]


def test_a_folder_that_has_moved_takes_no_decision_that_belongs_to_snowflake(moved, tmp_path):
    lab = copied(moved, tmp_path)
    with pytest.raises(ConfigurationError, match='set warehouse = "snowflake"'):
        set_budget(lab.warehouse, Budget("more", Scope("all", "all"), "month", Decimal(1)), NOW)
    assert lab.warehouse.commit(probes((LATER,))).event_count == 1


def test_a_backup_from_before_the_move_is_not_restored_and_one_from_after_it_is(moved, tmp_path):
    lab = copied(moved, tmp_path)
    upkeep = DuckDBUpkeep(lab.home, memory_limit="1GiB")
    with StateFile(lab.home).transaction() as locked:
        (mirror,) = locked.execute("SELECT origin, synced_at, forwarded_at FROM mirrors").fetchall()
        locked.execute("DELETE FROM mirrors")
    before = upkeep.back_up(NOW + timedelta(minutes=1))
    with StateFile(lab.home).transaction() as locked:
        locked.execute("INSERT INTO mirrors (origin, synced_at, forwarded_at) VALUES ($1, $2, $3)", list(mirror))
    after = upkeep.back_up(LATER)
    with pytest.raises(ConfigurationError, match="was made before the state folder mirrored"):
        upkeep.restore(LATER, before.name)
    assert upkeep.restore(LATER, after.name).base == after.name


def test_a_folder_with_usage_of_its_own_commits_nothing_to_an_empty_schema(lab, snowflake, session):
    there_too = SnowflakeWarehouseLab(lab.home, snowflake=snowflake)
    with pytest.raises(ConfigurationError, match="holds usage that DuckDB committed"):
        there_too.ingest(lab.write("more.jsonl", [event("more")]))
    assert there(session, "SELECT count(*) FROM core_ingest_ledger") == [(0,)]


def test_a_state_file_that_is_lost_afterwards_comes_back_as_that_of_a_mirror(moved, tmp_path):
    lab = copied(moved, tmp_path)
    (lab.home / "warehouse.duckdb").unlink()
    assert mover(lab, moved.session).look().is_done_before


def test_the_next_run_reads_only_what_is_new_and_alerts_nobody_again(made, lab, snowflake, session):
    spend = lab.rows(SPEND)
    mover(lab, session).move(NOW)
    after = moved_to(lab, snowflake, session)

    new_file = lab.write("new.jsonl", [event("new", "2026-11-20T01:00:00Z")])
    assert accepted(after.collect(after.source(made.home.parent / "*.jsonl", new_file))) == [1]
    publication = publish_judged(after.warehouse, LATER)
    assert (publication.is_new, publication.held_because) == (True, None)
    new = (date(2026, 11, 20), Decimal("0.003500000000"), 1)
    assert after.serving.query(SPEND).rows() == [*spend, new]
    assert there(session, SPEND) == [*spend, new]
    assert [(each.budget.name, each.origin) for each in load_budgets(after.warehouse)] == [("all", "set")]
    again = check_rules(after.warehouse, RULES, read_observations(Serving(lab.home)), CHANNELS, LATER)
    assert again.deliveries == ()


def test_the_command_says_what_it_moved_and_what_to_set_then(lab, snowflake, session, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOPHIA_HOME", str(lab.home))
    monkeypatch.setenv("SNOWFLAKE_PASSWORD", PASSWORD)
    for name, value in snowflake.settings.model_dump(exclude_defaults=True).items():
        monkeypatch.setenv(f"SOPHIA_SNOWFLAKE__{name.upper()}", str(value))
    command, spend = CommandLine(tmp_path), lab.one("SELECT sum(cost_usd) FROM core_usage_events")
    looked = command.facts("migrate", "--to", "snowflake", "--dry-run")
    done = command("migrate", "--to", "snowflake")

    events = next(each for each in looked["moved"]["tables"] if each["name"] == "core_usage_events")
    assert events == {"name": "core_usage_events", "day_count": 3, "row_count": 3, "cost_usd": exact_text(spend)}
    assert done.exit_code == 0, done.stderr
    assert [line.split() for line in done.stdout.splitlines() if line.startswith("core_usage_events")] == [
        ["core_usage_events", "3", "3", money(spend)]
    ]
    assert 'Set warehouse = "snowflake" in sophia.toml' in done.stdout
    assert "there is nothing to move" in command("migrate", "--to", "snowflake").stdout
    assert PASSWORD not in done.stdout + done.stderr


def test_a_dry_run_says_what_there_is_and_changes_nothing(lab, snowflake, moved):
    _ = lab.warehouse
    before = state_of(lab)
    looked = mover(lab, snowflake.session()).look()

    assert by_table(looked) == by_table(moved.answer)
    assert state_of(lab) == before
    assert not [text for text in snowflake.statements.texts if text.startswith(("CREATE", "INSERT"))]


def test_what_is_not_the_same_there_stops_the_move_and_the_next_loads_it_again(lab, snowflake, session):
    _ = lab.warehouse
    before = state_of(lab)

    def spoil():
        session.execute(
            "UPDATE core_usage_events SET cost_usd = cost_usd + 0.000000000001 WHERE usage_on = '2026-11-18'"
        )
        session.execute("UPDATE core_quarantine SET found_on = '2026-11-01'")
        session.execute("UPDATE core_budgets SET limit_usd = limit_usd + 1")

    with pytest.raises(ProcessingError) as failure:
        mover(lab, interrupted(snowflake, spoil)).move(NOW)
    assert re.findall(r"(?:core_usage|core_quar|core_bud)\w+[^;]*?(?=;|\. Run)", str(failure.value)) == [
        "core_quarantine of 2026-11-01: no rows here, 1 rows there",
        "core_quarantine of 2026-11-20: 1 rows here, no rows there",
        "core_usage_events of 2026-11-18: cost_usd is 0.007500000000 in sum here, 0.007500000001 there",
        "core_budgets: 1 of 1 rows are not there as they are here, and 1 are there that are not here",
    ]
    assert state_of(lab) == before

    assert mover(lab, session).move(NOW).loaded_count == 2
    assert there(session, "SELECT sum(cost_usd) FROM core_usage_events WHERE usage_on = '2026-11-18'") == [
        (Decimal("0.007500000000"),)
    ]
    assert there(session, "SELECT found_on FROM core_quarantine") == [(NOW.date(),)]


def test_a_schema_to_which_a_folder_is_being_moved_takes_nothing_else(snowflake, session, tmp_path):
    claim(session, "state folder 1a2b")
    other = SnowflakeWarehouseLab(tmp_path / "state", snowflake=snowflake, sessions=[session])
    with pytest.raises(ConfigurationError, match="a state folder 1a2b is being moved to this schema"):
        other.ingest(other.write("calls.jsonl", [event("z")]))
    lab = Lab(tmp_path / "stranger")
    lab.ingest(lab.write("calls.jsonl", [event("a")]))
    lab.publish()
    with pytest.raises(ConfigurationError, match="another state folder 1a2b is being moved to"):
        mover(lab, session).move(LATER)


def test_a_schema_with_usage_of_its_own_is_refused_with_what_is_there(lab, snowflake, session, tmp_path):
    (tmp_path / "other").mkdir()
    other = SnowflakeWarehouseLab(tmp_path / "other" / "state", snowflake=snowflake, sessions=[session])
    other.ingest(other.write("calls.jsonl", [event("z")]))

    with pytest.raises(
        ConfigurationError, match=r"is not empty.*core_ingest_ledger \(1 rows\).*core_usage_events \(1 rows\)"
    ):
        mover(lab, session).move(NOW)
    assert there(session, "SELECT count(*) FROM core_usage_events") == [(1,)]


def test_sample_data_and_an_empty_folder_are_refused(session, tmp_path):
    lab = Lab(tmp_path / "state")
    with pytest.raises(ConfigurationError, match="holds no usage"):
        mover(lab, session).move(NOW)
    lab.ingest(lab.write("calls.jsonl", [event("a")]), name=SAMPLE_SOURCE)
    with pytest.raises(ConfigurationError, match="made-up usage"):
        mover(lab, session).look()


def test_marts_that_are_not_built_are_refused(lab, session):
    lab.ingest(lab.write("more.jsonl", [event("more")]))
    with pytest.raises(ProcessingError, match="marts of 1 days are not built"):
        mover(lab, session).move(NOW)


def test_what_is_committed_while_days_are_loaded_is_brought_and_compared_too(lab, snowflake, session):
    def commit():
        lab.ingest(lab.write("meanwhile.jsonl", [event("meanwhile", "2026-11-19T09:00:00Z")]))

    moved = by_table(mover(lab, interrupted(snowflake, commit)).move(NOW))

    assert moved["core_usage_events"].row_count == 4
    assert there(session, "SELECT count(*) FROM core_ingest_ledger") == [(3,)]
    daily = "SELECT sum(request_count) FROM mart_cost_daily WHERE usage_on = '2026-11-19'"
    assert there(session, daily) == [(2,)]


@pytest.mark.parametrize(
    ("fault", "statement", "number"),
    [
        pytest.param(Fault.CUT_AFTER, "COMMIT", 2, id="the answer to the first days is lost"),
        pytest.param(Fault.CUT_BEFORE, "INSERT INTO CORE_VERSIONS", 1, id="when all is equal and being published"),
    ],
)
def test_a_move_that_is_cut_off_goes_on_where_it_was(lab, snowflake_server, fault, statement, number):
    _ = lab.warehouse
    before, left = state_of(lab), [number]

    def decide(request):
        left[0] -= request.upper().startswith(statement)
        if left[0] == 0:
            left[0] = -1
            return fault
        return None

    with front_of(snowflake_server) as front:
        snowflake = SnowflakeLab(fake_settings(front.place), {"SNOWFLAKE_PASSWORD": PASSWORD})
        session = snowflake.prepare(NOW)
        front.decide = decide
        with pytest.raises(SophiaError):
            mover(lab, session).move(NOW)
        assert state_of(lab) == before
        moved = by_table(mover(lab, session).move(NOW))
        assert (moved["core_usage_events"].row_count, moved["mart_cost_daily"].day_count) == (3, 4)
        assert there(session, "SELECT count(*), count(DISTINCT event_id) FROM core_usage_events") == [(3, 3)]
        snowflake.close()


def test_a_move_whose_end_was_lost_is_finished_by_the_next(lab, snowflake_server):
    """The folder is the mirror already when the note in the schema is taken away."""
    with front_of(snowflake_server) as front:
        snowflake = SnowflakeLab(fake_settings(front.place), {"SNOWFLAKE_PASSWORD": PASSWORD})
        session = snowflake.prepare(NOW)
        front.decide = lambda request: Fault.CUT_BEFORE if request.upper().startswith("DELETE FROM MIRRORS") else None
        with pytest.raises(SophiaError):
            mover(lab, session).move(NOW)
        front.decide = lambda _: None
        after = moved_to(lab, snowflake, session)
        with pytest.raises(ConfigurationError, match="is being moved to this schema"):
            after.ingest(after.write("more.jsonl", [event("more")]))
        assert mover(lab, session).move(NOW).is_done_before
        assert accepted(after.collect(after.source(after.home.parent / "more.jsonl"))) == [1]
        snowflake.close()
