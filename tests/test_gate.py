"""The gate holds a slice of which too many rows break a rule, and says which."""

import duckdb
import pytest

from sophia_metrics.quality.expectation import Severity
from sophia_metrics.usage.gate import GateLimits, judge
from tests.lab import Lab, event


def verdict(good, broken, ignored=0, limits=GateLimits(0.5, 20)):  # noqa: B008 - frozen
    """Judge a slice of so many good rows, broken rows by rule, and rows that are not usage."""
    rows = [
        (None, False, good),
        (None, True, ignored),
        *((rule, False, count) for rule, count in broken.items()),
    ]
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE keys (rule VARCHAR, is_ignored BOOLEAN)")
        connection.executemany("INSERT INTO keys SELECT $1, $2 FROM range($3)", rows)
        return judge(connection, limits)


@pytest.mark.parametrize(("good", "broken", "is_held"), [(11, 9, False), (10, 10, False), (9, 11, True), (0, 20, True)])
def test_a_slice_is_held_when_more_than_the_allowed_share_is_broken(good, broken, is_held):
    assert verdict(good, {"wrong_type": broken}).is_held is is_held


def test_a_share_that_binary_fractions_cannot_hold_is_compared_exactly():
    # 0.29 * 100 is 28.999999999999996 in floats, and 29 of 100 are not more than 0.29.
    limits = GateLimits(0.29, 1)

    assert not verdict(71, {"wrong_type": 29}, limits=limits).is_held
    assert verdict(70, {"wrong_type": 30}, limits=limits).is_held


def test_a_small_slice_is_not_judged_by_the_share():
    assert not verdict(0, {"wrong_type": 19}).is_held
    assert verdict(0, {"wrong_type": 20}).is_held


def test_rows_that_are_not_usage_do_not_count_on_either_side():
    assert verdict(9, {"wrong_type": 11}, ignored=1000).is_held
    assert not verdict(0, {"wrong_type": 19}, ignored=1000).is_held


def test_an_empty_slice_is_not_held():
    assert not verdict(0, {}, limits=GateLimits(0.0, 0)).is_held


def test_a_share_of_zero_holds_at_the_first_broken_row():
    assert verdict(99, {"wrong_type": 1}, limits=GateLimits(0.0, 1)).is_held
    assert not verdict(100, {}, limits=GateLimits(0.0, 1)).is_held


def test_the_reason_counts_the_rows_names_the_commonest_rule_and_says_what_to_do():
    reason = verdict(500, {"wrong_type": 600, "missing_time": 900}).reason

    assert reason.startswith(
        "1,500 of 2,000 rows break a row rule, most of them missing_time (900): correct the format"
    )
    assert "max_quarantined_ratio in sophia.toml" in reason


def test_a_slice_that_is_not_held_has_no_reason():
    assert verdict(20, {}).reason is None


def test_every_rule_is_judged_for_itself_and_the_slice_by_its_share(tmp_path):
    lab = Lab(tmp_path / "home")
    bad = event("c", output_tokens=-1, input_tokens=-5)  # breaks two rules, and is quarantined by the first
    (receipt,) = lab.ingest(lab.write("usage.jsonl", [event("a"), event("b"), bad]))
    found = {each.expectation: each for each in receipt.judged}

    assert [found[name].failed_count for name in ("negative_total_input_tokens", "negative_output_tokens")] == [1, 1]
    assert found["negative_request_count"].is_passed
    assert found["quarantined_share"].is_passed  # three rows are too few to be judged by their share
    assert {each.checked_count for each in receipt.judged} == {3}
    assert [name for name, each in found.items() if each.severity is Severity.ERROR] == ["quarantined_share"]
