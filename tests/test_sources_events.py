"""Files of our own event format become usage events; the truth of the fixture was worked out by hand."""

import json
from decimal import Decimal

from sophia_metrics.schema import core
from sophia_metrics.sources.events import FORMAT
from tests.landed import FIXTURES, at, defects, land, mapped, rows, units, write_jsonl

LOG = FIXTURES / "events.jsonl"
CALL, AUDIO, FAILED = range(3)


def _event(row, *names):
    event = mapped([LOG], FORMAT)[row]
    return tuple(event[name] for name in names)


def test_times_honour_their_offset_and_are_utc_without_one():
    assert [_event(row, "started_at")[0] for row in (CALL, AUDIO)] == [at("2026-10-05T08:00:00")] * 2
    assert _event(CALL, "ended_at") == (at("2026-10-05T08:00:02"),)


def test_token_columns_are_taken_as_they_are_and_their_sum_is_the_input():
    assert _event(CALL, "input_tokens", "cache_read_tokens", "cache_write_5m_tokens", "total_input_tokens") == (
        *(70, 30, None),
        100,
    )


def test_cost_is_billed_in_the_currency_that_the_event_names():
    assert _event(CALL, "cost_reported", "cost_reported_currency") == (Decimal("0.00125"), "EUR")
    assert FORMAT.reported_basis == "billed"


def test_a_cost_without_a_currency_is_never_taken_for_dollars(tmp_path):
    line = {"provider": "openai", "model": "m", "started_at": "2026-10-05", "cost": 1}
    (event,) = mapped([write_jsonl(tmp_path / "log.jsonl", [line])], FORMAT)
    assert (event["cost_reported"], event["cost_reported_currency"]) == (Decimal(1), None)


def test_tags_are_json_and_absent_ones_unknown():
    assert json.loads(_event(CALL, "tags")[0]) == {"feature": "chat", "env": "prod"}
    assert _event(AUDIO, "tags") == (None,)


def test_other_units_are_told_where_there_are_any():
    assert units([LOG], FORMAT) == {(CALL, "web_searches"): 2, (AUDIO, "audio_seconds"): 12.5}


def test_the_quality_says_whether_usage_is_known():
    assert [event["usage_quality"] for event in mapped([LOG], FORMAT)] == ["exact", "exact", "missing"]


def test_an_event_without_an_id_has_no_native_id():
    assert [event["native_id"] for event in mapped([LOG], FORMAT)] == ["e-1", None, "e-3"]


def test_people_are_landed_in_columns_that_are_hashed():
    assert FORMAT.identity_columns == ("user", "api_key", "session", "prompt_hash", "prefix_hash")
    assert _event(CALL, "user_hash", "api_key_id", "session_id") == ("ann", "key-1", "s-1")


def test_keys_that_the_format_does_not_know_are_never_read():
    assert "never read" not in str(rows(land([LOG], FORMAT), "SELECT * FROM landed"))


def test_every_column_of_an_event_that_is_not_ours_can_be_told():
    ours = {"event_id", "usage_on", "source", "source_role", "ingested_at", "attempt_id"}
    priced = {column.name for column in core.PRICED}
    expected = {column.name for column in core.USAGE_EVENTS.columns} - ours - priced
    assert expected <= set(mapped([LOG], FORMAT)[0])


def test_a_unit_that_is_no_number_is_a_defect(tmp_path):
    line = {"provider": "p", "model": "m", "started_at": "2026-10-05", "units": {"images": "some"}}
    assert defects([write_jsonl(tmp_path / "log.jsonl", [line, line | {"units": {"images": 1}}])], FORMAT) == [
        "wrong_type",
        None,
    ]
