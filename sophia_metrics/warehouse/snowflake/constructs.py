"""Constructs: clauses and statements that Snowflake has not, or understands in another way."""

from typing import Any

from sqlglot import exp

from sophia_metrics.warehouse.snowflake.rule import Rule

__all__ = ["CLOCK", "CONSTRUCT_RULES", "RESERVED", "STAR"]

RESERVED = frozenset(
    """
    account all alter and any as between by case cast check column connect connection constraint create
    cross current current_date current_time current_timestamp current_user database delete distinct drop
    else exists false following for from full grant group gscluster having ilike in increment inner insert
    intersect into is issue join lateral left like localtime localtimestamp minus natural not null of on
    or order organization qualify regexp revoke right rlike row rows sample schema select set some start
    table tablesample then to trigger true try_cast union unique update using values view when whenever
    where with
    """.split()  # noqa: SIM905 - a list of a hundred quoted words is worse to read
)
"""Words that name nothing in Snowflake without quotes: its page "Reserved & limited keywords"."""

_STATEMENTS = (exp.Select, exp.SetOperation, exp.Insert, exp.Update, exp.Delete, exp.Merge)
_COLLECTIONS = (
    exp.Array,
    exp.Bracket,
    exp.Comprehension,
    exp.Dot,
    exp.Lambda,
    exp.Map,
    exp.Slice,
    exp.Struct,
    exp.Unnest,
)


def _method(join: exp.Join) -> set[str]:
    return {str(join.args.get(name) or "").upper() for name in ("method", "kind", "side")}


def _frame_is_other(spec: exp.WindowSpec) -> bool:
    bounds = {spec.args.get("start"), spec.args.get("end")}
    return spec.args.get("kind") != "ROWS" and any(isinstance(bound, exp.Expr) for bound in bounds)


STAR = Rule(
    "star",
    (exp.Star, exp.Columns),
    "a star hides which columns are read: name them",
    lambda star: not isinstance(star.parent, exp.Count),
)
"""A rule of the house for files: a plain star means the same on both engines."""

CLOCK = Rule("clock", (exp.CurrentDate,), "a clock is an argument: read $now")
"""A rule of the house for files; whoever asks a question of their own may ask of today."""


def _changes_star(star: Any) -> bool:  # noqa: ANN401 - a star, or COLUMNS(…)
    return any(star.args.get(name) for name in ("except_", "except", "replace", "rename"))


CONSTRUCT_RULES: tuple[Rule, ...] = (
    Rule(
        "statement",
        (exp.Create, exp.Drop, exp.Alter, exp.Command, exp.Copy, exp.TruncateTable, exp.Set, exp.Pragma),
        "only SELECT, INSERT, UPDATE, DELETE and MERGE are the same on both engines: DDL is written for the engine "
        "(schema/ddl.py)",
    ),
    Rule("changed star", (exp.Star,), "EXCLUDE, REPLACE and RENAME are DuckDB's own: name the columns", _changes_star),
    Rule("columns by pattern", (exp.Columns,), "Snowflake has no COLUMNS(…): name the columns"),
    Rule(
        "ASOF join",
        (exp.Join,),
        "Snowflake writes it in another way: join on the range, and keep the nearest row by QUALIFY",
        lambda join: "ASOF" in _method(join),
    ),
    Rule(
        "semi or anti join",
        (exp.Join,),
        "it is rendered as EXISTS only behind one relation, or with ON: write EXISTS or NOT EXISTS",
        lambda join: bool({"SEMI", "ANTI"} & _method(join)),
    ),
    Rule(
        "join by position or by equal names",
        (exp.Join,),
        "name the columns: ON a.x = b.x",
        lambda join: bool({"POSITIONAL", "NATURAL"} & _method(join)),
    ),
    Rule("lateral join", (exp.Lateral,), "Snowflake's are others: join a relation, or use a window"),
    Rule(
        "arg_max or arg_min",
        (exp.ArgMax, exp.ArgMin),
        "they differ in how they treat nulls and ties: use QUALIFY ROW_NUMBER() OVER (…) = 1",
    ),
    Rule("GROUP BY ALL", (exp.Group,), "write the grain out", lambda group: bool(group.args.get("all"))),
    Rule("ORDER BY ALL", (exp.Ordered,), "name the columns", lambda ordered: isinstance(ordered.this, exp.Var)),
    Rule("FILTER", (exp.Filter,), "Snowflake has no FILTER behind an aggregate: put a CASE inside it"),
    Rule(
        "DISTINCT ON",
        (exp.Distinct,),
        "use QUALIFY ROW_NUMBER() OVER (…) = 1",
        lambda distinct: bool(distinct.args.get("on")),
    ),
    Rule(
        "BY NAME",
        (exp.Insert, exp.SetOperation),
        "name every column of the SELECT, or the columns behind the table",
        lambda node: bool(node.args.get("by_name")),
    ),
    Rule(
        "EXCEPT ALL or INTERSECT ALL",
        (exp.Except, exp.Intersect),
        "Snowflake has none: count the rows",
        lambda node: node.args.get("distinct") is False,
    ),
    Rule("RETURNING", (exp.Returning,), "Snowflake has none: read the rows first, in the same transaction"),
    Rule(
        "ON CONFLICT",
        (exp.Insert,),
        "Snowflake holds no keys: delete the rows with these keys first, or use MERGE",
        lambda insert: bool(insert.args.get("conflict") or insert.args.get("alternative")),
    ),
    Rule(
        "list, struct, map or lambda",
        _COLLECTIONS,
        "Snowflake's are others: keep rows in tables. The session turns list_contains($name, x) into x IN (…)",
    ),
    Rule(
        "limit that is bound",
        (exp.Limit, exp.Offset),
        "Snowflake wants a number: write it into the statement",
        lambda limit: not isinstance(limit.expression, exp.Literal),
    ),
    Rule(
        "window frame",
        (exp.WindowSpec,),
        "Snowflake has no RANGE or GROUPS with a distance: use ROWS",
        _frame_is_other,
    ),
    Rule(
        "pattern",
        (exp.ILike, exp.Glob, exp.SimilarTo, exp.RegexpLike, exp.Collate),
        "the engines match differently: use LIKE, CONTAINS or STARTS_WITH",
    ),
    Rule("sample or pivot", (exp.TableSample, exp.Pivot), "Snowflake's are others: write it out"),
    Rule(
        "quoted name",
        (exp.Identifier,),
        "Snowflake tells upper from lower case in quoted names: use names that need no quotes",
        lambda name: bool(name.args.get("quoted")),
    ),
    Rule(
        "reserved word",
        (exp.Identifier,),
        "the word names nothing in Snowflake: use another one",
        lambda name: str(name.this).lower() in RESERVED,
    ),
)
