"""The commands that do something, on real files; a run here is plain."""

import csv
import io
import json

import pytest

from tests.command_line import PROMPT, CommandLine, litellm_call

SPEND = "SELECT sum(cost_usd) AS spend_usd, sum(request_count) AS calls FROM mart_cost_daily"


def folder(tmp_path_factory, name):
    path = tmp_path_factory.mktemp(name)
    patch = pytest.MonkeyPatch()
    patch.chdir(path)
    patch.setenv("SOPHIA_HOME", str(path / "home"))
    patch.setenv("SOPHIA_QUALITY__CHECKPOINT", "false")
    return CommandLine(path), patch


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """Two runs on sample data: their pages."""
    sophia, patch = folder(tmp_path_factory, "sample")
    pages = [sophia("run", "--sample", "--plain") for _ in range(2)]
    yield sophia, *pages
    patch.undo()


def test_a_run_on_sample_data_says_so_above_every_figure(sample):
    _, first, second = sample

    assert [first.exit_code, second.exit_code] == [0, 0]
    assert first.stdout.startswith("╭─ SAMPLE DATA")
    assert second.stdout.startswith("╭─ SAMPLE DATA")


@pytest.mark.parametrize(
    "wanted",
    [
        "Spend by UTC day and model",
        "Spend of the last 14 days",
        "month to date",
        "support-8b-instruct",
        "no price is known",
        "newest call",
        "rm -r ",
        "sophia-metrics doctor",
    ],
)
def test_a_run_shows_what_a_person_wants_to_know(sample, wanted):
    assert wanted in sample[1].stdout


def test_a_second_run_changes_nothing_and_says_so(sample):
    _, first, second = sample

    assert "nothing changed" not in first.stdout
    assert "nothing changed" in second.stdout


def test_a_run_reports_its_facts_to_machines(sample):
    sophia, *_ = sample

    facts = sophia.facts("run", "--sample", "--plain")

    assert facts["is_changed"] is False
    assert facts["published"]["is_sample"] is True
    assert facts["spend"]["table"]["other"] is None
    assert facts["spend"]["all_time"]["cost_usd"] == sophia.rows(SPEND)[0]["spend_usd"]


def test_sql_on_sample_data_warns_on_standard_error(sample):
    result = sample[0]("sql", SPEND)

    assert result.stderr == "SAMPLE DATA: these figures are made up\n"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """Three calls of LiteLLM, ingested: two of gpt-4o and one of a model without a price."""
    sophia, patch = folder(tmp_path_factory, "gateway")
    calls = [
        litellm_call("one"),
        litellm_call("two", startTime="2026-11-17T10:00:00Z"),
        litellm_call("three", model="gpt-4o-minx", spend=None),
    ]
    yield sophia, sophia("ingest", sophia.write("usage.jsonl", calls), "--source", "litellm")
    patch.undo()


def test_ingested_calls_are_priced_to_the_last_digit(gateway):
    sophia, page = gateway

    assert page.exit_code == 0
    assert sophia.rows(SPEND) == [{"spend_usd": "0.007", "calls": 3}]  # 2 x (1,000 x 2.50 + 100 x 10.00) / 1,000,000


def test_a_model_without_a_price_is_unknown_and_never_zero(gateway):
    _, page = gateway
    (line,) = [line for line in page.stdout.splitlines() if line.startswith("gpt-4o-minx ") and "unknown" in line]

    assert "0.00" not in line


def test_the_doctor_names_models_near_one_without_a_price(gateway):
    (unpriced,) = gateway[0].facts("doctor")["diagnosis"]["unpriced"]

    assert unpriced["usage"]["model"] == "gpt-4o-minx"
    assert "gpt-4o-mini" in unpriced["nearest"]


def test_the_same_file_again_changes_nothing(gateway):
    sophia, _ = gateway

    again = sophia.facts("ingest", str(sophia.folder / "usage.jsonl"), "--source", "litellm")

    assert (again["is_changed"], again["rows"]["read"]) == (False, 0)


def test_no_prompt_and_no_person_is_ever_printed(gateway):
    sophia, page = gateway
    everything = sophia("sql", "SELECT * FROM core_usage_events", "--format", "csv")
    doctor = sophia("doctor")

    for result in (page, everything, doctor):
        assert PROMPT not in result.output
        assert "ada@example.com" not in result.output


def test_sql_prints_json_with_exact_decimals_and_utc_instants(gateway):
    rows = gateway[0].rows(
        "SELECT started_at, usage_on, cost_usd, latency_ms, input_tokens, region, is_stream "
        "FROM core_usage_events WHERE usage_on = DATE '2026-11-17'"
    )

    assert rows == [
        {
            "started_at": "2026-11-17T10:00:00Z",
            "usage_on": "2026-11-17",
            "cost_usd": "0.0035",
            "latency_ms": rows[0]["latency_ms"],
            "input_tokens": 1000,
            "region": None,
            "is_stream": None,
        }
    ]


def test_sql_prints_json_without_rows_as_an_empty_array(gateway):
    assert gateway[0].rows("SELECT model FROM core_usage_events WHERE model = 'none'") == []


def test_sql_prints_csv_that_a_reader_reads_back(gateway):
    text = gateway[0](
        "sql",
        "SELECT model, sum(cost_usd) AS usd FROM mart_cost_daily GROUP BY model ORDER BY model",
        "--format",
        "csv",
    )

    assert list(csv.reader(io.StringIO(text.stdout))) == [
        ["model", "usd"],
        ["gpt-4o", "0.007"],
        ["gpt-4o-minx", ""],
    ]


