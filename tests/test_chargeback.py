"""Chargeback: who is charged what, by hand; and sums that are exact for any rows and any rule."""

import shutil
from contextlib import contextmanager
from datetime import date
from decimal import Decimal

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sophia_metrics.errors import ConfigurationError
from sophia_metrics.exports.chargeback import LINE_SCHEMA, ChargebackOrder, charge_back
from sophia_metrics.exports.files import write_export
from sophia_metrics.exports.shares import divide
from tests.command_line import CommandLine, litellm_call
from tests.effort import examples
from tests.lab import Lab, event

NOVEMBER = date(2026, 11, 1)
RULES = ("none", "even", "by-cost", "by-tokens")


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    lab = Lab(tmp_path_factory.mktemp("chargeback") / "home")
    million = {"input_tokens": 1_000_000, "output_tokens": 0}  # 2.50
    calls = [
        event("1", team="search", tags={"customer": "acme"}, **million),
        event("2", team="search", tags={"customer": "acme"}, **million),
        event("3", team="support", tags={"customer": "beta"}, **million),
        event("4", team="support", model="no-such-model"),
        event("5", **million),  # nobody's
        event("6", "2026-10-31T23:30:00Z", team="search", **million),  # November in Paris
    ]
    lab.ingest(lab.write("calls.jsonl", calls))
    lab.ingest(lab.write("batch.jsonl", [event("7", team="search", **million)]), name="batch")
    lab.publish()
    return lab


def asked(lab, **fields):
    with lab.serving.answers() as ask:
        return charge_back(ask, ChargebackOrder(NOVEMBER, **{"by": "team", **fields}))


def amounts(chargeback):
    return {
        line.scope: tuple(None if each is None else f"{each.normalize():f}" for each in dollars(line))
        for line in chargeback.lines
    }


def dollars(line):
    return (line.direct_usd, line.shared_usd, line.total_usd)


@pytest.mark.parametrize(
    ("rule", "search", "support", "shared"),
    [
        ("none", "0", "0", "0"),
        ("even", "1.25", "1.25", "-2.5"),
        ("by-cost", "1.875", "0.625", "-2.5"),  # 7.50 and 2.50 of their own
    ],
)
def test_what_has_no_team_is_divided_by_the_rule(lab, rule, search, support, shared):
    found = asked(lab, split_rule=rule)

    assert {line.scope: f"{line.shared_usd.normalize():f}" for line in found.lines} == {
        "search": search,
        "support": support,
        "(shared)": shared,
    }
    assert found.total.total_usd == Decimal("12.5")


def test_a_line_says_what_it_leaves_out(lab):
    support = asked(lab).lines[1]

    assert (support.scope, support.direct_usd, support.request_count, support.unpriced_count) == (
        *("support", Decimal("2.5"), 2, 1),
    )
    assert support.tokens == 1_001_100


def test_a_tag_is_read_from_its_text(lab):
    assert amounts(asked(lab, by="tag:customer")) == {
        "acme": ("5", "0", "5"),
        "beta": ("2.5", "0", "2.5"),
        "(shared)": ("5", "0", "5"),
    }


def test_the_cost_of_a_shared_source_belongs_to_nobody(lab):
    found = asked(lab, split_rule="even", shared_sources=("batch",))

    assert amounts(found) == {
        "search": ("5", "2.5", "7.5"),
        "support": ("2.5", "2.5", "5"),
        "(shared)": ("5", "-5", "0"),
    }


def test_all_but_the_first_are_one_line(lab):
    assert list(amounts(asked(lab, top=1))) == ["search", "(other)", "(shared)"]


def test_a_month_is_that_of_the_time_zone(lab):
    assert asked(lab, time_zone="Europe/Paris").total.total_usd == Decimal(15)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"by": "model"}, "cannot be charged"),
        ({"by": "tag:"}, "cannot be charged"),
        ({"by": "team", "top": 0}, "names nobody"),
        ({"by": "team", "time_zone": "Mars"}, "no time zone"),
    ],
)
def test_what_cannot_be_charged_is_refused(fields, says):
    with pytest.raises(ConfigurationError, match=says):
        ChargebackOrder(NOVEMBER, **fields)


# --- for any rows ------------------------------------------------------------------------------------------

AMOUNTS = st.one_of(st.none(), st.decimals(-1000, 1_000_000, places=12))
ROWS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.sampled_from(["a", "b", "c", "d", ""])),
        st.sampled_from(["app", "batch"]),
        AMOUNTS,
        st.integers(0, 100),
        st.one_of(st.none(), st.integers(0, 10**12)),
        st.integers(0, 5),
    ),
    max_size=20,
)
SCHEMA = {
    "scope": pl.String(),
    "source": pl.String(),
    "cost_usd": LINE_SCHEMA["total_usd"],
    "request_count": pl.Int64(),
    "tokens": pl.Int64(),
    "unpriced_count": pl.Int64(),
}


