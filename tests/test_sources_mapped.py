"""Plain files load with a mapping of columns alone."""

import csv
import os
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from pydantic import ValidationError

from sophia_metrics.errors import ConfigurationError
from sophia_metrics.sources.mapped import ColumnMapping, mapped_format
from tests.landed import at, defects, land, mapped, rows, units, write_jsonl

DATA = Path(__file__).parents[2] / "shared" / "data"
BASE = {"started_at": "at", "provider": {"constant": "openai"}, "model": {"constant": "gpt-4o"}}
NEEDS_DATA = pytest.mark.skipif(
    not os.access(DATA, os.R_OK), reason="the folder of public data sets is not beside this checkout"
)


def _format(columns=None, **mapping):
    return mapped_format(ColumnMapping.model_validate({"columns": BASE | (columns or {})} | mapping))


def _started(tmp_path, written, **rule):
    path = tmp_path / "log.csv"
    path.write_text(f'at,n\n"{written}",1\n', encoding="utf-8")
    (event,) = mapped([path], _format({"started_at": {"column": "at", **rule}}))
    return event["started_at"]


@NEEDS_DATA
def test_the_azure_trace_loads_with_a_mapping_alone():
    columns = {"started_at": "TIMESTAMP", "input_tokens": "ContextTokens", "output_tokens": "GeneratedTokens"}
    file_format = _format(columns)
    connection = land([DATA / "azure_llm_2023_conv.csv"], file_format)
    (total,) = rows(
        connection,
        "SELECT count(*) AS calls, sum(input_tokens) AS input, sum(output_tokens) AS output, "
        "count(defect) AS defects, min(CAST(started_at AS DATE)) AS first, "
        f"max(CAST(started_at AS DATE)) AS last FROM ({file_format.mapping})",
    )
    day = at("2023-11-16T00:00:00").date()
    assert total == {
        "calls": 19_366,
        "input": 22_361_870,
        "output": 4_088_665,
        "defects": 0,
        "first": day,
        "last": day,
    }


@NEEDS_DATA
def test_the_burstgpt_sample_loads_with_relative_seconds_and_other_model_names():
    path = DATA / "burstgpt_sample.csv"
    file_format = _format(
        {
            "started_at": {
                "column": "Timestamp",
                "time": "relative_seconds",
                "origin": "2026-11-01T00:00:00Z",
            },
            "model": {"column": "Model", "values": {"ChatGPT": "gpt-3.5-turbo", "GPT-4": "gpt-4"}},
            "operation": "Log Type",
            "input_tokens": "Request tokens",
            "output_tokens": "Response tokens",
        }
    )
    with path.open(encoding="utf-8", newline="") as file:
        expected = [
            (
                row["Model"] == "GPT-4",
                int(row["Timestamp"]),
                int(row["Request tokens"]),
                int(row["Response tokens"]),
            )
            for row in csv.DictReader(file)
        ]
    origin = at("2026-11-01T00:00:00")
    events = mapped([path], file_format)
    assert [
        (
            event["model"] == "gpt-4",
            (event["started_at"] - origin).total_seconds(),
            event["input_tokens"],
            event["output_tokens"],
        )
        for event in events
    ] == expected
    assert {event["model"] for event in events} == {"gpt-4", "gpt-3.5-turbo"}


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("2026-10-05T08:00:00.5Z", {}),
        ("2026-10-05 08:00:00.5000000", {}),
        ("2026-10-05T10:00:00.500+02:00", {}),
        ("2026-10-05T03:30:00.5-0430", {}),
        ("2026-10-05 10:00:00.5", {"utc_offset": "+02:00"}),
        ("2026-10-05T08:00:00.5Z", {"utc_offset": "+02:00"}),
        ("1791187200.5", {"time": "epoch_seconds"}),
        ("1791187200500", {"time": "epoch_ms"}),
        ("1791187200500000", {"time": "epoch_us"}),
        ("60.5", {"time": "relative_seconds", "origin": "2026-10-05T09:59:00+02:00"}),
        ("05/10/2026 08:00:00.500", {"time": "%d/%m/%Y %H:%M:%S.%g"}),
        ("05/10/2026 04:00:00.500", {"time": "%d/%m/%Y %H:%M:%S.%g", "utc_offset": "-04:00"}),
        ("05/10/2026 10:00:00.500 +0200", {"time": "%d/%m/%Y %H:%M:%S.%g %z"}),
    ],
)
def test_every_way_to_write_a_time_gives_the_same_instant(tmp_path, written, rule):
    assert _started(tmp_path, written, **rule) == at("2026-10-05T08:00:00.500000")


def test_a_date_alone_is_midnight_utc(tmp_path):
    assert _started(tmp_path, "2026-10-05") == at("2026-10-05T00:00:00")


