"""Roles of parts of a source: one gateway is the ledger of one provider, and is only compared for another."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import duckdb
import pytest

from sophia_metrics.connect import connect_source, roles_in_force
from sophia_metrics.costs.outdated_roles import load_outdated_roles
from sophia_metrics.costs.reconciliation import load_double_ledgers
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.settings import load_settings
from sophia_metrics.sources import events
from sophia_metrics.sources.file_source import FileSource
from sophia_metrics.sources.terms import PartRole, SourceTerms
from sophia_metrics.usage.roles import covers, role_expression, role_of
from sophia_metrics.windows import Window
from tests.lab import NOW, Lab, event

DAY = Window.of_days(date(2026, 11, 18), date(2026, 11, 18))
OPENAI_IS_COMPARED = (PartRole("reconcile", provider="OpenAI"),)
GATEWAY = '[[sources]]\nname = "gateway"\nformat = "litellm"\n'
ROLES = "SELECT source, provider, source_role FROM core_usage_events ORDER BY ALL"


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path / "home")


def gateway(lab, *parts, **terms):
    """The gateway, which tells of one call of openai and of one of anthropic."""
    calls = [event("g1"), event("g2", provider="anthropic", model="claude-sonnet-4-5")]
    path = lab.write("gateway.jsonl", calls)
    given = replace(lab.source(name="gateway").terms, parts=parts, **terms)
    return FileSource(given, events.FORMAT, (str(path),))


@pytest.fixture
def shared(lab):
    """The gateway beside openai's own usage, which tells of the same call."""
    lab.collect_new(gateway(lab, *OPENAI_IS_COMPARED))
    lab.ingest(lab.write("openai.jsonl", [event("o1")]), name="openai")
    lab.publish()
    return lab


def test_spend_counts_each_call_once(shared):
    # gpt-4o: 1,000 at 2.50 and 100 at 10.00 a million, 0.0035; claude-sonnet-4-5 at 3 and 15, 0.0045.
    spend = shared.serving.query("SELECT provider, sum(cost_usd) FROM mart_cost_daily GROUP BY ALL ORDER BY ALL")

    assert spend.rows() == [("anthropic", Decimal("0.0045")), ("openai", Decimal("0.0035"))]


def test_reconciliation_shows_both_and_finds_no_double_ledger(shared):
    sql = "SELECT provider, computed_usd, compared_usd, ledger_sources FROM mart_reconciliation ORDER BY provider"

    assert shared.serving.query(sql).rows() == [
        ("anthropic", Decimal("0.0045"), None, "gateway"),
        ("openai", Decimal("0.0035"), Decimal("0.0035"), "openai"),
    ]
    assert load_double_ledgers(shared.serving, NOW) == ()


def test_a_source_settles_days_where_any_part_of_it_counts(lab):
    lab.collect_new(gateway(lab, *OPENAI_IS_COMPARED))
    assert lab.one("SELECT source_role FROM core_watermarks") == "ledger"

    lab.collector.note_collected(gateway(lab, PartRole("ledger", provider="openai"), role="reconcile"), NOW)
    assert lab.one("SELECT source_role FROM core_watermarks") == "ledger"

    lab.collector.note_collected(gateway(lab, *OPENAI_IS_COMPARED, role="reconcile"), NOW)
    assert lab.one("SELECT source_role FROM core_watermarks") == "reconcile"


def test_a_rebuild_keeps_the_roles(shared):
    was = shared.rows(ROLES)
    shared.collector.rebuild([gateway(shared, *OPENAI_IS_COMPARED), shared.source(name="openai")], DAY, NOW)

    assert shared.rows(ROLES) == was
    assert was == [
        ("gateway", "anthropic", "ledger"),
        ("gateway", "openai", "reconcile"),
        ("openai", "openai", "ledger"),
    ]


def test_a_changed_role_is_a_finding_until_the_days_are_made_anew(lab):
    lab.collect_new(gateway(lab))
    lab.publish()
    changed = gateway(lab, *OPENAI_IS_COMPARED)
    lab.collect_new(changed)
    assert ("gateway", "openai", "ledger") in lab.rows(ROLES)
    (found,) = load_outdated_roles(lab.serving, [changed.terms], NOW)
    assert (found.provider, found.role, found.role_now, found.event_count) == ("openai", "ledger", "reconcile", 1)
    assert "`sophia-metrics backfill 2026-11-18 2026-11-18`" in found.message

    lab.collector.rebuild([changed], DAY, NOW)
    lab.publish()
    assert ("gateway", "openai", "reconcile") in lab.rows(ROLES)
    assert load_outdated_roles(lab.serving, [changed.terms], NOW) == ()


# --- what a part is ----------------------------------------------------------------------------------------

