"""Six vendors under the flows: whatever goes wrong, our totals are theirs in the end, and gaps have their reasons."""

import asyncio
import json
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from threading import Barrier

import pytest

from flows.build_dashboard import build_dashboard
from flows.collect_usage import collect_usage
from sophia_metrics.connect import connect_reach
from sophia_metrics.services import HealthStatus
from sophia_metrics.serving import Serving
from sophia_metrics.settings import load_settings
from sophia_metrics.sources.live.clock import PullStoppedError
from tasks.clock import simulated_now
from tasks.pulls import pulls_of
from tests.vendors import anthropic, langfuse, litellm, openai, openrouter
from tests.vendors.openai_costs import Cost, OpenAIBills
from tests.vendors.prometheus import Prometheus
from tests.vendors.server import OF_PAGES, Fault, VendorServer

pytestmark = [pytest.mark.prefect, pytest.mark.usefixtures("prefect_server")]

NOW = datetime(2026, 11, 20, 12, 30)
FIRST = datetime(2026, 11, 15)
DAY = timedelta(days=1)
CENT = Decimal("0.01")
UNKNOWN = "gpt-imaginary-1"
KEYS = {
    "OPENAI_ADMIN_KEY": openai.KEY,
    "ANTHROPIC_ADMIN_KEY": anthropic.KEY,
    "LITELLM_API_KEY": litellm.KEY,
    "OPENROUTER_MANAGEMENT_KEY": openrouter.MANAGEMENT_KEY,
    "LANGFUSE_PUBLIC_KEY": langfuse.PUBLIC,
    "LANGFUSE_SECRET_KEY": langfuse.SECRET,
}
SOURCES = (  # name, format, server, path, and what else its table says
    ("openai", "openai_usage", "openai", "/v1", 'account = "org-openai"'),
    ("openai-bill", "openai_costs", "openai-bill", "/v1", 'account = "org-openai"'),
    ("anthropic", "anthropic_usage", "anthropic", "/v1/organizations", 'account = "org-anthropic"'),
    ("anthropic-bill", "anthropic_costs", "anthropic", "/v1/organizations", 'account = "org-anthropic"'),
    ("gateway", "litellm_spend", "gateway", "", ""),
    ("openrouter", "openrouter_activity", "openrouter", "/api/v1", ""),
    ("langfuse", "langfuse_observations", "langfuse", "", ""),
    ("prometheus", "prometheus", "prometheus", "", ""),
)


@dataclass
class World:
    """The vendors by the name of their server, and the folder of the one who uses them."""

    folder: Path
    vendors: dict = field(default_factory=dict)

    def collect(self):
        with simulated_now(NOW):
            return {each.source: each for each in collect_usage(config=str(self.folder))}

    def publish(self):
        with simulated_now(NOW):
            build_dashboard(config=str(self.folder))
        return Serving(load_settings(self.folder).home)


@pytest.fixture
def world(tmp_path, monkeypatch):
    for name, key in KEYS.items():
        monkeypatch.setenv(name, key)
    monkeypatch.delenv("PROMETHEUS_TOKEN", raising=False)
    vendors = {
        "openai": openai.OpenAI(),
        "openai-bill": OpenAIBills(),
        "anthropic": anthropic.Anthropic(),
        "gateway": litellm.LiteLLM(),
        "openrouter": openrouter.OpenRouter(),
        "langfuse": langfuse.Langfuse(),
        "prometheus": Prometheus(),
    }
    world = World(tmp_path, vendors)
    live(vendors, monkeypatch)
    with ExitStack() as stack:
        lines = ["[quality]", "checkpoint = false"]
        urls = {name: stack.enter_context(VendorServer(vendor)).url for name, vendor in vendors.items()}
        for name, form, server, path, more in SOURCES:
            role = "reconcile" if form == "langfuse_observations" else "ledger"
            lines += [
                "[[sources]]",
                f'name = "{name}"',
                f'format = "{form}"',
                f'role = "{role}"',
                more,
                "[sources.api]",
            ]
            lines += [f'base_url = "{urls[server]}{path}"', 'since = "2026-11-15"']
            lines += ["requests_per_minute = 60000", "deadline_seconds = 5"]
        (tmp_path / "sophia.toml").write_text("\n".join(lines))
        yield world


