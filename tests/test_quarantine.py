"""A rejected row is found again by line and bytes, and nothing that a person wrote is kept of it."""

import gzip
import hashlib
import json

import pytest

from sophia_metrics.sources import events
from sophia_metrics.sources.part import FilePart
from sophia_metrics.usage.identity import Identity
from sophia_metrics.usage.landing import Landing
from sophia_metrics.usage.landing_writer import land
from sophia_metrics.usage.quarantine import quarantine_frame
from sophia_metrics.usage.staging import stage
from sophia_metrics.working import spill_folder, working_connection
from tests.lab import NOW, Lab, event

PROMPT = "please summarise my divorce papers"
MAIL = "ada@example.com"
BAD = {"output_tokens": -1}


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path / "state")


def quarantine(lab, *paths, between=lambda: None):
    """Land the files, do something to them, and return what is rejected, as rows by name."""
    source = lab.source(*paths)
    with working_connection(lab.home, "1GiB") as connection:
        (landing,) = land(
            connection,
            source,
            [FilePart(file, "reading") for file in source.find_files()],
            identity=Identity(b"a key of the tests, not a secret"),
            folder=lab.home / "landing",
            scratch=spill_folder(connection),
            now=NOW,
            landing_bytes=1 << 20,
        ).landings
        between()
        stage(connection, Landing.read(landing.path), events.FORMAT, source.terms, NOW)
        return quarantine_frame(connection, landing, NOW).to_dicts()


def lines(*records):
    return "".join(each if isinstance(each, str) else json.dumps(each) + "\n" for each in records)


JSONL = lines(
    event("a"),
    "\n",
    {**event("é"), **BAD},
    event("ü", model="gpt-4o"),
    '{"id": "half\n',
    "   \r\n",
    {**event("c"), **BAD},
    event("d", started_at="yesterday"),
)
JSONL_ROWS = [
    ("negative_output_tokens", 3, {**event("é"), **BAD}),
    ("malformed_json", 5, '{"id": "half'),
    ("negative_output_tokens", 7, {**event("c"), **BAD}),
    ("wrong_type", 8, event("d", started_at="yesterday")),
]

CSV = (
    "id,started_at,provider,model,input_tokens,output_tokens,team\r\n"
    "a,2026-11-18T10:00:00Z,openai,gpt-4o,10,1,\r\n"
    'b,2026-11-18T10:00:00Z,openai,gpt-4o,10,-1,"team ""of""\r\ntwo lines"\r\n'
    "\r\n"
    "c,2026-11-18T10:00:00Z,,gpt-4o,10,1,\r\n"
)


def bytes_of(path, row):
    return path.read_bytes()[row["byte_start"] : row["byte_end"]]


def test_line_and_bytes_point_at_the_rejected_lines(lab):
    path = lab.home.parent / "calls.jsonl"
    path.write_text(JSONL, encoding="utf-8")

    found = quarantine(lab, path)

    assert [(row["rule"], row["line_number"]) for row in found] == [(rule, line) for rule, line, _ in JSONL_ROWS]
    for row, (_, _, expected) in zip(found, JSONL_ROWS, strict=True):
        content = bytes_of(path, row)
        text = content.decode()
        assert (text if isinstance(expected, str) else json.loads(text)) == expected
        assert row["content_sha256"] == hashlib.sha256(content).hexdigest()


def test_line_and_bytes_point_at_rejected_rows_of_a_csv_file_whose_cells_hold_lines(lab):
    path = lab.home.parent / "calls.csv"
    path.write_bytes(CSV.encode())

    found = quarantine(lab, path)

    assert [(row["rule"], row["line_number"]) for row in found] == [
        ("negative_output_tokens", 3),
        ("missing_provider", 6),
    ]
    assert bytes_of(path, found[0]).startswith(b"b,2026")
    assert bytes_of(path, found[0]).endswith(b'\r\ntwo lines"')
    assert bytes_of(path, found[1]) == b"c,2026-11-18T10:00:00Z,,gpt-4o,10,1,"


def test_rows_of_the_second_file_of_a_batch_are_counted_from_its_own_start(lab):
    one = lab.write("one.jsonl", [event("a"), event("b"), event("c", **BAD)])
    two = lab.write("two.jsonl", [event("d"), event("e", **BAD)])

    found = quarantine(lab, one, two)

    assert [(row["file_name"], row["line_number"]) for row in found] == [(str(one), 3), (str(two), 2)]
    assert json.loads(bytes_of(two, found[1]))["id"] == "e"


def test_a_compressed_file_has_lines_but_no_bytes(lab):
    path = lab.home.parent / "calls.jsonl.gz"
    path.write_bytes(gzip.compress(lines(event("a"), event("b", **BAD)).encode()))

    (row,) = quarantine(lab, path)

    assert (row["line_number"], row["byte_start"], row["byte_end"]) == (2, None, None)


