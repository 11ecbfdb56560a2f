"""A bad line is told apart from the good ones, whose values are the same with and without it."""

import json
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sophia_metrics.sources import events, langfuse, litellm
from sophia_metrics.sources.format import Format, LandedColumn, TokenConvention
from sophia_metrics.sources.mapped import ColumnMapping, mapped_format
from tests.lab import Lab, event
from tests.landed import defects, land, rows

CAREFUL = settings(max_examples=25, deadline=None)

INTEGERS = st.integers(-(10**24), 10**24).map(str)
DECIMALS = st.tuples(st.integers(0, 10**9), st.text("0123456789", min_size=1, max_size=20)).map(
    lambda parts: f"{parts[0]}.{parts[1]}"
)
EXPONENTS = st.tuples(st.integers(-99, 99), st.sampled_from("eE"), st.integers(-9, 9)).map(
    lambda parts: f"{parts[0]}{parts[1]}{parts[2]}"
)
ZEROS = st.sampled_from(["0", "-0", "-0.0", "0.10", "1e3", "null"])
NUMBERS = st.one_of(INTEGERS, DECIMALS, EXPONENTS, ZEROS)
PRICES = st.one_of(DECIMALS, EXPONENTS, ZEROS, DECIMALS.map(json.dumps))
TEXTS = st.one_of(NUMBERS, st.sampled_from(["true", "false", '"\\u00e9"', '"1e3"', '"-0"', '"a\\"b"']))
BOOLEANS = st.one_of(NUMBERS, st.sampled_from(["true", "false", '"true"', '"no"', "1e30"]))

TIMES = st.sampled_from(
    ["null", *map(json.dumps, ["2026-11-18T10:00:00Z", "1800-01-01", "290308-01-01 (BC)", "infinity"])]
)

EVENT = {
    "id": TEXTS,
    "started_at": TIMES,
    "model": TEXTS,
    "is_stream": BOOLEANS,
    "input_tokens": NUMBERS,
    "cost": PRICES,
    "tags": TEXTS.map(lambda value: f'{{"team": {value}}}'),
    "units": PRICES.map(lambda value: f'{{"web_search": {value}}}'),
}
SPEND_LOG = {
    "request_id": TEXTS,
    "startTime": TIMES,
    "spend": PRICES,
    "cache_hit": TEXTS,
    "prompt_tokens": NUMBERS,
    "request_tags": st.lists(TEXTS, max_size=3).map(lambda values: f"[{', '.join(values)}]"),
    "metadata": NUMBERS.map(lambda value: f'{{"status": {value}, "usage_object": {{"speed": {value}}}}}'),
}

BAD_LINES = [
    ("{", "malformed_json"),
    ("[1]", "malformed_json"),
    ('{"model": "\\ud800"}', "malformed_json"),
    ('{"model": "a", "model": "b"}', "malformed_json"),
    ('{"model": "a", "model": "b", "cost": "much"}', "malformed_json"),
    ('{"model": "kept", "session_id": {}, "prompt_tokens": "many", "input_tokens": "many"}', "wrong_type"),
]


def _lines(fields):
    return st.lists(
        st.fixed_dictionaries({}, optional=fields).map(
            lambda chosen: "{" + ", ".join(f'"{key}": {value}' for key, value in chosen.items()) + "}"
        ),
        min_size=1,
        max_size=12,
    )


def _landed(folder, lines, file_format, name):
    path = folder / name
    # The first line tells the format; the rest may be of any keys.
    first = '{"started_at": null, "startTime": null}'
    path.write_text("\n".join([first, *lines, ""]), encoding="utf-8")
    names = ", ".join(f'"{column.name}"' for column in file_format.columns)
    found = rows(land([path], file_format), f"SELECT {names}, defect FROM landed ORDER BY row_ordinal")
    return [repr(row) for row in found[1:]], [row["defect"] for row in found[1:]]


def _without_defect(row):
    """Return a row without what is wrong with it: a drawn one may have something too, such as a truth of 2^64."""
    return row.replace("'wrong_type'", "None")


