"""A configured notifier, as far as deciding is concerned."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Channel", "GroupKey"]


class GroupKey(StrEnum):
    """By what messages of a channel are put together."""

    KIND = "kind"
    RULE = "rule"
    SEVERITY = "severity"
    SUBJECT = "subject"
    SCOPE_TYPE = "scope_type"
    SCOPE_VALUE = "scope_value"


@dataclass(frozen=True, slots=True)
class Channel:
    """A configured notifier.

    Attributes:
        name: its name.
        severities: which alerts it takes.
        group_by: alerts that are the same in all of these come as one message. Empty: each comes alone.
        is_acknowledging: it is told when somebody acknowledges an alert.
    """

    name: str
    severities: frozenset[str]
    group_by: tuple[GroupKey, ...] = ()
    is_acknowledging: bool = False
