"""The same SQL on Snowflake: statements are written once, in DuckDB's dialect, and rendered here.

sqlglot passes much that does not carry over through unchanged, even when it is told to refuse what it does not
support. So what Snowflake says in other words is said in them first (`carry.py`), and both the tree that is rendered
and the one that Snowflake will read are looked through (`portability.py`).

A statement has `$name` or `$1` in the place of values. In the tree these are `exp.Placeholder` nodes, whose `name` is
the name or the number. Whoever binds values replaces them, and `list_contains($name, x)` by `x IN (…)`, before it
renders. Names of tables and columns have no quotes: Snowflake keeps them in capitals, and gives them back so.
"""

from functools import lru_cache

import sqlglot
from sqlglot import exp

from sophia_metrics.warehouse.snowflake.carry import carry_over
from sophia_metrics.warehouse.snowflake.portability import refuse

__all__ = ["parse", "render"]


@lru_cache(maxsize=512)
def parse(sql: str) -> exp.Expr:
    """Parse one statement of DuckDB's dialect. The tree is shared: copy it before it is changed.

    Raises:
        ValueError: the text does not hold exactly one statement, or is not SQL.
    """
    statements = [each for each in sqlglot.parse(sql, read="duckdb") if each is not None]
    if len(statements) != 1:
        raise ValueError(f"one statement at a time, found {len(statements)}")
    (tree,) = statements
    for node in tree.walk():
        node.pop_comments()
        node.meta.clear()  # where it stood in the text: most of what a copy would cost
    return tree


def render(tree: exp.Expr) -> str:
    """Return a statement in Snowflake's dialect. Placeholders that were not replaced are rendered as `:name`.

    Raises:
        ValueError: something in it does not carry over, or would yield other digits; the message says what, and what
            to write in its place.
    """
    carried = carry_over(tree)
    refuse(carried)
    text = carried.sql(dialect="snowflake", unsupported_level=sqlglot.ErrorLevel.RAISE, comments=False, copy=False)
    refuse(sqlglot.parse_one(text, read="snowflake"))
    return text
