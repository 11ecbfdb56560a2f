"""What does not carry over from DuckDB to Snowflake, all of it: the guard over every statement that is sent there.

sqlglot passes most of it through unchanged, even when it is told to refuse what it does not support.
"""

from collections.abc import Iterator
from functools import cache

from sqlglot import exp

from sophia_metrics.warehouse.snowflake.constructs import CLOCK, CONSTRUCT_RULES, STAR
from sophia_metrics.warehouse.snowflake.digits import DIGIT_RULES
from sophia_metrics.warehouse.snowflake.functions import FUNCTION_RULES
from sophia_metrics.warehouse.snowflake.rule import Rule, nodes_in

__all__ = ["CLOCK", "RULES", "STAR", "cte_names", "refuse", "tables_read"]

RULES: tuple[Rule, ...] = (*CONSTRUCT_RULES, *FUNCTION_RULES, *DIGIT_RULES)

_SHOWN = 120


def refuse(tree: exp.Expr) -> None:
    """Look through a statement.

    Raises:
        ValueError: something in it does not carry over; the message names it and says what to write.
    """
    for node in nodes_in(tree):
        for rule in _rules_for(type(node)):
            if rule.is_wrong(node):
                raise ValueError(f"{rule.name} does not carry over to Snowflake: {_shown(node)}; {rule.advice}")


def cte_names(tree: exp.Expr) -> set[str]:
    """Return the names of the steps."""
    return {cte.alias for cte in _all(tree, exp.CTE)}


def tables_read(tree: exp.Expr) -> set[str]:
    """Return the relations that come from outside of the statement."""
    return {table.name for table in _all(tree, exp.Table)} - cte_names(tree)


def _all(tree: exp.Expr, kind: type[exp.Expr]) -> Iterator[exp.Expr]:
    return (node for node in nodes_in(tree) if isinstance(node, kind))


@cache
def _rules_for(kind: type[exp.Expr]) -> tuple[Rule, ...]:
    return tuple(rule for rule in RULES if issubclass(kind, rule.kinds))


def _shown(node: exp.Expr) -> str:
    text = node.sql(dialect="duckdb")
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
