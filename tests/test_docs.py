"""What the documentation shows is true: its commands run, its queries answer, its links and paths exist."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from sophia_metrics import schema
from sophia_metrics.warehouse.snowflake.dialect import parse, render

ROOT = Path(__file__).parent.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "ARCHITECTURE.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
]
SOPHIA = str(Path(sys.executable).with_name("sophia-metrics"))


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SOPHIA_")}
    return subprocess.run(
        [SOPHIA, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


QUERIES = [
    pytest.param(page, query, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, query in enumerate(blocks(page, "sql"))
]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder in which the README's commands were run: `init`, then an ingest of a LiteLLM log."""
    folder = tmp_path_factory.mktemp("readme")
    shutil.copy(ROOT / "tests" / "fixtures" / "sources" / "litellm.jsonl", folder / "spend_logs.jsonl")
    return folder


def readme_commands() -> list[list[str]]:
    lines = [line for block in blocks(ROOT / "README.md", "bash") for line in block.splitlines()]
    commands = [
        shlex.split(line.removeprefix("uv run "), comments=True) for line in lines if line.startswith("uv run sophia")
    ]
    return [command[1:] for command in commands]


def test_the_readme_has_exactly_two_commands_to_start_with():
    start = [block.strip() for block in blocks(ROOT / "README.md", "bash")[:2]]
    assert start == ["pip install uv && uv run sophia-metrics run", "uv run pytest"]


def test_the_commands_of_the_readme_run_in_their_order(project):
    commands = readme_commands()
    assert [command[0] for command in commands] == ["init", "ingest", "sql"]
    for command in commands:
        done = run(project, *command)
        assert done.returncode == 0, (command, done.stderr)


@pytest.mark.parametrize(("page", "query"), QUERIES)
def test_a_query_of_the_documentation_answers(project, page, query):
    if not (project / ".sophia").exists():
        run(project, "ingest", "spend_logs.jsonl", "--source", "litellm")
    done = run(project, "sql", query, "--json")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "query",
    [
        pytest.param(query, id=each.id)
        for each in QUERIES
        for _, query in [each.values]
        if schema.NEWEST_DAYS_NAMES & {table.name for table in schema.tables_in(query)}
    ],
)
def test_a_query_of_the_documentation_that_snowflake_has_to_answer_carries_over(query):
    assert render(parse(query))


def test_the_commands_of_the_exports_page_run(project):
    if not (project / ".sophia").exists():
        run(project, "ingest", "spend_logs.jsonl", "--source", "litellm")
    page = ROOT / "docs" / "exports.md"
    commands = [shlex.split(line)[1:] for block in blocks(page, "sh") for line in block.splitlines()]
    assert {command[0] for command in commands} == {"export", "chargeback"}
    for command in commands:
        done = run(project, *command)
        assert done.returncode == 0, (command, done.stderr)


def test_every_command_that_the_documentation_names_exists():
    named = {
        word
        for page in PAGES
        for word in re.findall(r"(?:`|uv run |^)sophia-metrics ([a-z][a-z-]*)", page.read_text(), re.MULTILINE)
    }
    listed = run(ROOT, "--help").stdout
    assert named
    assert [word for word in sorted(named) if not re.search(rf"\b{word}\b", listed)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_between_pages_leads_somewhere(page):
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", [ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md"], ids=lambda page: page.stem)
def test_every_path_that_is_named_exists(page):
    named = re.findall(r"`((?:sophia_metrics|flows|tasks|tests|benchmarks|docs)/[\w./-]*)`", page.read_text())
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_grants_of_the_snowflake_page_are_printed_for_its_settings(tmp_path):
    page = ROOT / "docs" / "snowflake.md"
    settings = [
        textwrap.dedent(block)
        for block in re.findall(r"^ *```toml\n(.*?)^ *```", page.read_text(), re.MULTILINE | re.DOTALL)
    ]
    set_up, sources, sink = settings
    (tmp_path / "sophia.toml").write_text(f"{set_up}\n{sources.rpartition('[[sources]]')[0]}\n{sink}")
    (command,) = re.findall(r"^ *(sophia-metrics grants .*) >", page.read_text(), re.MULTILINE)
    done = run(tmp_path, *shlex.split(command)[1:])
    assert done.returncode == 0, done.stderr
    assert "GRANT USAGE ON WAREHOUSE SOPHIA_METRICS_WH TO ROLE ANALYSTS;" in done.stdout
    assert "GRANT SELECT, INSERT, UPDATE ON TABLE SOPHIA_AI.OPS_MONITORING.AI_USAGE_ANALYTICS" in done.stdout
    assert "GRANT DATABASE ROLE SNOWFLAKE.USAGE_VIEWER TO ROLE SOPHIA_METRICS;" in done.stdout