def live(vendors, monkeypatch):
    """Let every vendor see some days, and bill some of them wrongly."""
    for vendor in vendors.values():
        vendor.now = NOW
    calls = vendors["openai"]
    for number in (0, 1, 2, 4):
        calls.use(FIRST + number * DAY + timedelta(hours=9), hours=2)
    monkeypatch.setitem(openai.PRICES, UNKNOWN, ("5", "5", "5"))
    calls.calls.append(openai.Completion(FIRST + 2 * DAY, "p", "u", "k", UNKNOWN, 400_000, 0, 0))
    vendors["gateway"].use(FIRST + timedelta(hours=9), hours=3)
    vendors["gateway"].calls.append(litellm.Call("large", FIRST, uncached=10_000_000))
    vendors["openrouter"].use(FIRST + 3 * DAY, hours=5)
    vendors["langfuse"].use(FIRST + 4 * DAY, hours=3)
    vendors["prometheus"].use(FIRST + 5 * DAY, hours=6)
    for model in (anthropic.SONNET, anthropic.HAIKU):
        vendors["anthropic"].calls.append(anthropic.Message(FIRST + DAY, model, uncached=90_000, output=20_000))
    told = {"description": "Code Execution", "cost_type": "code_execution"}
    vendors["anthropic"].lines.append(anthropic.Line((FIRST + DAY).date(), "700.00", told))
    vendors["openai-bill"].costs = [
        Cost(
            day,
            float(sum(call.usd for call in calls.calls if call.at.date() == day and call.model == model)),
            f"{model}, tokens",
        )
        for day in {call.at.date() for call in calls.calls}
        for model in sorted({call.model for call in calls.calls if call.at.date() == day})
    ]
    for cost in vendors["openai-bill"].costs:
        if cost.day == (FIRST + 4 * DAY).date():
            cost.value = 0.0


def spend(serving, source):
    sql = f"SELECT sum(cost_usd) AS usd FROM core_usage_events WHERE source = '{source}'"
    return serving.query(sql)["usd"][0]


def ours_and_theirs(serving, vendors):
    """Return for each source what we say and what its vendor says, in cents."""
    end = NOW
    priced = sum(call.usd for call in vendors["openai"].calls if call.model != UNKNOWN)
    theirs = {
        "openai": priced,
        "anthropic": vendors["anthropic"].usd(FIRST, end),
        "gateway": vendors["gateway"].usd(FIRST, end),
        "openrouter": vendors["openrouter"].usd(FIRST, end),
        "langfuse": vendors["langfuse"].usd,
    }
    ours = {source: spend(serving, source) for source in theirs}
    billed = serving.query("SELECT source, sum(billed_cost_usd) AS usd FROM core_invoice_lines GROUP BY source")
    ours |= dict(billed.iter_rows())
    theirs["openai-bill"] = vendors["openai-bill"].billed_usd
    theirs["anthropic-bill"] = vendors["anthropic"].billed_usd(FIRST, datetime(2026, 11, 20))
    counted = serving.query("SELECT sum(request_count) AS n FROM core_usage_events WHERE source = 'prometheus'")["n"][0]
    ours["prometheus"], theirs["prometheus"] = counted, vendors["prometheus"].counted["llm_requests_total"]
    return cents(ours), cents(theirs)


def cents(amounts):
    return {name: Decimal(amount).quantize(CENT) for name, amount in amounts.items()}


