"""What does not carry over from DuckDB to Snowflake: predicates over a parsed statement.

sqlglot passes all of these through unchanged, even when it is told to refuse what it does not support.
Each predicate names what it found; an empty list is a pass.
"""

from collections.abc import Callable, Iterator

import sqlglot
from sqlglot import exp

__all__ = [
    "MART_RULES",
    "cte_names",
    "parse_one_statement",
    "tables_read",
    "to_snowflake",
]

Predicate = Callable[[exp.Expression], list[str]]

_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg, exp.Paren)


def parse_one_statement(sql: str) -> exp.Expression:
    """Parse DuckDB's dialect.

    Raises:
        ValueError: the text does not hold exactly one statement.
    """
    statements = [each for each in sqlglot.parse(sql, read="duckdb") if each is not None]
    if len(statements) != 1:
        raise ValueError(f"one statement a file, found {len(statements)}")
    return statements[0]


def to_snowflake(tree: exp.Expression) -> str:
    """Render for Snowflake, refusing what sqlglot knows to be missing there."""
    return tree.sql(dialect="snowflake", unsupported_level=sqlglot.ErrorLevel.RAISE)


def cte_names(tree: exp.Expression) -> set[str]:
    """Return the names of the steps."""
    return {cte.alias for cte in tree.find_all(exp.CTE)}


def tables_read(tree: exp.Expression) -> set[str]:
    """Return the relations that come from outside of the statement."""
    return {table.name for table in tree.find_all(exp.Table)} - cte_names(tree)


def star_projections(tree: exp.Expression) -> list[str]:
    """A star hides which columns are read, and star-except is DuckDB's own."""
    return _found(tree, exp.Star, lambda star: not isinstance(star.parent, exp.Count))


def asof_joins(tree: exp.Expression) -> list[str]:
    """Snowflake writes ASOF joins in another way."""
    return _found(tree, exp.Join, lambda join: "ASOF" in {join.args.get("method"), join.args.get("kind")})


def arg_extremes(tree: exp.Expression) -> list[str]:
    """arg_max and arg_min differ in how they treat nulls and ties."""
    return _found(tree, (exp.ArgMax, exp.ArgMin))


def group_by_all(tree: exp.Expression) -> list[str]:
    """The grain of a mart is written out."""
    return _found(tree, exp.Group, lambda group: bool(group.args.get("all")))


def filtered_aggregates(tree: exp.Expression) -> list[str]:
    """Snowflake has no FILTER behind an aggregate: a CASE inside it says the same."""
    return _found(tree, exp.Filter)


def distinct_on(tree: exp.Expression) -> list[str]:
    """Snowflake has no DISTINCT ON; QUALIFY says the same."""
    return _found(tree, exp.Distinct, lambda distinct: bool(distinct.args.get("on")))


def unknown_functions(tree: exp.Expression) -> list[str]:
    """A function that sqlglot does not know is passed through as it stands."""
    return _found(tree, exp.Anonymous)


def uncast_products(tree: exp.Expression) -> list[str]:
    """The two engines give a product other digits: a cast says which ones are meant."""
    return _found(tree, exp.Mul, lambda product: not (_is_typed(product) or _is_inside_cast(product)))


def uncast_divisions(tree: exp.Expression) -> list[str]:
    """A division of decimals is a DOUBLE here and a NUMBER there: cast both sides first."""
    return _found(tree, (exp.Div, exp.IntDiv), lambda division: not _is_typed(division))


MART_RULES: tuple[Predicate, ...] = (
    star_projections,
    asof_joins,
    arg_extremes,
    group_by_all,
    filtered_aggregates,
    distinct_on,
    unknown_functions,
    uncast_products,
    uncast_divisions,
)


def _found(
    tree: exp.Expression,
    kinds: type[exp.Expression] | tuple[type[exp.Expression], ...],
    is_wrong: Callable[[exp.Expression], bool] = lambda _: True,
) -> list[str]:
    listed = kinds if isinstance(kinds, tuple) else (kinds,)
    return [node.sql(dialect="duckdb") for node in tree.find_all(*listed) if is_wrong(node)]


def _is_typed(node: exp.Expression) -> bool:
    """Whether a cast or a literal fixes the type of every operand."""
    if isinstance(node, (exp.Cast, exp.Literal)):
        return True
    return isinstance(node, (*_ARITHMETIC, exp.IntDiv)) and all(map(_is_typed, _operands(node)))


def _operands(node: exp.Expression) -> Iterator[exp.Expression]:
    return (operand for operand in (node.this, node.args.get("expression")) if operand is not None)


def _is_inside_cast(node: exp.Expression) -> bool:
    parent = node.parent
    while isinstance(parent, _ARITHMETIC):
        parent = parent.parent
    return isinstance(parent, exp.Cast)
