"""Carrying over: what Snowflake says in other words, where sqlglot would leave the old ones or find wrong ones."""

from typing import Any

from sqlglot import exp

__all__ = ["carry_over"]

_PASSING_OVER_NULLS = (exp.Avg, exp.Count, exp.Max, exp.Min, exp.Sum)


def carry_over(tree: exp.Expr) -> exp.Expr:
    """Return a copy of a statement in which these things are said in words that both engines have.

    What it cannot say in other words it leaves as it is: the guard refuses it.
    """
    copy = tree.copy()
    for node in reversed(list(copy.walk())):  # what is inside first
        if isinstance(node, exp.Select):
            _write_out_groups(node)
            _write_out_order(node)
            _look_up_instead_of_joining(node)
        elif isinstance(node, exp.Insert):
            _name_columns(node)
        elif isinstance(node, exp.Filter):
            node.replace(_computed_over_some(node))
        elif isinstance(node, exp.ConcatWs):
            node.replace(_joined_text(node))
        elif isinstance(node, exp.GroupConcat):
            node.replace(_text_or_null(node))
        elif isinstance(node, exp.Is):
            _compare_with_truth(node)
    return copy


def _write_out_groups(select: exp.Select) -> None:
    """GROUP BY ALL groups by each column of the answer in which nothing is computed over rows."""
    group, names = select.args.get("group"), select.expressions
    if group is None or not group.args.get("all") or _has_star(names):
        return
    if any(name.find(exp.Window, exp.Query, exp.Anonymous) for name in names):
        return
    grain = [place for place, name in zip(_places(names), names, strict=True) if name.find(exp.AggFunc) is None]
    if grain:
        group.replace(exp.Group(expressions=[exp.Literal.number(place) for place in grain]))
    else:
        group.pop()


def _write_out_order(select: exp.Select) -> None:
    """ORDER BY ALL orders by each column of the answer."""
    order = select.args.get("order")
    if order is None or not any(isinstance(each.this, exp.Var) for each in order.expressions):
        return
    names = select.expressions
    if len(order.expressions) == 1 and not order.expressions[0].args.get("desc") and not _has_star(names):
        ordered = [exp.Ordered(this=exp.Literal.number(place), nulls_first=False) for place in _places(names)]
        order.set("expressions", ordered)


def _places(names: list[exp.Expr]) -> range:
    return range(1, len(names) + 1)


def _has_star(names: list[exp.Expr]) -> bool:
    return any(each.is_star for each in names)


def _look_up_instead_of_joining(select: exp.Select) -> None:
    """A SEMI or ANTI JOIN is a look into the other relation: [NOT] EXISTS (SELECT 1 …)."""
    joins: list[exp.Join] = list(select.args.get("joins") or ())
    if any(str(join.side).upper() in {"RIGHT", "FULL"} for join in joins):
        return
    for place, join in enumerate(joins):
        if join.kind.upper() not in {"SEMI", "ANTI"}:
            continue
        condition = join.args.get("on") or _same_columns(select, join, is_only=place == 0)
        if condition is None:
            return
        look: exp.Expr = exp.Exists(this=exp.select("1").from_(join.this).where(condition))
        join.pop()
        select.where(look.not_() if join.kind.upper() == "ANTI" else look, copy=False)


def _same_columns(select: exp.Select, join: exp.Join, *, is_only: bool) -> exp.Expr | None:
    """Return what USING says. Inside of EXISTS a bare name is the other relation's: both sides need another."""
    source: Any = select.args["from_"].this
    left, right = source.alias_or_name, join.this.alias_or_name
    if not (is_only and left and right and left != right and join.args.get("using")):
        return None
    pairs = [
        exp.EQ(this=exp.column(name.name, table=right), expression=exp.column(name.name, table=left))
        for name in join.args["using"]
    ]
    return exp.and_(*pairs)


def _name_columns(insert: exp.Insert) -> None:
    """INSERT … BY NAME takes the columns from the names of what is selected."""
    rows, table = insert.expression, insert.this
    if not (insert.args.get("by_name") and isinstance(rows, exp.Select) and isinstance(table, exp.Table)):
        return
    names = [each.output_name for each in rows.expressions]
    if all(names) and not _has_star(rows.expressions):
        identifiers: list[exp.Expr] = [exp.to_identifier(name) for name in names]
        insert.set("by_name", None)
        insert.set("this", exp.Schema(this=table.copy(), expressions=identifiers))


def _computed_over_some(node: exp.Filter) -> exp.Expr:
    """A CASE without ELSE leaves out what a FILTER does: as a null, which these aggregates pass over."""
    computed: exp.Expr = node.this.copy()
    what = computed.this
    distinct = what if isinstance(what, exp.Distinct) else None
    if not isinstance(computed, _PASSING_OVER_NULLS) or computed.expressions:
        return node
    if distinct is not None:
        if len(distinct.expressions) != 1 or distinct.args.get("on"):
            return node
        (what,) = distinct.expressions
    value = exp.Literal.number(1) if what is None or isinstance(what, exp.Star) else what
    some = exp.Case(ifs=[exp.If(this=node.expression.this.copy(), true=value.copy())])
    computed.set("this", some if distinct is None else exp.Distinct(expressions=[some]))
    return computed


def _joined_text(node: exp.ConcatWs) -> exp.Expr:
    """CONCAT_WS leaves out nulls in DuckDB; in Snowflake one null makes the whole a null."""
    separator, *texts = node.expressions
    if not (isinstance(separator, exp.Literal) and separator.is_string and texts):
        return node
    parts = [
        exp.Coalesce(
            this=exp.DPipe(this=separator.copy(), expression=exp.cast(text.copy(), "VARCHAR")),
            expressions=[exp.Literal.string("")],
        )
        for text in texts
    ]
    whole: exp.Expr = parts[0]
    for part in parts[1:]:
        whole = exp.DPipe(this=whole, expression=part)
    return exp.Substring(this=whole, start=exp.Literal.number(len(separator.name) + 1))


def _text_or_null(node: exp.GroupConcat) -> exp.Expr:
    """LISTAGG of nothing is an empty text, and its separator is a literal, empty where none is given."""
    listed = node.copy()
    separator = listed.args.get("separator")
    if separator is None:
        listed.set("separator", exp.Literal.string(","))
    elif isinstance(separator, exp.Chr) and isinstance(separator.expressions[0], exp.Literal):
        listed.set("separator", exp.Literal.string(chr(int(separator.expressions[0].name))))
    text = listed.this.this if isinstance(listed.this, exp.Order) else listed.this
    return exp.Case(ifs=[exp.If(this=exp.Count(this=text.copy()) > exp.Literal.number(0), true=listed)])


def _compare_with_truth(node: exp.Is) -> None:
    """IS TRUE is never null; sqlglot renders IS NOT TRUE as NOT, which is null where the value is."""
    if not isinstance(node.expression, exp.Boolean):
        return
    pair: dict[str, Any] = {"this": node.this.copy(), "expression": node.expression.copy()}
    if isinstance(node.parent, exp.Not):
        node.parent.replace(exp.NullSafeNEQ(**pair))
    else:
        node.replace(exp.NullSafeEQ(**pair))