def test_six_vendors_that_misbehave_in_every_way_end_with_their_own_totals(world):
    faults = list(Fault)
    for turn in range(3):
        for place, vendor in enumerate(world.vendors.values()):
            fault = faults[(turn * len(world.vendors) + place) % len(faults)]
            (vendor.page_faults if fault in OF_PAGES else vendor.faults).append(fault)
        collected = world.collect()
        assert collected.keys() == {name for name, *_ in SOURCES}
    for vendor in world.vendors.values():
        vendor.faults.clear()
        vendor.page_faults.clear()
    collected = world.collect()
    serving = world.publish()

    assert {name: each.refused for name, each in collected.items() if each.refused} == {}
    ours, theirs = ours_and_theirs(serving, world.vendors)
    assert ours == theirs


def test_vendors_are_asked_side_by_side_and_each_for_one_thing_at_a_time(world):
    meeting = Barrier(2, timeout=30)
    for name in ("openai", "gateway"):
        world.vendors[name].meeting = meeting

    collected = world.collect()

    assert [each.refused for each in collected.values() if each.refused] == []
    assert not meeting.broken
    assert world.vendors["anthropic"].most_open == 1


def test_a_run_that_ends_early_stops_the_vendors_that_wait_and_leaves_alone_those_that_hang(world):
    toml = world.folder / "sophia.toml"
    slow = toml.read_text().replace("deadline_seconds = 5", "deadline_seconds = 600")
    toml.write_text(slow.replace("requests_per_minute = 60000", "requests_per_minute = 0.01"))
    world.vendors["gateway"].faults = [Fault.HANG]
    arrived = Barrier(3, timeout=30)
    for name in ("openai", "gateway"):
        world.vendors[name].meeting = arrived
    settings = load_settings(world.folder)
    sources = [each for each in settings.sources if each.name in {"openai", "gateway"}]

    with pulls_of(settings, sources, NOW) as pulls:
        arrived.wait()

    assert isinstance(pulls.begun["openai"].exception(), PullStoppedError)
    assert not pulls.begun["gateway"].done()


def test_planted_gaps_to_bills_carry_their_reasons(world):
    world.collect()
    rows = world.publish().query(
        "SELECT usage_on, provider, gap_reason FROM mart_reconciliation WHERE invoiced_usd IS NOT NULL"
    )

    found = {}
    for day, provider, reason in rows.iter_rows():
        found.setdefault((day, provider), set()).add(reason)
    assert found == {
        (date(2026, 11, 15), "openai"): {"double_source", None},
        (date(2026, 11, 16), "openai"): {None},
        (date(2026, 11, 16), "anthropic"): {
            "unmetered_tools"
        },  # a line without a model: the day is compared as a whole
        (date(2026, 11, 17), "openai"): {"missing_price", None},
        (date(2026, 11, 19), "openai"): {"not_settled", None},
    }


def test_what_is_billed_is_no_spend(world):
    world.collect()
    serving = world.publish()

    spent = serving.query("SELECT sum(cost_usd) AS usd FROM mart_cost_daily")["usd"][0]
    ledger = serving.query("SELECT sum(cost_usd) AS usd FROM core_usage_events WHERE source_role = 'ledger'")["usd"][0]
    assert spent == ledger


def test_every_source_is_reached_or_says_exactly_why_not(world, monkeypatch):
    monkeypatch.delenv("LITELLM_API_KEY")
    world.vendors["openrouter"].faults = [Fault.REFUSED]
    settings = load_settings(world.folder)
    found = {
        source.name: asyncio.run(connect_reach(settings, source, NOW).health_check()) for source in settings.sources
    }

    assert {name for name, health in found.items() if health.status is not HealthStatus.HEALTHY} == {
        "gateway",
        "openrouter",
    }
    assert "export LITELLM_API_KEY=" in found["gateway"].message
    assert "OPENROUTER_MANAGEMENT_KEY" in found["openrouter"].message
    assert not any(key in json.dumps([health.message for health in found.values()]) for key in KEYS.values())
