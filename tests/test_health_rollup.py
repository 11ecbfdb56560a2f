"""From services to the whole: one table of truth, for the library and for the card on the page."""

import duckdb
import pytest

from sophia_metrics import schema
from sophia_metrics.health.rollup import Part, overall_status
from sophia_metrics.health.status import ServiceStatus
from sophia_metrics.health.words import PLAN_WORDS
from sophia_metrics.marts import mart
from sophia_metrics.schema.ddl import create_table

TRUTH = [
    # required, optional, the whole: h healthy, d degraded, x down, u unknown, m maintenance
    ("", "", "unknown"),
    ("h", "", "healthy"),
    ("d", "", "degraded"),
    ("x", "", "down"),
    ("u", "", "unknown"),
    ("m", "", "maintenance"),
    ("hh", "", "healthy"),
    ("hd", "", "degraded"),
    ("hx", "", "down"),
    ("hu", "", "unknown"),
    ("hm", "", "healthy"),
    ("du", "", "degraded"),
    ("dx", "", "down"),
    ("ux", "", "down"),
    ("mx", "", "down"),
    ("mu", "", "unknown"),
    ("h", "h", "healthy"),
    ("h", "d", "degraded"),
    ("h", "x", "degraded"),
    ("h", "u", "healthy"),
    ("h", "m", "healthy"),
    ("u", "x", "degraded"),
    ("u", "h", "unknown"),
    ("x", "h", "down"),
    ("m", "x", "degraded"),
    ("m", "h", "healthy"),
    ("m", "u", "unknown"),
    ("m", "m", "maintenance"),
    ("", "h", "healthy"),
    ("", "x", "degraded"),
    ("", "d", "degraded"),
    ("", "u", "unknown"),
    ("", "hu", "unknown"),
    ("", "m", "maintenance"),
]
LETTERS = {"h": "healthy", "d": "degraded", "x": "down", "u": "unknown", "m": "maintenance"}


@pytest.mark.parametrize(("required", "optional", "whole"), TRUTH)
def test_the_whole_is_the_worst_of_what_is_required(required, optional, whole):
    parts = [Part(ServiceStatus(LETTERS[each])) for each in required]
    parts += [Part(ServiceStatus(LETTERS[each]), is_required=False) for each in optional]

    assert overall_status(parts) == whole


@pytest.mark.parametrize(("required", "optional", "whole"), TRUTH)
def test_the_card_of_the_page_says_the_same(required, optional, whole):
    services = [(each, True) for each in required] + [(each, False) for each in optional]
    with duckdb.connect() as connection:
        for name in mart("mart_performance_now").inputs:
            connection.execute(create_table(schema.table(name)))
        for place, (letter, is_required) in enumerate(services):
            connection.execute(
                "INSERT INTO mart_service_health (service, status, since_at, last_probed_at, is_stale, kind, is_required) "
                "VALUES ($1, $2, '2026-11-20', '2026-11-20', false, 'http', $3)",
                [f"service-{place}", LETTERS[letter], is_required],
            )
        cards = connection.execute(
            f"SELECT text_value FROM ({mart('mart_performance_now').sql}) WHERE metric = 'system_health'"
        )
        found = cards.fetchall()

    assert found == [(whole if services else "no data",)]


def test_the_words_of_the_plan_never_call_healthy_what_is_not():
    assert {status.value: word for status, word in PLAN_WORDS.items()} == {
        "healthy": "healthy",
        "degraded": "degraded",
        "down": "degraded",
        "unknown": "warning",
        "maintenance": "warning",
    }
