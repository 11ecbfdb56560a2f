"""Public traces through the command line, with a mapping and no code: counted and priced exactly."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SHARED = Path(__file__).parent.parent.parent / "shared" / "data"
AZURE = SHARED / "azure_llm_2023_conv.csv"
BURST = SHARED / "burstgpt_sample.csv"

needs_shared_data = pytest.mark.skipif(
    not AZURE.exists(), reason="the public traces (Azure LLM 2023, BurstGPT) are not on this machine"
)

CONFIG = """
[[sources]]
name = "azure-trace"
format = "mapped"

[sources.mapping]
convention = "inclusive"

[sources.mapping.columns]
started_at = "TIMESTAMP"
provider = { constant = "openai" }
model = { constant = "gpt-4o" }
input_tokens = "ContextTokens"
output_tokens = "GeneratedTokens"

[[sources]]
name = "burst-trace"
format = "mapped"

[sources.mapping]
convention = "inclusive"

[sources.mapping.columns]
started_at = { column = "Timestamp", time = "relative_seconds", origin = "2024-05-01T00:00:00Z" }
provider = { constant = "openai" }
model = { column = "Model", values = { "ChatGPT" = "gpt-3.5-turbo", "GPT-4" = "gpt-4" } }
input_tokens = "Request tokens"
output_tokens = "Response tokens"
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("traces")
    (folder / "sophia.toml").write_text(CONFIG)
    return folder


def sophia(project: Path, *arguments: str) -> str:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SOPHIA_")}
    done = subprocess.run(
        [str(Path(sys.executable).with_name("sophia-metrics")), *arguments],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def query(project: Path, sql: str):
    return json.loads(sophia(project, "sql", sql, "--json"))


@needs_shared_data
def test_an_hour_of_a_production_service_is_priced_to_the_last_digit(project):
    # 22,361,870 x 2.50 + 4,088,665 x 10.00 dollars a million = 55.904675 + 40.88665
    sophia(project, "ingest", str(AZURE), "--source", "azure-trace")
    (row,) = query(
        project,
        "SELECT count(*) AS calls, CAST(sum(input_tokens) AS BIGINT) AS input, CAST(sum(output_tokens) AS BIGINT) AS output, "
        "sum(cost_usd) AS spend, min(usage_on) AS first_on, max(usage_on) AS last_on "
        "FROM core_usage_events WHERE source = 'azure-trace'",
    )
    assert (row["calls"], row["input"], row["output"]) == (19366, 22361870, 4088665)
    assert row["spend"] == "96.791325"
    assert (row["first_on"], row["last_on"]) == ("2023-11-16", "2023-11-16")


@needs_shared_data
def test_a_trace_in_seconds_from_its_start_loads_with_a_mapping_alone(project):
    sophia(project, "ingest", str(BURST), "--source", "burst-trace")
    rows = query(
        project,
        "SELECT model, count(*) AS calls, CAST(sum(input_tokens + output_tokens) AS BIGINT) AS tokens, "
        "count(cost_usd) AS priced FROM core_usage_events WHERE source = 'burst-trace' GROUP BY model ORDER BY model",
    )
    lines = [line.split(",") for line in BURST.read_text().splitlines()[1:]]
    totals = {name: sum(int(line[4]) for line in lines if line[1] == name) for name in ("ChatGPT", "GPT-4")}
    assert {row["model"]: row["tokens"] for row in rows} == {
        "gpt-3.5-turbo": totals["ChatGPT"],
        "gpt-4": totals["GPT-4"],
    }
    assert sum(row["calls"] for row in rows) == sum(row["priced"] for row in rows) == 250