@pytest.mark.parametrize(("file_format", "fields"), [(events.FORMAT, EVENT), (litellm.FORMAT, SPEND_LOG)])
@CAREFUL
@given(st.data())
def test_a_good_line_has_the_same_values_beside_a_bad_one(tmp_path_factory, file_format, fields, data):
    folder = tmp_path_factory.mktemp("log")
    good = data.draw(_lines(fields))
    bad, defect = data.draw(st.sampled_from(BAD_LINES))
    place = data.draw(st.integers(0, len(good)))
    alone = _landed(folder, good, file_format, "alone.jsonl")[0]
    beside, found = _landed(folder, [*good[:place], bad, *good[place:]], file_format, "beside.jsonl")
    assert (beside[:place] + beside[place + 1 :], found[place]) == (alone, defect)


@pytest.mark.parametrize(
    ("file_format", "fields", "wrong"),
    [(events.FORMAT, EVENT, '"output_tokens": "many"'), (litellm.FORMAT, SPEND_LOG, '"completion_tokens": "many"')],
)
@CAREFUL
@given(st.data())
def test_a_line_with_a_value_of_the_wrong_type_keeps_its_others(tmp_path_factory, file_format, fields, wrong, data):
    folder = tmp_path_factory.mktemp("log")
    good = data.draw(_lines(fields))
    bad = [f"{line[:-1]}{', ' if line != '{}' else ''}{wrong}}}" for line in good]
    alone = _landed(folder, good, file_format, "good.jsonl")[0]
    beside, found = _landed(folder, bad, file_format, "bad.jsonl")
    assert found == ["wrong_type"] * len(good)
    assert [_without_defect(row) for row in beside] == [_without_defect(row) for row in alone]


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ('{"model": 1e3}', "1000.0"),
        ('{"model": -0}', "0"),
        ('{"cost": 453539.9895916234}', "453539.989591623424"),
        ('{"is_stream": 2}', "true"),
        ('{"is_stream": 1e30}', "true"),
    ],
)
def test_a_value_beside_a_bad_line_is_that_of_a_good_file(tmp_path, line, value):
    path = tmp_path / "log.jsonl"
    path.write_text(f'{{"started_at": null}}\n{line}\n{{\n', encoding="utf-8")
    (row,) = rows(
        land([path], events.FORMAT),
        "SELECT coalesce(model, CAST(cost AS VARCHAR), CAST(is_stream AS VARCHAR)) AS value, defect "
        "FROM landed WHERE row_ordinal = 1",
    )
    assert row == {"value": value, "defect": None}


def test_lines_stand_in_order_where_bad_ones_are_far_apart(tmp_path):
    count = 60_000
    bad = {7: BAD_LINES[0], 31_000: BAD_LINES[3], 31_001: BAD_LINES[5], count - 1: BAD_LINES[1]}
    path = tmp_path / "log.jsonl"
    filler = "x" * 300
    lines = [bad[n][0] if n in bad else json.dumps({"id": n, "started_at": None, "t": filler}) for n in range(count)]
    path.write_text("\n\n".join(lines), encoding="utf-8")
    (found,) = rows(
        land([path], events.FORMAT),
        "SELECT list(CASE WHEN defect IS NULL THEN id ELSE defect END ORDER BY row_ordinal) AS ids FROM landed",
    )
    assert found["ids"] == [bad[n][1] if n in bad else str(n) for n in range(count)]


FILLER = f'"t": "{"x" * 300}"'
MANY = 15_000
"""So many lines are more than one part."""


@pytest.mark.parametrize("every", [2, 50])
@pytest.mark.parametrize(
    ("value", "defect"),
    [
        ('"input_tokens": "many"', "wrong_type"),
        ('"cost": 1e30', "wrong_type"),  # a key that no other line has
        ('"tags": [1]', "wrong_type"),
        ('"units": {"web_search": "many"}', "wrong_type"),
        ('"model": "a", "model": "b"', "malformed_json"),
        ('"model": oops', "malformed_json"),
    ],
)
def test_every_bad_line_of_a_large_file_is_found_however_many_there_are(tmp_path, value, defect, every):
    good = f'"started_at": null, "units": {{"web_search": 1}}, {FILLER}'
    path = tmp_path / "log.jsonl"
    path.write_text(
        "".join(
            f'{{"id": "{n}", {f"{value}, {FILLER}" if n % every == 1 else f"{good}, {chr(34)}input_tokens{chr(34)}: {n}"}}}\n'
            for n in range(MANY)
        ),
        encoding="utf-8",
    )
    (found,) = rows(
        land([path], events.FORMAT),
        f"SELECT count(*) FILTER (defect = '{defect}' AND row_ordinal % {every} = 1) AS bad, "
        f"count(*) FILTER (defect IS NULL AND input_tokens = row_ordinal) AS good FROM landed",
    )
    bad = len(range(1, MANY, every))
    assert found == {"bad": bad, "good": MANY - bad}


