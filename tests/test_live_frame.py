"""Rows of a vendor become columns: buckets share their hour, people are hashed, windows have what is theirs."""

from datetime import datetime, timedelta

import polars as pl

from sophia_metrics.sources.live.live_format import Bucket
from sophia_metrics.sources.live.openai_usage import FORMAT
from sophia_metrics.usage.identity import Identity, keyed_hash
from sophia_metrics.usage.live_frame import by_window, distinct, frame_of, told
from sophia_metrics.windows import Window

KEY = b"a key of the tests, not a secret"
HOUR = timedelta(hours=1)
NOON = datetime.fromisoformat("2026-11-20T12:00")


def framed(*rows):
    return frame_of(rows, FORMAT, Identity(KEY))


def windows(frame):
    asked = Window(NOON, NOON + 3 * HOUR)
    found = by_window(frame, "start_at", asked, HOUR)
    return {start_at: rows["input_tokens"].to_list() for start_at, rows in found.items()}


def at(hour, tokens, **more):
    return {"start_at": NOON + hour * HOUR, "input_tokens": tokens, **more}


def test_a_bucket_and_single_rows_become_the_same_columns():
    rows = [{"input_tokens": 1}, {"input_tokens": 2}]
    bucket = Bucket({"start_at": NOON}, rows)

    assert framed(bucket).equals(framed(*({"start_at": NOON, **row} for row in rows)))


def test_a_row_that_has_nothing_of_its_own_is_a_row():
    assert framed(Bucket({"start_at": NOON}, [{}, {}]))["start_at"].to_list() == [NOON, NOON]


def test_people_are_hashed_and_nobody_stays_nobody():
    frame = framed(*({"user_id": user} for user in ("ada", None, "", "ada")))

    assert frame["user_id"].to_list() == [keyed_hash(KEY, "ada"), None, None, keyed_hash(KEY, "ada")]


def test_windows_have_their_rows_in_any_order_and_none_from_outside():
    inside = {NOON: [1.0, 3.0], NOON + 2 * HOUR: [2.0]}

    assert windows(framed(at(0, 1), at(0, 3), at(2, 2), at(3, 9))) == inside
    assert windows(framed(at(-1, 9), at(0, 1), at(2, 2), at(0, 3))) == inside


def test_a_number_that_nobody_knows_is_a_column_where_it_is_told_only():
    frame = framed(at(0, 1), at(1, 2, thoughts=7))

    without, with_it = frame.slice(0, 1), frame.slice(1, 1)

    assert frame.columns[-1] == "thoughts"
    assert "thoughts" not in told(without, FORMAT).columns
    assert told(with_it, FORMAT)["thoughts"].to_list() == [7.0]


def test_a_row_that_comes_twice_is_there_once():
    once, hashes = distinct(framed(at(0, 1), at(0, 2), at(0, 1)))

    assert once["input_tokens"].to_list() == [1.0, 2.0]
    assert hashes.to_list() == once.hash_rows().to_list()
    assert isinstance(hashes, pl.Series)