@settings(max_examples=examples(100), deadline=None)
@given(ROWS, st.sampled_from(RULES), st.one_of(st.none(), st.integers(1, 5)), st.sets(st.just("batch")))
def test_for_any_rows_the_lines_add_up_to_everything(rows, rule, top, shared):
    order = ChargebackOrder(NOVEMBER, "team", rule, top, "UTC", tuple(shared))
    found = charge_back(lambda _, __: pl.DataFrame(rows, schema=SCHEMA, orient="row"), order)

    known = [row[2] for row in rows if row[2] is not None]
    assert units(line.total_usd for line in found.lines) == units(known) == units([found.total.total_usd])
    assert units(line.direct_usd for line in found.lines) == units(known)
    assert units(line.shared_usd for line in found.lines) == 0
    assert sum(line.request_count for line in found.lines) == sum(row[3] for row in rows)
    assert sum(line.tokens or 0 for line in found.lines) == sum(row[4] or 0 for row in rows)
    assert sum(line.scope not in {"(other)", "(shared)"} for line in found.lines) <= (top or 5)


def units(values):
    return sum(int(value.scaleb(12)) for value in values if value is not None)


@given(st.integers(-(10**18), 10**18), st.lists(st.integers(0, 10**12), min_size=1, max_size=8))
def test_shares_add_up_and_none_is_off_by_a_unit(amount, weights):
    if not any(weights):
        weights = [1] * len(weights)
    shares = divide(amount, weights)

    assert sum(shares) == amount
    assert all(abs(share * sum(weights) - amount * weight) < sum(weights) for share, weight in zip(shares, weights))  # noqa: B905 - as long


@pytest.mark.parametrize("weights", [[0, 0], [2, -1], []])
def test_weights_that_divide_nothing_are_refused(weights):
    with pytest.raises(ValueError, match="an amount is divided by weights"):
        divide(1, weights)


# --- the commands ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sophia(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exports")
    with changed(folder):
        sophia = CommandLine(folder)
        calls = [litellm_call("1"), litellm_call("2", user="bob@example.com", team_id=None)]
        assert sophia("ingest", sophia.write("calls.jsonl", calls), "--source", "litellm").exit_code == 0
        yield sophia


@contextmanager
def changed(folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("SOPHIA_HOME", str(folder / "home"))
        yield


def test_people_stand_hashed_in_a_chargeback_and_a_file_has_its_lines(sophia):
    result = sophia("chargeback", "--month", "2026-11", "--by", "user", "--out", "charged.csv")

    assert result.exit_code == 0, result.stderr
    head, *lines = (sophia.folder / "charged.csv").read_text(encoding="utf-8").splitlines()
    assert head == "scope,direct_usd,shared_usd,total_usd,request_count,tokens,unpriced_count,split_rule"
    assert [line.partition(",")[2] for line in lines] == ["0.0035,0,0.0035,1,1100,0,none"] * 2
    assert "example.com" not in result.stdout + "".join(lines)


def test_a_chargeback_for_machines_has_the_rule_and_the_total(sophia):
    facts = sophia.facts("chargeback", "--month", "2026-11", "--by", "team", "--share", "even")

    assert (facts["split_rule"], facts["total"]["total_usd"]) == ("even", "0.007")
    assert [line["scope"] for line in facts["lines"]] == ["search", "(shared)"]


def test_focus_rows_are_printed_as_csv_and_counted_on_the_other_stream(sophia):
    result = sophia("export", "focus", "--month", "2026-11")

    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("BilledCost,BillingAccountId,")
    assert result.stdout.count("\n") == 5
    assert result.stderr == "4 rows, 0.0070 USD\n"


def test_focus_for_machines_has_exact_sums_and_all_rows(sophia):
    facts = sophia.facts("export", "focus", "--month", "2026-11")

    assert (facts["billed_usd"], facts["row_count"], len(facts["rows"])) == ("0.007", 4, 4)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("export", "focus", "--month", "2026-11", "--out", "focus.xlsx"), "has no known ending"),
        (("export", "focus", "--month", "November"), "--month"),
        (("chargeback", "--month", "2026-11", "--by", "model"), "cannot be charged"),
    ],
)
def test_a_wrong_order_is_refused_with_2(sophia, arguments, says):
    result = sophia(*arguments)

    assert result.exit_code == 2
    assert says in result.stderr


def test_a_file_in_a_place_that_is_no_folder_is_refused(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(ConfigurationError, match="cannot be written"):
        write_export(pl.DataFrame({"a": [1]}), tmp_path / "file" / "a.csv")


def test_a_version_from_before_the_view_says_what_publishes_it(sophia, tmp_path, monkeypatch):
    (tmp_path / "serving").mkdir()
    version = shutil.copy((sophia.folder / "home/serving/current.duckdb").resolve(), tmp_path / "serving/v1.duckdb")
    with duckdb.connect(version) as connection:
        connection.execute("DROP VIEW focus_cost_and_usage")
        connection.execute("DROP TABLE core_sellers")
    (tmp_path / "serving/current.duckdb").symlink_to("v1.duckdb")
    monkeypatch.setenv("SOPHIA_HOME", str(tmp_path))
    result = sophia("export", "focus", "--month", "2026-11")

    assert result.exit_code == 2
    assert "from before there was focus_cost_and_usage: `sophia-metrics run` publishes it" in result.stderr
