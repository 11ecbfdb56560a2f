"""Patterns of keys, as Redis matches them: `*`, `?`, `[abc]`, `[^a]`, `[a-z]`, and a backslash before what is meant."""

import re
from collections.abc import Iterable

__all__ = ["compile_patterns"]


def compile_patterns(patterns: Iterable[str]) -> re.Pattern[bytes]:
    """Return an expression that fully matches the keys of any of the patterns."""
    return re.compile(b"|".join(_expression(pattern.encode()) for pattern in patterns), re.DOTALL)


def _expression(pattern: bytes) -> bytes:
    parts: list[bytes] = []
    place = 0
    while place < len(pattern):
        sign = pattern[place : place + 1]
        place += 1
        if sign == b"*":
            parts.append(b".*")
        elif sign == b"?":
            parts.append(b".")
        elif sign == b"[":
            members, place = _members(pattern, place)
            parts.append(members)
        else:
            if sign == b"\\" and place < len(pattern):
                sign = pattern[place : place + 1]
                place += 1
            parts.append(re.escape(sign))
    return b"(?:" + b"".join(parts) + b")"


def _members(pattern: bytes, place: int) -> tuple[bytes, int]:
    """Return the expression of a set that opens before `place`, and the place after it; an open end closes it."""
    is_negated = pattern[place : place + 1] == b"^"
    place += is_negated
    members: set[int] = set()
    while place < len(pattern) and pattern[place : place + 1] != b"]":
        if pattern[place : place + 1] == b"\\" and place + 1 < len(pattern):
            members.add(pattern[place + 1])
            place += 2
        elif pattern[place + 1 : place + 2] == b"-" and place + 2 < len(pattern):
            low, high = sorted((pattern[place], pattern[place + 2]))
            members.update(range(low, high + 1))
            place += 3
        else:
            members.add(pattern[place])
            place += 1
    if not members:
        return (b"." if is_negated else b"(?!)"), place + 1
    escaped = b"".join(re.escape(bytes([each])) for each in sorted(members))
    return b"[" + b"^" * is_negated + escaped + b"]", place + 1
