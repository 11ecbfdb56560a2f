"""Values that are not what their names promise, and some that look so."""

from tests.poison.good_rows import json_line, json_row
from tests.poison.poison import Poison
from tests.poison.text import GOOD_AFTER, GOOD_BEFORE, Text, bad_line, bad_row, text_file

__all__ = ["WRONG_TYPES"]

ROW = json_line("events", "never")
RULE = "wrong_type"


def _renamed(text: Text) -> Text:
    """Write the model under another name from the fourth row on."""
    text.good(GOOD_BEFORE)
    for number in (1, 2):
        row = json_line("events", f"{text.name}#bad {number}", model=..., model_name="gpt-4o")
        text.bad(row, "missing_model")
    return text


def _type_changed(text: Text) -> Text:
    text.good(GOOD_BEFORE)
    for number in (1, 2):
        row = json_line("events", f"{text.name}#bad {number}", input_tokens={"total": 1000})
        text.bad(row, RULE)
    return text


def _numbers_in_quotes(text: Text) -> Text:
    request_id = f"{text.name}#quoted"
    row = json_line("events", request_id, input_tokens="1000", output_tokens="100", cost="0.0035")
    return text.good(GOOD_BEFORE).fine(row, request_id).good(GOOD_AFTER)


def _whole_floats(text: Text) -> Text:
    request_id = f"{text.name}#float"
    row = json_line("events", request_id, input_tokens=1000.0).replace(b'"output_tokens": 100', b'"output_tokens": 1e2')
    return text.good(GOOD_BEFORE).fine(row, request_id).good(GOOD_AFTER)


def _claude_usage(**counts: object) -> dict[str, object]:
    return {**json_row("claude", "never")["message"], "id": "message of a bad row", "usage": counts}


WRONG_TYPES: tuple[Poison, ...] = (
    bad_row("text_for_count.jsonl", "a word where a count belongs", RULE, output_tokens="many"),
    bad_row("list_for_count.jsonl", "a list where a count belongs", RULE, output_tokens=[100]),
    bad_row("object_for_text.jsonl", "an object where a text belongs", RULE, model={"name": "gpt-4o"}),
    bad_row("text_for_boolean.jsonl", "a word where true or false belongs", RULE, is_stream="perhaps"),
    bad_row("list_for_map.jsonl", "a list where a map belongs", RULE, tags=["search"]),
    bad_row("text_for_map.jsonl", "a text where a map belongs", RULE, tags="search"),
    bad_row("word_for_quantity.jsonl", "a word as a quantity of a unit", RULE, units={"web_searches": "some"}),
    bad_row("word_for_money.jsonl", "a word where an amount belongs", RULE, cost="cheap", currency="USD"),
    bad_row("date_that_is_none.jsonl", "the 30th of February", RULE, started_at="2026-02-30T10:00:00Z"),
    bad_row("word_for_time.jsonl", "a word where a time belongs", RULE, started_at="yesterday"),
    bad_row("number_for_time.jsonl", "a number where a time belongs", RULE, started_at=1763460000),
    bad_row("fraction.jsonl", "12.7 tokens", "fractional_count", output_tokens=12.7),
    bad_row("fraction_in_quotes.jsonl", "12.7 tokens, as a text", "fractional_count", output_tokens="12.7"),
    bad_row("number_beyond_integers.jsonl", "a count of 21 digits", "count_too_large", output_tokens=10**20),
    bad_row("nan_text.jsonl", "the text NaN where a count belongs", "fractional_count", output_tokens="NaN"),
    bad_row("infinity_text.jsonl", "the text Infinity as a duration", "number_is_not_finite", latency_ms="Infinity"),
    bad_line("nan_literal.jsonl", "a bare NaN as a count", "fractional_count", ROW.replace(b": 100}", b": NaN}")),
    bad_line(
        "infinity_literal.jsonl",
        "a bare Infinity as a duration",
        "number_is_not_finite",
        ROW[:-1] + b', "ttft_ms": Infinity}',
    ),
    text_file("renamed_column.jsonl", "a column is renamed half-way", _renamed),
    text_file("changed_type.jsonl", "a column changes its type half-way", _type_changed),
    text_file("numbers_in_quotes.jsonl", "numbers in quotes, which are numbers", _numbers_in_quotes),
    text_file("whole_floats.jsonl", "1000.0 and 1e2, which are whole numbers", _whole_floats),
    bad_row("litellm_list_for_object.jsonl", "a list where an object belongs", RULE, "litellm", metadata=[1]),
    bad_row(
        "litellm_word_for_nested_count.jsonl",
        "a word where a nested count belongs",
        RULE,
        "litellm",
        metadata={"usage_object": {"prompt_tokens_details": {"cached_tokens": "many"}}},
    ),
    bad_row(
        "litellm_nested_fraction.jsonl",
        "a fraction where a nested count belongs",
        "fractional_count",
        "litellm",
        metadata={"usage_object": {"prompt_tokens_details": {"cached_tokens": 0.5}}},
    ),
    bad_row(
        "claude_fraction.jsonl",
        "a fraction where a nested count belongs",
        "fractional_count",
        "claude",
        message=_claude_usage(input_tokens=10.5, output_tokens=20),
    ),
    bad_row(
        "claude_list_for_usage.jsonl",
        "a list where the usage belongs",
        RULE,
        "claude",
        message={**_claude_usage(), "usage": [10, 20]},
    ),
)
