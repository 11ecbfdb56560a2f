"""A statement before it has values: what it says does not depend on the attempt, so its rendering can be remembered."""

from dataclasses import dataclass, replace
from typing import Self

from sqlglot import exp

from sophia_metrics.warehouse.snowflake.dialect import parse
from sophia_metrics.warehouse.snowflake.stage_names import number_stages

__all__ = ["Part", "ReadInstead", "Statement"]


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that are read: of the table of that name, all of them or those of the days that a parameter lists."""

    name: str
    days_parameter: str | None = None


@dataclass(frozen=True, slots=True)
class ReadInstead:
    """What is read in the place of a table: some rows of one table, or of several together."""

    table: str
    columns: tuple[str, ...]
    day: str | None
    parts: tuple[Part, ...]

    def rows(self) -> exp.Expr:
        """Return the SELECT of these rows."""
        return parse(" UNION ALL ".join(self._select(part) for part in self.parts)).copy()

    def _select(self, part: Part) -> str:
        selected = f"SELECT {', '.join(self.columns)} FROM {part.name}"
        if part.days_parameter is None:
            return selected
        return f"{selected} WHERE list_contains(${part.days_parameter}, {self.day})"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of DuckDB's dialect, with `$1` or `$name` in the place of values.

    `instead` is what it reads in the place of tables, and `into` the table and the columns of an INSERT of its rows.
    """

    sql: str
    instead: tuple[ReadInstead, ...] = ()
    into: tuple[str, tuple[str, ...]] | None = None

    def numbered(self, stages: list[str]) -> Self:
        """Return it with numbers in the place of names of stage tables, which are added to `stages`."""
        return replace(
            self,
            sql=number_stages(self.sql, stages),
            instead=tuple(
                replace(each, parts=tuple(replace(part, name=number_stages(part.name, stages)) for part in each.parts))
                for each in self.instead
            ),
            into=self.into and (number_stages(self.into[0], stages), self.into[1]),
        )

    def tree(self) -> exp.Expr:
        """Parse it, with what it reads and into what it inserts; the tree is the caller's own.

        Raises:
            ValueError: the text does not hold exactly one statement, or is not SQL.
        """
        tree = parse(self.sql).copy()
        by_table = {each.table: each for each in self.instead}
        steps = {step.alias for step in tree.find_all(exp.CTE)}
        for node in list(tree.find_all(exp.Table)):
            found = by_table.get(node.name)
            if found is not None and node.name not in steps:
                alias = exp.TableAlias(this=exp.to_identifier(node.alias_or_name))
                node.replace(exp.Subquery(this=found.rows(), alias=alias))
        if self.into is None:
            return tree
        table, columns = self.into
        return exp.insert(tree, table, columns=columns, copy=False)
