"""OpenAI's organisation usage, from the vendor's ledger to ours."""

from datetime import datetime, timedelta

import pytest

from tests.live_lab import LiveLab
from tests.vendors.openai import KEY, OpenAI
from tests.vendors.server import VendorServer

NOW = datetime(2026, 11, 20, 12, 30)
START = datetime(2026, 11, 18)


@pytest.fixture
def openai(monkeypatch):
    monkeypatch.setenv("OPENAI_ADMIN_KEY", KEY)
    vendor = OpenAI()
    vendor.now = NOW
    with VendorServer(vendor) as server:
        vendor.url = f"{server.url}/v1"
        yield vendor


@pytest.fixture
def lab(openai, tmp_path):
    source = {"name": "openai", "format": "openai_usage", "base_url": openai.url, "since": "2026-11-18"}
    return LiveLab(tmp_path, [{**source, "requests_per_minute": 60000}])


def test_our_cost_is_the_vendors_to_the_cent(openai, lab):
    openai.use(START, hours=60)
    lab.collect(NOW)

    assert lab.last["openai"].finding is None
    assert lab.usd("openai", NOW) == openai.usd(START, NOW)


def test_a_second_reading_of_the_same_changes_nothing(openai, lab):
    openai.use(START, hours=24)
    lab.collect(NOW)
    lab.collect(NOW + timedelta(minutes=1))

    assert lab.last["openai"].file_count == 0
    assert lab.usd("openai", NOW) == openai.usd(START, NOW)
