"""What the doctor says of prices: what has none, and what was assumed."""

import duckdb
import pytest

from sophia_metrics.costs.reports import report_query
from sophia_metrics.marts import mart
from tests.command_line import CommandLine, litellm_call


@pytest.fixture(scope="module")
def doctor(tmp_path_factory):
    """The page and the facts of the doctor on calls at the edge of the price list."""
    patch = pytest.MonkeyPatch()
    path = tmp_path_factory.mktemp("doctor")
    patch.chdir(path)
    patch.setenv("SOPHIA_HOME", str(path / "home"))
    patch.setenv("COLUMNS", "250")
    sophia = CommandLine(path)
    old = {"startTime": "2025-04-20T10:00:00Z", "endTime": "2025-04-20T10:00:02Z", "spend": None}
    scopeless = "bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0"
    calls = [
        litellm_call("small", model="gpt-4o-minx", spend=None, prompt_tokens=10),
        litellm_call("small too", model="gpt-4o-minx", spend=None, prompt_tokens=10),
        litellm_call("tuned", model="ft:gpt-4o-mini:org::id", spend=None),
        litellm_call("deployed", model="gpt-4o-prod", custom_llm_provider="azure", spend=None, prompt_tokens=500),
        litellm_call("scope", model=scopeless, custom_llm_provider="bedrock", spend=None),
        litellm_call("past", model="gpt-4.1", **old),
        litellm_call("plain", spend=None),
    ]
    assert sophia("ingest", sophia.write("usage.jsonl", calls), "--source", "litellm").exit_code == 0
    yield sophia("doctor").stdout, sophia.facts("doctor")["diagnosis"]
    patch.undo()


def test_models_without_a_price_stand_by_their_tokens(doctor):
    found = [(each["usage"]["model"], each["usage"]["request_count"]) for each in doctor[1]["unpriced"]]

    # 1,100, 600 and twice 110 tokens
    assert found == [("ft:gpt-4o-mini:org::id", 1), ("gpt-4o-prod", 1), ("gpt-4o-minx", 2)]


def test_each_has_its_nearest_known_name(doctor):
    assert [each["nearest"][0] for each in doctor[1]["unpriced"]] == ["gpt-4o-mini", "gpt-4o", "gpt-4o-mini"]


def test_a_fine_tune_is_said_not_to_cost_what_its_base_costs(doctor):
    assert doctor[1]["unpriced"][0]["reason"].endswith("not that of its base")


def test_prices_that_were_assumed_stand_with_the_money_that_rests_on_them(doctor):
    found = [(each["says"], each["request_count"], each["cost_usd"]) for each in doctor[1]["assumptions"]]

    # 1,000 and 100 tokens, a million at 3.30 and 16.50, and at 2.00 and 8.00; the newest gpt-4o assumes nothing
    assert found == [
        ("the in-region price, no scope is named", 1, "0.00495"),
        ("older than the price list: its first price", 1, "0.0028"),
    ]


@pytest.mark.parametrize("words", ["tokens", "nearest known names", "1,100", "what was assumed", "0.0050"])
def test_the_page_shows_them(doctor, words):
    assert words in doctor[0]


CARDS = [
    ("open", "genai-prices openai/m; open_start"),
    ("dated", "genai-prices openai/m; open_start; backdated from 2026-10-12"),
    ("cached", "genai-prices openai/m; cache_read as input; cache_write_5m as input; cache_write_1h as input"),
    ("lent", "genai-prices azure/m; the maker's price, azure lists none"),
    ("right", "correction: it was so (https://example.com); like genai-prices openai/m; open_start"),
]


@pytest.mark.parametrize(
    ("price_id", "usage", "assumptions"),
    [
        ("open", {"usage_on": "2025-05-21"}, ["open_start"]),
        ("open", {"usage_on": "2025-05-22"}, []),
        ("dated", {"usage_on": "2026-10-11"}, ["backdated"]),
        ("dated", {"usage_on": "2026-10-12"}, []),
        ("cached", {}, []),
        ("cached", {"cache_read_tokens": 1}, ["cache_read as input"]),
        (
            "cached",
            {"cache_write_5m_tokens": 1, "cache_write_1h_tokens": 1},
            ["cache_write_1h as", "cache_write_5m as input"],
        ),
        ("lent", {}, ["the maker"]),
        ("right", {"usage_on": "2024-06-01"}, ["correction"]),
        ("lent", {"cost_basis": "billed"}, []),
        ("lent", {"cost_usd": 0}, []),
    ],
)
def test_an_assumption_counts_where_it_mattered_to_the_computed_cost(price_id, usage, assumptions):
    event = {
        "provider": "openai",
        "model": "m",
        "usage_on": "2026-11-01",
        "source_role": "ledger",
        "cost_basis": "computed",
        "cost_usd": "1.5",
        "request_count": 1,
        "price_id": price_id,
        "cache_read_tokens": 0,
        "cache_write_5m_tokens": None,
        "cache_write_1h_tokens": None,
        **usage,
    }
    types = {"usage_on": "DATE", "cost_usd": "DECIMAL(38,12)"}
    columns = ", ".join(
        f"${name}::{types.get(name, 'BIGINT' if name.endswith(('tokens', 'count')) else 'VARCHAR')} AS {name}"
        for name in event
    )
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE core_usage_events AS SELECT {columns}", event)
        connection.execute("CREATE TABLE core_price_cards (price_id VARCHAR, origin VARCHAR, price_book VARCHAR)")
        connection.executemany("INSERT INTO core_price_cards VALUES ($1, $2, 'list')", CARDS)
        connection.execute(f"CREATE VIEW mart_price_assumptions AS {mart('mart_price_assumptions').sql}")
        rows = connection.execute(report_query("assumed_prices")).fetchall()

    assert sorted(assumption for _, _, assumption, *_ in rows) == assumptions
