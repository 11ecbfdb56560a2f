"""What fakesnow makes of a statement, remembered: its seventy walks over each tree take longer than DuckDB takes.

A statement is known by its words, but for the names of stage tables, which are new in each attempt and are put in
afterwards. Only statements are remembered whose translation depends on their words alone.
"""

import importlib
import re

import fakesnow.cursor
import pytest
from sqlglot import exp

from sophia_metrics.warehouse.snowflake.stage_names import STAGE_NAME

REMEMBERED = re.compile(
    r"\s*(SELECT|WITH|INSERT|UPDATE|DELETE|MERGE|DROP\s+TABLE|CREATE\s+TRANSIENT\s+TABLE|BEGIN|COMMIT)\b", re.IGNORECASE
)
DEPENDING = re.compile(r"INFORMATION_SCHEMA|IDENTIFIER\s*\(|RESULT_SCAN|COMMENT|@|\$", re.IGNORECASE)
"""What looks at the session, at a parameter or at the catalog, or keeps texts beside the tree."""
NAMES = re.compile(STAGE_NAME.pattern, re.IGNORECASE)


class Translations:
    """What statements become on DuckDB, by their words; no tree is changed."""

    def __init__(self) -> None:
        self._trees: dict[str, tuple[exp.Expr, list[str]]] = {}
        self._parsed: dict[str, exp.Expr] = {}

    def install(self, patch: pytest.MonkeyPatch) -> None:
        server = importlib.import_module("fakesnow.server")
        cursor = fakesnow.cursor.FakeSnowflakeCursor
        patch.setattr(cursor, "execute", self._executing(cursor.execute, cursor._transform))
        patch.setattr(cursor, "_describe_last_sql", _describe)
        patch.setattr(server, "parse_one", self._parsing(server.parse_one))

    def _parsing(self, parse):
        """Return what parses for the server, which asks for the kind of a statement alone."""

        def parse_one(text: str) -> exp.Expr:
            if not _is_remembered(text):
                return parse(text)
            words, _ = _words(text)
            if words not in self._parsed:
                self._parsed[words] = parse(text)
            return self._parsed[words]

        return parse_one

    def _executing(self, execute, transform):
        def execute_remembered(cursor, command, params=None, *args, **options):
            if not options.get("server") or not _is_remembered(command):
                return execute(cursor, command, params, *args, **options)
            words, names = _words(command)
            if words not in self._trees:
                made = []
                cursor._transform = lambda tree, values: made.append(transform(cursor, tree, values)) or made[-1]
                try:
                    execute(cursor, command, params, *args, **options)
                finally:
                    del cursor._transform
                (tree,) = made
                self._trees[words] = tree, names
                return cursor
            tree = self._named(words, names)
            bound = options.get("binding_params")
            cursor._sqlstate = None
            cursor._execute(tree, list(bound) if bound and tree.find(exp.Placeholder) else None)
            return cursor

        return execute_remembered

    def _named(self, words: str, names: list[str]) -> exp.Expr:
        """Return the tree of a statement with its own names of stage tables."""
        tree, before = self._trees[words]
        if names == before:
            return tree
        renamed = {old.upper(): new.upper() for old, new in zip(before, names, strict=True)}
        own = tree.copy()
        for each in own.find_all(exp.Identifier):
            each.set("this", renamed.get(each.name, each.name))
        return own


def _is_remembered(text: str) -> bool:
    return REMEMBERED.match(text) is not None and DEPENDING.search(text) is None


def _words(text: str) -> tuple[str, list[str]]:
    """Return a statement with numbers in the place of the names of stage tables, and these names."""
    names: list[str] = []

    def number(name: re.Match[str]) -> str:
        if name[0] not in names:
            names.append(name[0])
        return f"stage_{names.index(name[0])}"

    return NAMES.sub(number, text), names


def _describe(cursor) -> list:
    """Describe the answer as fakesnow does, but without parsing what it has rendered."""
    with cursor._conn.cursor() as other:
        return other._duck_conn.execute(f"DESCRIBE {cursor._last_sql}", cursor._last_params).fetchall()
