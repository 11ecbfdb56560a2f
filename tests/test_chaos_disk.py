"""A disk that is full or fails ends a run with advice; the next run heals, and no version is published that is not whole."""

import json

import pytest

from tests.chaos.faults import run_under, why_not

pytestmark = pytest.mark.skipif(why_not() is not None, reason=why_not() or "")


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("disk")
    done = run_under(folder, "tests.chaos.disk", str(folder))
    assert done.stdout, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_disk_that_fails_ends_a_run_with_advice_and_without_a_traceback(disk):
    said = [each["said"] for each in disk["outcomes"] if each["said"]]
    assert len(said) >= 8
    assert [text for text in said if not text.startswith("ServiceUnavailableError: ") or "again" not in text] == []


def test_once_the_disk_has_room_the_next_run_heals(disk):
    assert disk["healed"] == 1
    assert {name: found for name, found in disk["broken"].items() if found} == {}
