"""What an HTTP answer says of a service: the body's word, then the status code; never healthy by a guess."""

import json

import pytest

from sophia_metrics.health.answer import Outcome
from sophia_metrics.health.body import MAX_BODY_BYTES, HttpAnswer, judge_http
from sophia_metrics.health.words import OUTCOME_BY_WORD

COMPONENTS = {
    "server": "ai_memory",
    "version": "1.2.0",
    "status": "unhealthy",
    "timestamp": "2025-07-14T10:00:00Z",
    "components": {"database": {"status": "unhealthy", "response_time_ms": 5000, "error_message": "secret words"}},
}
LISTS = {
    "status": "degraded",
    "server_name": "codacy",
    "uptime_seconds": 12,
    "capabilities": ["scan"],
    "errors": [],
    "warnings": ["slow"],
}


def judge(body: object, status_code: int = 200, expected=(), **about):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    found = judge_http(HttpAnswer(status_code, content, **{"is_json": True, **about}), expected)
    return found.outcome.value, found.message


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (COMPONENTS, ("failed", "it says unhealthy")),
        ({**COMPONENTS, "status": "critical"}, ("failed", "it says critical")),
        ({**COMPONENTS, "status": "healthy"}, ("ok", None)),
        (LISTS, ("degraded", "it says degraded")),
        ({**LISTS, "status": "operational"}, ("ok", None)),
        ({"status": "ok"}, ("ok", None)),
    ],
)
def test_the_three_shapes_of_the_platform_are_understood(body, expected):
    assert judge(body) == expected


@pytest.mark.parametrize("word", ["ok", "healthy", "operational", "up"])
def test_words_for_healthy(word):
    assert OUTCOME_BY_WORD[word] is Outcome.OK


@pytest.mark.parametrize("word", ["degraded", "warning"])
def test_words_for_degraded(word):
    assert OUTCOME_BY_WORD[word] is Outcome.DEGRADED


@pytest.mark.parametrize("word", ["unhealthy", "critical", "down"])
def test_words_for_down(word):
    assert OUTCOME_BY_WORD[word] is Outcome.FAILED


def test_there_are_no_other_words():
    assert len(OUTCOME_BY_WORD) == 9


@pytest.mark.parametrize("word", ["OK", " Healthy ", "Up"])
def test_case_and_space_do_not_matter(word):
    assert judge({"status": word}) == ("ok", None)


@pytest.mark.parametrize(
    "body",
    [
        {"status": "fine"},
        {"status": ""},
        {"status": None},
        {"status": True},
        {"status": ["ok"]},
        {"state": "ok"},
        {"components": {"database": {"status": "ok"}}},
        {},
        [],
        "ok",
        b"",
        b'{"status": "ok"',
        b'{"status": "ok", "big": ' + b"9" * 5000 + b"}",
        b'{"status": "ok", "deep": ' + b"[" * 60000,
        b'{"status": "\xff"}',
    ],
)
def test_json_without_a_known_word_says_nothing_and_is_never_healthy(body):
    assert judge(body) == ("skipped", "HTTP 200, but it does not say how it is")


def test_the_body_beats_the_status_code_both_ways():
    assert judge({"status": "unhealthy"}, 200) == ("failed", "it says unhealthy")
    assert judge({"status": "healthy"}, 500) == ("ok", "it says healthy, with HTTP 500")


def test_the_body_counts_whatever_the_content_type_says():
    assert judge(b'  {"status": "down"}', is_json=False) == ("failed", "it says down")
    assert judge(b'\xef\xbb\xbf{"status": "down"}', is_json=False) == ("failed", "it says down")


@pytest.mark.parametrize(
    ("status_code", "expected", "outcome"),
    [
        (200, (), "ok"),
        (204, (), "ok"),
        (302, (), "failed"),
        (404, (), "failed"),
        (500, (), "failed"),
        (401, (200, 401), "ok"),
        (204, (200, 401), "failed"),
    ],
)
def test_an_answer_without_json_counts_by_its_status_code_as_configured(status_code, expected, outcome):
    assert judge(b"<html>", status_code, expected, is_json=False)[0] == outcome


def test_a_redirect_is_named():
    assert judge(b"", 302, is_json=False) == ("failed", "it redirects (HTTP 302)")


def test_json_that_says_nothing_with_a_bad_status_code_has_failed():
    assert judge({"detail": "Not Found"}, 404) == ("failed", "HTTP 404")


def test_a_body_that_is_too_long_or_compressed_says_nothing():
    assert judge(b'{"status": "ok"', is_whole=False) == ("skipped", "HTTP 200, but its body is longer than 64 KiB")
    assert judge(b"<html>", is_whole=False, is_json=False) == ("ok", None)
    assert judge(b"\x1f\x8b", is_packed=True, is_json=False) == (
        "skipped",
        "HTTP 200, but its body is compressed, which was not asked for",
    )
    assert MAX_BODY_BYTES == 65536


def test_no_text_of_the_body_is_in_a_message():
    bodies = [COMPONENTS, {"status": "secret words"}, b'{"secret words', {"error": "secret words"}]

    assert [message for body in bodies for code in (200, 500) if "secret" in (message := judge(body, code)[1])] == []
