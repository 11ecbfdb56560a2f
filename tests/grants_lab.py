"""What statements need of a role: which table, and which verb."""

import re
from collections.abc import Iterable

import sqlglot
from sqlglot import exp

from sophia_metrics.warehouse.snowflake.stage_names import STAGE_NAME

MADE = re.compile(
    r"^(?:CREATE(?: TRANSIENT)? TABLE(?: IF NOT EXISTS)?|DROP TABLE(?: IF EXISTS)?|COPY INTO|(?:ALTER|TRUNCATE) TABLE) "
    r"(?:\w+\.)*(\w+)",
    re.IGNORECASE,
)
FREE = ("PUT", "SHOW", "BEGIN", "COMMIT", "ROLLBACK")
"""What needs a right on the schema or the stage, or none."""


def needed(statements: Iterable[str]) -> set[tuple[str, str]]:
    """Return (table, verb) of everything that statements in Snowflake's words ask for; stage tables are left out.

    Whoever makes, alters, fills or drops a table that is no stage table must own it.
    """
    found: set[tuple[str, str]] = set()
    for text in statements:
        verb = text.split(maxsplit=1)[0].upper()
        if verb in ("CREATE", "DROP", "COPY", "ALTER", "TRUNCATE"):
            found |= {(name.lower(), "OWNERSHIP") for name in MADE.findall(text)}
        elif verb not in FREE:
            found |= _needed(sqlglot.parse_one(text, dialect="snowflake"))
    return {(table, verb) for table, verb in found if STAGE_NAME.fullmatch(table) is None}


def granted(script: str) -> dict[str, set[str]]:
    """Return by table what a script grants to anybody."""
    tables: dict[str, set[str]] = {}
    for tree in sqlglot.parse(script, dialect="snowflake"):
        if isinstance(tree, exp.Grant) and str(tree.args.get("kind")).upper() in {"TABLE", "VIEW"}:
            verbs = {str(privilege.this.this).upper() for privilege in tree.args["privileges"]}
            tables.setdefault(tree.args["securable"].name.lower(), set()).update(verbs)
    return tables


def _needed(tree: exp.Expr) -> set[tuple[str, str]]:
    target = tree.this if isinstance(tree, (exp.Insert, exp.Update, exp.Delete, exp.Merge)) else None
    written = target.find(exp.Table).name.lower() if target is not None else None
    local = {each.alias.lower() for each in tree.find_all(exp.CTE)}
    found = {(each.name.lower(), "SELECT") for each in tree.find_all(exp.Table) if each.name} - {
        (name, "SELECT") for name in local
    }
    if written is None:
        return found
    if isinstance(tree, exp.Insert):
        reads = [each.name.lower() for each in tree.expression.find_all(exp.Table)] if tree.expression else []
        found = {each for each in found if each[0] != written or written in reads}
        return found | {(written, "INSERT")}
    if isinstance(tree, exp.Merge):
        kinds = {type(each.args["then"]) for each in tree.find_all(exp.When)}
        kinds_of = {exp.Insert: "INSERT", exp.Update: "UPDATE"}
        return found | {(written, kinds_of.get(kind, "DELETE")) for kind in kinds}
    return found | {(written, "UPDATE" if isinstance(tree, exp.Update) else "DELETE")}