def test_a_log_that_has_grown_since_it_was_landed_still_has_its_places(lab):
    path = lab.write("calls.jsonl", [event("a"), event("b", **BAD)])

    def grow():
        with path.open("a") as file:
            file.write(lines(event("c", **BAD)))

    (row,) = quarantine(lab, path, between=grow)

    assert json.loads(bytes_of(path, row))["id"] == "b"


@pytest.mark.parametrize("is_gone", [True, False])
def test_a_file_that_is_gone_or_was_replaced_leaves_the_place_unknown_instead_of_naming_another_row(lab, is_gone):
    path = lab.write("calls.jsonl", [event("a"), event("b", **BAD)])
    other = lines(event("x", team="another file of a rotated log"), event("y"), event("z"))

    (row,) = quarantine(lab, path, between=path.unlink if is_gone else lambda: path.write_text(other))

    assert (row["line_number"], row["byte_start"], row["byte_end"]) == (2, None, None)
    assert len(row["content_sha256"]) == 64


def test_a_row_without_a_place_has_the_same_id_wherever_it_stood_in_a_batch(lab):
    alone, bad = lab.write("a.jsonl", [event("a")]), lab.write("b.jsonl", [event("b", **BAD)])
    content = bad.read_bytes()

    (first,) = quarantine(lab, bad, between=bad.unlink)
    bad.write_bytes(content)
    (second,) = quarantine(lab, alone, bad, between=bad.unlink)

    assert first["quarantine_id"] == second["quarantine_id"]


def test_equal_bad_rows_of_a_file_are_rows_of_their_own(lab):
    path = lab.write("calls.jsonl", [event("a", **BAD)] * 3)

    found = quarantine(lab, path)

    assert len({row["quarantine_id"] for row in found}) == 3


def test_each_row_says_its_rule_reason_source_attempt_and_time(lab):
    (row,) = quarantine(lab, lab.write("calls.jsonl", [event("a", **BAD)]))

    assert (row["rule"], row["reason"], row["severity"]) == (
        "negative_output_tokens",
        "the number of output tokens is below zero",
        "error",
    )
    (landed,) = (lab.home / "landing" / "app").iterdir()
    assert (row["source"], row["attempt_id"], row["found_at"], row["found_on"]) == (
        "app",
        landed.stem,
        NOW,
        NOW.date(),
    )


def test_the_values_that_explain_the_rule_are_kept(lab):
    (row,) = quarantine(lab, lab.write("calls.jsonl", [event("a", **BAD)]))

    kept = json.loads(row["kept_values"])
    assert (kept["provider"], kept["model"], kept["status"]) == ("openai", "gpt-4o", "ok")
    assert (kept["input_tokens"], kept["output_tokens"], kept["reasoning_tokens"]) == (1000, -1, None)


@pytest.mark.parametrize(
    "model",
    [
        "gpt-4o",
        "anthropic/claude-sonnet-4.5",
        "claude-3-5-sonnet@20240620",
        "ft:gpt-4o:acme::8x",
        "llama3:8b+q4",
    ],
)
def test_names_of_models_are_kept(lab, model):
    (row,) = quarantine(lab, lab.write("calls.jsonl", [event("a", model=model, **BAD)]))

    assert json.loads(row["kept_values"])["model"] == model


def test_prompts_and_people_are_in_no_column_even_where_columns_have_slipped(lab):
    planted = {
        "messages": PROMPT,
        "user": MAIL,
        "session": MAIL,
        "error_class": PROMPT,
        "tags": {"who": MAIL},
    }
    slipped = [{"model": PROMPT, "provider": MAIL}, {"model": MAIL, "provider": PROMPT, "status": PROMPT}]
    calls = [event("a", **planted, **BAD), event("b", **planted, output_tokens=PROMPT)]
    calls += [event(str(place), **{**planted, **each}, **BAD) for place, each in enumerate(slipped)]
    path = lab.write("calls.jsonl", calls)
    path.write_text(path.read_text() + f'{{"prompt": "{PROMPT}", "user": "{MAIL}\n')

    found = quarantine(lab, path)

    assert len(found) == 5
    assert "divorce" not in repr(found)
    assert "ada@" not in repr(found)


def test_rows_that_are_good_leave_nothing_in_quarantine(lab):
    assert quarantine(lab, lab.write("calls.jsonl", [event("a")])) == []


def test_every_row_that_is_not_accepted_is_in_quarantine(lab):
    path = lab.write("calls.jsonl", [event(str(n), **(BAD if n % 3 == 0 else {})) for n in range(10)])

    (receipt,) = lab.ingest(path)

    assert (receipt.files[0].row_count, receipt.files[0].accepted_count) == (10, 6)
    assert lab.one("SELECT count(*) FROM core_quarantine") == receipt.files[0].quarantined_count == 4
