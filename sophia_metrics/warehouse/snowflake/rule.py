"""A rule: something in a statement that does not carry over from DuckDB to Snowflake."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

__all__ = ["Rule", "nodes_in"]


def _always(_: Any) -> bool:  # noqa: ANN401 - a node of any kind
    return True


@dataclass(frozen=True, slots=True)
class Rule:
    """What does not carry over, and what to write in its place.

    Attributes:
        name: the construct, in a word or two.
        kinds: the kinds of nodes that may be one.
        advice: what to write in its place, and why.
        is_wrong: tells whether a node of these kinds is one.
    """

    name: str
    kinds: tuple[type[exp.Expr], ...]
    advice: str
    is_wrong: Callable[[Any], bool] = _always

    def find(self, tree: exp.Expr) -> list[str]:
        """Return every place where a statement breaks it; none is a pass."""
        return [node.sql(dialect="duckdb") for node in nodes_in(tree) if self.is_broken_by(node)]

    def is_broken_by(self, node: exp.Expr) -> bool:
        """Say whether this very node breaks it."""
        return isinstance(node, self.kinds) and self.is_wrong(node)


def nodes_in(tree: exp.Expr) -> Iterator[exp.Expr]:
    """Yield every node of a statement."""
    yield from tree.walk()
