"""Writing our calls to the platform's table: each once, with its money, and nothing that came from there."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from sophia_metrics.errors import ConfigurationError
from sophia_metrics.warehouse.snowflake.analytics_sink import AnalyticsSink
from sophia_metrics.warehouse.snowflake.grants import SINK_VERBS
from sophia_metrics.warehouse.snowflake.settings import AnalyticsSinkSettings
from tests.grants_lab import needed
from tests.lab import NOW, Lab, event
from tests.test_snowflake_sources import ANALYTICS

pytest_plugins = ("tests.snowflake_fixtures",)


class Place:
    """A state folder with usage, and the platform's table."""

    def __init__(self, lab, folder) -> None:
        self.lab, self.source = lab, Lab(folder / "home")
        self.files: list[Path] = []
        self.session = lab.session()
        self.session.run(ANALYTICS)
        self.settings = AnalyticsSinkSettings(database=lab.settings.database, schema_name=lab.settings.schema_name)

    def collect(self, *events, source: str = "gateway") -> None:
        path = self.source.write(f"{source}-{len(self.files)}.jsonl", events)
        self.files.append(path)
        self.source.ingest(path, name=source)

    def write(self, *left_out: str, now=NOW):
        return AnalyticsSink(
            self.session, self.settings, self.source.warehouse, self.source.home, frozenset(left_out)
        ).write(now)

    def rows(self) -> list[dict]:
        return self.session.run_rows("SELECT * FROM AI_USAGE_ANALYTICS ORDER BY TIMESTAMP, REQUEST_ID")


@pytest.fixture
def place(snowflake, tmp_path):
    return Place(snowflake, tmp_path)


def test_a_call_is_a_row_of_the_platforms_table(place):
    place.collect(event("a", operation="chat", latency_ms=12.6, is_cache_hit=False, user="anna"))
    sunk = place.write()
    (row,) = place.rows()
    assert (sunk.day_count, sunk.row_count, sunk.rounded_count, sunk.refused_count) == (1, 1, 0, 0)
    assert row["request_id"].startswith("sophia:")
    assert (row["provider"], row["model"], row["task_type"]) == ("openai", "gpt-4o", "chat")
    assert (row["cost_usd"], row["tokens_used"], row["latency_ms"]) == (Decimal("0.003500"), 1100, 13)
    assert (row["cache_hit"], row["error"]) == (False, None)
    assert row["user_id"] != "anna"


def test_what_was_written_once_is_not_written_again(place):
    place.collect(event("a"))
    place.write()
    assert place.write(now=NOW + timedelta(hours=1)).day_count == 0
    (place.source.home / "analytics_sink.json").unlink()
    assert place.write(now=NOW + timedelta(hours=1)).row_count == 0
    assert len(place.rows()) == 1


def test_a_call_that_changed_here_changes_there(place):
    place.collect(event("a", source_updated_at="2026-11-18T11:00:00Z"))
    place.write()
    place.collect(event("a", source_updated_at="2026-11-18T12:00:00Z", output_tokens=200))
    assert place.write().row_count == 1
    assert [(row["tokens_used"], row["cost_usd"]) for row in place.rows()] == [(1200, Decimal("0.004500"))]


def test_only_select_insert_and_update_reach_the_platforms_table(place):
    place.collect(event("a"))
    place.lab.statements.texts.clear()
    place.write()
    asked = {verb for table, verb in needed(place.lab.statements.texts) if table == "ai_usage_analytics"}
    assert asked == set(SINK_VERBS)


def test_calls_that_came_from_the_table_do_not_go_back(place):
    place.collect(event("a"), source="analytics")
    place.collect(event("b"), source="gateway")
    place.write("analytics")
    assert len(place.rows()) == 1


def test_a_cost_with_more_digits_is_rounded_and_counted(place):
    place.collect(event("a", cost="0.0000005", currency="USD"), event("b", cost="0.000001", currency="USD"))
    sunk = place.write()
    assert sunk.rounded_count == 1
    assert sorted(row["cost_usd"] for row in place.rows()) == [Decimal("0.000001"), Decimal("0.000001")]


def test_a_cost_that_has_no_place_there_is_refused_and_counted(place, caplog):
    place.collect(event("a", cost="10000", currency="USD"), event("b", cost="9999.999999", currency="USD"))
    sunk = place.write()
    assert sunk.refused_count == 1
    assert [row["cost_usd"] for row in place.rows()] == [Decimal("9999.999999")]
    assert "no place" in caplog.text


def test_buckets_are_no_calls(place):
    place.collect(event("a", record_kind="bucket"))
    assert place.write().row_count == 0


def test_a_table_that_is_not_there_is_named(place):
    place.collect(event("a"))
    place.session.run("DROP TABLE AI_USAGE_ANALYTICS")
    with pytest.raises(ConfigurationError, match="ai_usage_analytics"):
        place.write()