def test_units_are_converted_exactly(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("at,took,price,size,n\n2026-10-05,1.5,12345.67,1.25,3\n", encoding="utf-8")
    file_format = _format(
        {
            "latency_ms": {"column": "took", "unit": "seconds"},
            "cost_reported": {"column": "price", "unit": "cents"},
            "cost_reported_currency": {"constant": "USD"},
            "input_tokens": {"column": "size", "unit": "thousands"},
        },
        reported_basis="billed",
        units={"images": "n"},
    )
    (event,) = mapped([path], file_format)
    assert (event["latency_ms"], event["cost_reported"], event["input_tokens"]) == (
        1500.0,
        Decimal("123.4567"),
        1250,
    )
    assert units([path], file_format) == {(0, "images"): 3}


@pytest.mark.parametrize(("convention", "expected"), [("inclusive", (60, 100)), ("exclusive", (100, 140))])
def test_cached_tokens_are_inside_or_beside_the_input_as_the_convention_says(tmp_path, convention, expected):
    path = tmp_path / "log.csv"
    path.write_text("at,i,r,w\n2026-10-05,100,30,10\n", encoding="utf-8")
    columns = {"input_tokens": "i", "cache_read_tokens": "r", "cache_write_5m_tokens": "w"}
    (event,) = mapped([path], _format(columns, convention=convention))
    assert (event["input_tokens"], event["total_input_tokens"]) == expected
    assert (event["cache_read_tokens"], event["cache_write_5m_tokens"]) == (30, 10)


def test_a_native_id_and_tags_come_from_columns(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("at,id,f\n2026-10-05,7,chat\n2026-10-05,8,\n", encoding="utf-8")
    events = mapped([path], _format(native_id="id", tags={"feature": "f"}))
    assert [(event["native_id"], event["tags"]) for event in events] == [
        ("7", '{"feature":"chat"}'),
        ("8", None),
    ]


def test_the_same_rows_load_from_jsonl_and_parquet(tmp_path):
    entries = [{"at": "2026-10-05 08:00:00", "n": 12}, {"at": "2026-10-05 08:00:01", "n": None}]
    lines = write_jsonl(tmp_path / "log.jsonl", entries)
    pl.DataFrame(entries).write_parquet(tmp_path / "log.parquet")
    file_format = _format({"input_tokens": "n"})
    for path in (lines, tmp_path / "log.parquet"):
        assert [(event["started_at"].second, event["input_tokens"]) for event in mapped([path], file_format)] == [
            (0, 12),
            (1, None),
        ]


@pytest.mark.parametrize("cell", ["many", "12.7", "1e400"])
def test_a_count_that_is_no_whole_number_is_a_defect(tmp_path, cell):
    path = tmp_path / "log.csv"
    path.write_text(f"at,n\n2026-10-05,{cell}\n2026-10-05,5\n", encoding="utf-8")
    assert defects([path], _format({"input_tokens": "n"})) == ["wrong_type", None]


@pytest.mark.parametrize(
    ("cell", "rule"),
    [("soon", {}), ("1e30", {"time": "epoch_seconds"}), ("2026-13-01", {"time": "%Y-%m-%d"})],
)
def test_a_time_that_does_not_read_is_a_defect(tmp_path, cell, rule):
    path = tmp_path / "log.csv"
    path.write_text(f"at,n\n{cell},1\n", encoding="utf-8")
    assert defects([path], _format({"started_at": {"column": "at", **rule}})) == ["wrong_type"]


def test_a_missing_column_is_named(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("at,tokens\n2026-10-05,1\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"log\.csv lacks the columns Tokens"):
        land([path], _format({"input_tokens": "Tokens"}))


@pytest.mark.parametrize("name", ['a"b', "a'b", "a;b", "a.b", "a]b", "$.x", "été", "--", "__defect", "file_name"])
def test_names_and_values_with_quotes_are_only_names_and_values(tmp_path, name):
    frame = pl.DataFrame({"at": ["2026-10-05"], name: ["it's; DROP TABLE raw; --"]})
    frame.write_csv(tmp_path / "log.csv")
    frame.write_parquet(tmp_path / "log.parquet")
    lines = write_jsonl(tmp_path / "log.jsonl", frame.to_dicts())
    model = {"column": name, "values": {"it's; DROP TABLE raw; --": "o'model"}}
    file_format = _format({"model": model, "project": {"constant": "x' OR 1=1 --"}}, tags={name: name})
    for path in (tmp_path / "log.csv", tmp_path / "log.parquet", lines):
        (event,) = mapped([path], file_format)
        assert (event["model"], event["project"], event["defect"]) == ("o'model", "x' OR 1=1 --", None)


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"columns": {"started_at": "t", "model": "m"}}, "provider must be given"),
        ({"columns": BASE | {"tokens": "t"}}, "no event column is named tokens"),
        ({"columns": BASE | {"team": {"colum": "t"}}}, "colum"),
        ({"columns": BASE | {"team": {}}}, "either a column or a constant"),
        ({"columns": BASE | {"team": {"column": "t", "constant": "x"}}}, "either a column or a constant"),
        ({"columns": BASE | {"started_at": {"column": "t", "time": "relative_seconds"}}}, "an origin"),
        (
            {"columns": BASE | {"started_at": {"column": "t", "time": "epoch"}}},
            "use one of iso, epoch_seconds",
        ),
        ({"columns": BASE | {"started_at": {"constant": "2026-10-05"}}}, "cannot be the same for every row"),
        ({"columns": BASE | {"latency_ms": {"column": "t", "unit": "cents"}}}, "cannot be in cents"),
        ({"columns": BASE | {"input_tokens": {"column": "t", "values": {"a": "b"}}}}, "is no text"),
        ({"columns": BASE | {"cost_reported": "c"}}, "cost_reported needs cost_reported_currency"),
        ({"columns": BASE, "reported_basis": "billed"}, "which is not mapped"),
        ({"columns": BASE, "conventions": "inclusive"}, "conventions"),
        ({"columns": BASE, "convention": "both"}, "inclusive"),
    ],
)
def test_a_mapping_that_cannot_work_says_why(mapping, message):
    with pytest.raises(ValidationError, match=message):
        ColumnMapping.model_validate(mapping)