def test_what_only_the_engine_refuses_is_read_as_far_as_it_can_be(tmp_path):
    listed = Format(
        name="listed",
        doc="For this test.",
        convention=TokenConvention.INCLUSIVE,
        columns=(LandedColumn("n", "BIGINT"), LandedColumn("l", "STRUCT(x BIGINT)[]")),
        mapping="SELECT row_ordinal FROM landed",
        signature=("n",),
    )
    path = tmp_path / "log.jsonl"
    path.write_text('{"n": 1}\n{"n": 2, "l": [{"x": 3, "x": 4}]}\n{"n": "many"}\n', encoding="utf-8")
    found = rows(land([path], listed), "SELECT n, l, defect FROM landed ORDER BY row_ordinal")
    assert [tuple(row.values()) for row in found] == [
        (1, None, None),
        (2, [{"x": 3}], None),
        (None, None, "wrong_type"),
    ]


@pytest.mark.parametrize(("line", "defect"), [*BAD_LINES, ('{"cost": 1e30}', "wrong_type")])
def test_a_defect_is_found_beside_another_one(tmp_path, line, defect):
    path = tmp_path / "log.jsonl"
    path.write_text(f'{{"started_at": null}}\n\n{{\n{line}\n  \n{{"model": "a"}}\n', encoding="utf-8")
    assert defects([path], events.FORMAT) == [None, "malformed_json", defect, None]


def test_nothing_of_a_careful_read_stays_in_the_connection(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text('{"started_at": null}\n{\n', encoding="utf-8")
    tables = rows(land([path], events.FORMAT), "SELECT table_name FROM duckdb_tables() ORDER BY table_name")
    assert [row["table_name"] for row in tables] == ["landed", "raw"]


EARLIEST = "290308-01-01 (BC)"
LATEST = "294247-01-10 04:00:54.775806"
START = datetime(2026, 11, 18, 10)
MAPPING = {
    "columns": {
        "started_at": {"column": "at", "utc_offset": "-05:00"},
        "provider": {"constant": "openai"},
        "model": {"constant": "gpt-4o"},
        "input_tokens": "n",
    }
}


def _spend_log(number, started_at):
    return {
        "request_id": str(number),
        "startTime": started_at,
        "endTime": "2026-11-18T11:00:00Z",
        "completionStartTime": "2026-11-18T10:59:00Z",
        "model": "gpt-4o",
        "custom_llm_provider": "openai",
        "prompt_tokens": 10,
        "completion_tokens": 1,
    }


def _observation(number, started_at):
    return {
        "id": str(number),
        "traceId": "t",
        "type": "GENERATION",
        "startTime": started_at,
        "endTime": "2026-11-18T11:00:00Z",
        "completionStartTime": "2026-11-18T10:59:00Z",
        "model": "gpt-4o",
        "usageDetails": {"input": 10, "output": 1},
    }


def _mapped(number, started_at):
    return {"at": started_at, "n": number}


@pytest.mark.parametrize(
    ("file_format", "entry", "odd", "rule"),
    [
        (litellm.FORMAT, _spend_log, EARLIEST, "time_too_early"),
        (langfuse.FORMAT, _observation, EARLIEST, "time_too_early"),
        (mapped_format(ColumnMapping.model_validate(MAPPING)), _mapped, LATEST, "wrong_type"),
        (events.FORMAT, lambda number, at: event(str(number), at), EARLIEST, "time_too_early"),
    ],
    ids=["litellm", "langfuse", "mapped", "events"],
)
def test_a_time_at_the_edge_of_all_times_stops_no_other_row(tmp_path, file_format, entry, odd, rule):
    lab = Lab(tmp_path / "state")
    times = [str(START + timedelta(minutes=number)) for number in range(60)]
    log = lab.write("log.jsonl", [entry(number, time) for number, time in enumerate([*times, odd])])
    lab.collect(lab.source(log, file_format=file_format))
    broken = lab.one("SELECT list(rule) FROM core_quarantine")
    assert (lab.one("SELECT count(*) FROM core_usage_events"), list(broken)) == (60, [rule])