PARTS = {
    "provider": PartRole("reconcile", provider="x.ai"),
    "account": PartRole("reconcile", account="o'org"),
    "both": PartRole("reconcile", provider="openai", account="o'org"),
    "direct": PartRole("reconcile", provider="openai", route="direct"),
    "reseller": PartRole("reconcile", route="vertex"),
    "any direct": PartRole("reconcile", route="direct"),
    "gateway": PartRole("reconcile", route="LiteLLM"),
}
ROWS = {
    "grok": ("xAI", None, None),
    "openai": ("openai", None, None),
    "openai of the account": ("openai", "o'org", "Portkey"),
    "openai by azure": ("openai", "o'org", "azure"),
    "gemini": ("google", "other", "vertex_ai"),
    "sonar": ("perplexity", "other", " \t"),
    "mistral": ("mistral", "other", "litellm\n"),
}
FITS = {
    "provider": {"grok"},
    "account": {"openai of the account", "openai by azure"},
    "both": {"openai of the account", "openai by azure"},
    "direct": {"openai", "openai of the account"},
    "reseller": {"gemini"},
    "any direct": {"grok", "openai", "openai of the account", "sonar", "mistral"},
    "gateway": {"mistral"},
}


def by_sql(terms, *rows):
    """Return the role of each row as the SQL says it."""
    places = ", ".join(["(?::INTEGER, ?::VARCHAR, ?::VARCHAR, ?::VARCHAR)"] * len(rows))
    values = [value for number, row in enumerate(rows) for value in (number, *row)]
    sql = f"SELECT {role_expression(terms)} FROM (VALUES {places}) AS t (number, provider, account_id, route)"
    with duckdb.connect() as connection:
        return [role for (role,) in connection.execute(f"{sql} ORDER BY number", values).fetchall()]


@pytest.mark.parametrize("part", PARTS)
def test_a_part_is_what_has_all_that_it_names_in_any_spelling(part):
    terms = SourceTerms("gateway", "events", parts=(PARTS[part],))

    expected = ["reconcile" if row in FITS[part] else "ledger" for row in ROWS]
    assert [role_of(terms, *row) for row in ROWS.values()] == expected
    assert by_sql(terms, *ROWS.values()) == expected


def test_of_several_parts_the_first_that_fits_holds():
    parts = (PartRole("ledger", provider="openai", account="eu"), PartRole("reconcile", provider="openai"))
    terms = SourceTerms("gateway", "events", parts=parts)

    rows = [("openai", account, None) for account in ("eu", "us", None)]
    assert by_sql(terms, *rows) == ["ledger", "reconcile", "reconcile"]


def test_rows_without_an_account_have_that_of_the_source(lab):
    lab.collect_new(gateway(lab, PartRole("reconcile", account="eu"), account="eu"))

    assert set(lab.rows("SELECT account_id, source_role FROM core_usage_events")) == {("eu", "reconcile")}


def test_rows_that_were_read_without_an_account_are_judged_by_that_of_the_source():
    terms = SourceTerms("gateway", "events", parts=(PartRole("reconcile", account="eu"),), account="eu")

    assert role_of(terms, "openai", None, None) == "reconcile"


def test_a_part_of_the_direct_route_covers_one_of_a_gateway_and_not_the_other_way_round():
    direct, gateway_alone = PartRole("ledger", route="direct"), PartRole("ledger", route="portkey")

    assert (covers(direct, gateway_alone), covers(gateway_alone, direct)) == (True, False)


# --- settings ----------------------------------------------------------------------------------------------


def settings(folder, toml):
    (folder / "sophia.toml").write_text(toml)
    return load_settings(folder)


def test_parts_of_a_source_come_from_its_settings(tmp_path):
    part = '[[sources.roles]]\nprovider = "openai"\nrole = "reconcile"\n'
    (source,) = settings(tmp_path, GATEWAY + part).sources

    expected = (PartRole("reconcile", provider="openai"),)
    assert connect_source(source).terms.parts == expected
    assert [each.parts for each in roles_in_force(settings(tmp_path, GATEWAY + part))] == [expected]


@pytest.mark.parametrize(
    ("toml", "expected"),
    [
        (GATEWAY + '[[sources.roles]]\nrole = "reconcile"', "needs a provider, an account or a route"),
        (GATEWAY + '[[sources.roles]]\nprovider = "openai"', 'roles.0.role: must be given; an example is role = "rec'),
        (GATEWAY + '[[sources.roles]]\nprovider = "openai"\nrole = "none"', "roles.0.role: input should be 'ledger'"),
        (GATEWAY + '[[sources.roles]]\nmodel = "m"\nrole = "ledger"', "roles.0.model is no setting: known are"),
        (
            GATEWAY
            + '[[sources.roles]]\nprovider = "OpenAI"\nrole = "ledger"\n'
            + '[[sources.roles]]\nprovider = "openai"\naccount = "eu"\nrole = "reconcile"',
            "[[sources.roles]] number 2 has no effect: number 1 fits all of it",
        ),
        (
            GATEWAY.replace("litellm", "focus")
            + 'paths = ["b.csv"]\n[[sources.roles]]\nroute = "azure"\nrole = "ledger"',
            "is a bill, which never counts as usage",
        ),
    ],
)
def test_a_wrong_part_is_refused_with_what_to_write(tmp_path, toml, expected):
    with pytest.raises(ConfigurationError) as caught:
        settings(tmp_path, toml)

    assert expected in str(caught.value)