def test_sql_prints_a_table_that_tells_null_from_zero(gateway):
    text = gateway[0]("sql", "SELECT 0 AS nothing, NULL AS unknown, 0.10::DECIMAL(9, 4) AS dime").stdout

    assert text.splitlines()[-2].split() == ["0", "null", "0.1"]


@pytest.mark.parametrize(
    ("sql", "hint"),
    [
        ("SELECT 1 FROM mart_costs_daily", "did you mean mart_cost_daily"),
        ("SELECT cost FROM mart_cost_daily", "did you mean cost_usd"),
        ("SELECT 1 AS one; SELECT 2 AS two", "2 statements"),
        ("", "no statements"),
        ("DROP TABLE core_versions", "DROP is not allowed"),
        ("COPY core_versions TO 'stolen.csv'", "COPY is not allowed"),
        ("ATTACH 'other.duckdb'", "ATTACH is not allowed"),
        ("SELEC 1", "syntax error"),
        ("SELECT 'a'::INTEGER AS number", "Could not convert"),
        ("SELECT 1 AS a, 2 AS a", "two columns are named a"),
    ],
)
def test_sql_says_what_is_wrong_with_a_query(gateway, sql, hint):
    result = gateway[0]("sql", sql, "--json")

    assert result.exit_code == 2
    assert hint in result.stderr
    assert "Traceback" not in result.output


def test_tables_count_their_rows_and_name_their_columns(gateway):
    sophia, _ = gateway
    tables = {each["name"]: each for each in sophia.facts("tables")["tables"]}

    assert tables["core_usage_events"]["row_count"] == 3
    columns = {each["name"]: each["type"] for each in sophia.facts("tables", "mart_cost_daily")["columns"]}
    assert columns["cost_usd"] == "DECIMAL(38,12)"


def test_days_are_made_anew_from_landing_as_they_were(gateway):
    sophia, _ = gateway

    facts = sophia.facts("backfill", "2026-11-17", "2026-11-18")

    assert facts["event_count"] == 3
    assert sophia.rows(SPEND) == [{"spend_usd": "0.007", "calls": 3}]


def test_a_file_whose_rows_are_mostly_broken_is_held_and_exits_with_3(tmp_path_factory):
    sophia, patch = folder(tmp_path_factory, "held")
    calls = [litellm_call(f"bad-{place}", prompt_tokens=-1) for place in range(20)]
    page = sophia("ingest", sophia.write("broken.jsonl", calls), "--source", "litellm")
    machine = sophia("ingest", str(sophia.folder / "broken.jsonl"), "--source", "litellm", "--json")
    patch.undo()

    assert [page.exit_code, machine.exit_code] == [3, 3]
    assert "Held back by the gate: 1 slice" in page.stdout
    assert json.loads(machine.stdout)["is_held"] is True


def test_a_file_of_another_kind_is_refused_and_exits_with_1(tmp_path_factory):
    sophia, patch = folder(tmp_path_factory, "refused")
    result = sophia("ingest", sophia.write("letters.jsonl", [{"dear": "diary"}]), "--source", "litellm")
    patch.undo()

    assert result.exit_code == 1
    assert "Refused: 1 file" in result.stdout
    assert "letters.jsonl" in result.stderr


def test_agent_logs_are_read_without_their_prompts_and_are_not_spend(tmp_path_factory):
    sophia, patch = folder(tmp_path_factory, "agent")
    usage = {
        "input_tokens": 1000,
        "output_tokens": 100,
        "cache_read_input_tokens": 0,
        "cache_creation_input_tokens": 0,
    }
    line = {
        "type": "assistant",
        "timestamp": "2026-11-18T10:00:00.000Z",
        "sessionId": "s",
        "requestId": "req_1",
        "cwd": "/work/shop",
        "message": {"id": "msg_1", "model": "claude-sonnet-4-5", "usage": usage, "content": PROMPT},
    }
    logs = sophia.folder / ".claude" / "projects" / "shop"
    logs.mkdir(parents=True)
    (logs / "session.jsonl").write_text(json.dumps(line) + "\n")
    patch.setenv("HOME", str(sophia.folder))
    page = sophia("run", "--plain")
    facts = sophia.facts("run", "--plain")
    patch.undo()

    assert "read 1 file, no prompt text" in page.stderr
    assert "not spend" in page.stdout
    assert PROMPT not in page.output
    assert facts["spend"]["table"]["total"] is None
    assert facts["spend"]["api_equivalent"]["list_cost_usd"] == "0.0045"  # 1,000 x 3.00 + 100 x 15.00 a million


def test_a_named_file_is_read_to_its_last_byte_however_young_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOPHIA_HOME", str(tmp_path / "home"))
    sophia = CommandLine(tmp_path)
    header = "id,started_at,provider,model,input_tokens,output_tokens"
    rows = [f"{name},2026-11-18T10:00:00Z,openai,gpt-4o,1000,100" for name in ("a", "b")]
    (tmp_path / "export.csv").write_text("\n".join([header, *rows]))

    sophia.facts("ingest", str(tmp_path / "export.csv"), "--source", "events")

    assert sophia.rows("SELECT count(*) AS calls FROM core_usage_events") == [{"calls": 2}]
