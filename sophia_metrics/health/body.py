"""What an HTTP answer says: the body's own word before the status code."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import cast

from sophia_metrics.health.answer import Answer, Outcome
from sophia_metrics.health.words import OUTCOME_BY_WORD

__all__ = ["MAX_BODY_BYTES", "HttpAnswer", "judge_http"]

MAX_BODY_BYTES = 64 * 1024
BLANK = b"\xef\xbb\xbf \t\r\n"
SUCCESSES = range(200, 300)
REDIRECTS = range(300, 400)
UNTOLD = "it does not say how it is"


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What came over the wire.

    Attributes:
        status_code: of HTTP.
        body: its first MAX_BODY_BYTES at most.
        is_whole: that is all of it.
        is_json: the content type says JSON.
        is_packed: the body is compressed, although nobody asked for that.
    """

    status_code: int
    body: bytes = b""
    is_whole: bool = True
    is_json: bool = False
    is_packed: bool = False


def judge_http(found: HttpAnswer, expected: Collection[int] = ()) -> Answer:
    """Return what the answer means; the latency is for whoever measured it.

    The body of the platform's services is an object with `status`, in three shapes: beside `components`,
    beside `server_name` and its lists, or alone. Its word beats the status code, so that 200 with
    "unhealthy" has failed and 500 with "healthy" is well; the content type does not matter to it. An
    object without a known word, or JSON that cannot be read, says nothing. Anything else counts by its
    status code.

    Args:
        found: the answer.
        expected: status codes that are good. None given: 200 to 299.
    """
    code = found.status_code
    is_expected = code in (expected or SUCCESSES)
    word = _word(found)
    if word is not None:
        outcome = OUTCOME_BY_WORD[word]
        says = None if outcome is Outcome.OK else f"it says {word}"
        return Answer(outcome, says if is_expected else f"it says {word}, with HTTP {code}")
    if not is_expected:
        return Answer(Outcome.FAILED, f"it redirects (HTTP {code})" if code in REDIRECTS else f"HTTP {code}")
    reason = _unreadable(found)
    return Answer(Outcome.SKIPPED, f"HTTP {code}, but {reason}") if reason else Answer(Outcome.OK)


def _word(found: HttpAnswer) -> str | None:
    """Return the known word of the body; None where it has none."""
    if not found.is_whole or found.is_packed or not _looks_like_an_object(found.body):
        return None
    try:
        content = json.loads(found.body)
    except (ValueError, RecursionError):  # not JSON, not UTF-8, a number without end, or nested without end
        return None
    status = cast("dict[str, object]", content).get("status") if isinstance(content, dict) else None
    word = status.strip().lower() if isinstance(status, str) else ""
    return word if word in OUTCOME_BY_WORD else None


def _unreadable(found: HttpAnswer) -> str | None:
    """Return why a body that may say something about health was not understood; None: it is no such body."""
    if found.is_packed:
        return "its body is compressed, which was not asked for"
    if not found.is_json and not _looks_like_an_object(found.body):
        return None
    return UNTOLD if found.is_whole else f"its body is longer than {MAX_BODY_BYTES // 1024} KiB"


def _looks_like_an_object(body: bytes) -> bool:
    return body.lstrip(BLANK).startswith(b"{")
