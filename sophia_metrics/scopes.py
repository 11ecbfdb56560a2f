"""Scopes: slices of usage by one dimension or one tag, as people write them and as tables hold them."""

import re
from dataclasses import dataclass
from typing import Self

__all__ = ["ALL", "DIMENSIONS", "TAG", "Scope"]

ALL = "all"
TAG = "tag:"
DIMENSIONS = ("provider", "model", "team", "project", "environment")
FORMS = "all, team/search, project/…, provider/…, model/…, environment/… or tag:feature/chat"
TAG_TEXT = re.compile(r'[^"\\\x00-\x1f]+')
"""What a name or a value of a tag may hold to be found in the JSON text of tags as it is written."""


@dataclass(frozen=True, slots=True)
class Scope:
    """A slice of usage: everything, one value of a dimension, or one value of a tag.

    Attributes:
        scope_type: all, a dimension such as team, or "tag:" and the name of the tag.
        scope_value: the value; "all" for everything.
    """

    scope_type: str
    scope_value: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a scope as people write it.

        Raises:
            ValueError: it has none of the known forms.
        """
        if text == ALL:
            return cls(ALL, ALL)
        scope_type, slash, scope_value = text.partition("/")
        is_tag = scope_type.startswith(TAG)
        if not slash or not scope_value or not (scope_type in DIMENSIONS or is_tag):
            raise ValueError(f"the scope {text!r} has no known form: write {FORMS}")
        tag = scope_type.removeprefix(TAG)
        if is_tag and not (TAG_TEXT.fullmatch(tag) and TAG_TEXT.fullmatch(scope_value)):
            raise ValueError(f"the tag of the scope {text!r} is empty, or holds a quote or a backslash")
        return cls(scope_type, scope_value)

    @property
    def is_tag(self) -> bool:
        """Whether it is one value of a tag."""
        return self.scope_type.startswith(TAG)

    @property
    def tag_texts(self) -> tuple[str, str]:
        """How the tag stands in the JSON text of tags: behind the brace, and behind a comma."""
        text = f'"{self.scope_type.removeprefix(TAG)}":"{self.scope_value}"'
        return f"{{{text}", f",{text}"

    def __str__(self) -> str:
        return ALL if self.scope_type == ALL else f"{self.scope_type}/{self.scope_value}"
