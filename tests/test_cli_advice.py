"""Why it changed, suggestions, what if and KPI on the command line: exact for machines, readable for people."""

from decimal import Decimal

import pytest

from tests.command_line import CommandLine
from tests.lab import Lab, event


@pytest.fixture(scope="module")
def sophia(tmp_path_factory):
    """Four weeks of calls that end some days ago, published."""
    folder = tmp_path_factory.mktemp("advice")
    million = {"input_tokens": 1_000_000, "output_tokens": 100_000}
    calls = [event(f"{day}", f"2026-10-{day:02}T10:00:00Z", team="search", **million) for day in range(1, 29)]
    calls += [event("late", "2026-10-28T11:00:00Z", team="search", prompt_hash="x", retry_ordinal=1, **million)]
    lab = Lab(folder / "home")
    lab.ingest(lab.write("calls.jsonl", calls))
    lab.publish()
    sophia = CommandLine(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("HOME", str(folder))
        patch.setenv("SOPHIA_HOME", str(folder / "home"))
        yield sophia


def test_a_change_is_told_with_effects_that_add_up(sophia):
    facts = sophia.facts("change", "--from", "2026-10-27", "--to", "2026-10-28", "--scope", "team/search")
    page = sophia("change", "--from", "2026-10-27", "--to", "2026-10-28").stdout

    assert facts["change_usd"] == "3.5"
    assert facts["change"]["by_effect"] == [["volume", "3.5"]]
    assert "3.50 before, 7.00 after: +3.50" in page
    assert "openai/gpt-4o of search" in page


def test_what_if_prices_history_another_way(sophia):
    days = ("--from", "2026-10-01", "--to", "2026-10-28")
    facts = sophia.facts("what-if", "--model", "gpt-4o=gpt-4o-mini", *days)
    page = sophia("what-if", "--tier", "standard=batch", *days).stdout

    assert (facts["before_usd"], Decimal(facts["after_usd"])) == ("101.5", 29 * Decimal("0.21"))
    assert "openai/gpt-4o-mini" not in page
    assert "50.75" in page


def test_kpi_and_suggestions_say_what_is_not_known_yet(sophia):
    assert [each["kpi_state"] for each in sophia.facts("kpi")["kpis"]] == ["insufficient_history"] * 3
    assert "insufficient history" in sophia("kpi").stdout
    assert sophia.facts("suggestions")["suggestions"] == []
    assert "nothing to do was found" in sophia("suggestions").stdout


def test_a_baseline_that_is_set_is_published(sophia):
    facts = sophia.facts("kpi", "set-baseline", "daily_cost", "7", "--days", "2026-08-01..2026-08-28")

    cost = next(each for each in facts["kpis"] if each["kpi"] == "daily_cost")
    assert (cost["baseline_value"], cost["baseline_end_on"]) == (7.0, "2026-08-28")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("change", "--from", "x", "--to", "2026-10-28"), "are no days"),
        (("change", "--from", "2026-10-27", "--to", "2026-10-28", "--scope", "nobody"), "has no known form"),
        (("what-if",), "nothing is changed"),
        (("what-if", "--tier", "batch"), "names no two tiers"),
        (("kpi", "set-baseline", "x", "1", "--days", "2026-08-01"), "there is no KPI"),
    ],
)
def test_what_cannot_be_asked_is_wrong_usage(sophia, arguments, says):
    result = sophia(*arguments)

    assert result.exit_code == 2
    assert says in result.stderr
