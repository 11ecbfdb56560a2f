"""Snowflake for tests: fakesnow's server over HTTP, its patch mode, or, with SOPHIA_TEST_SNOWFLAKE=1, an account.

fakesnow is DuckDB behind Snowflake's protocol. Where it does not behave as Snowflake does, it is mended here, with the
reason beside it; what it cannot show stands in docs/snowflake.md.
"""

import importlib
import os
import threading
import uuid
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import fakesnow
import fakesnow.arrow
import fakesnow.cursor
import fakesnow.transforms
import pyarrow as pa
import pytest
from snowflake.connector.errors import ProgrammingError
from snowflake.connector.network import SnowflakeRestful
from sqlglot import exp, parse_one

from sophia_metrics.schema.ddl import create_table
from sophia_metrics.warehouse.snowflake.session import SnowflakeSession, connect_session
from sophia_metrics.warehouse.snowflake.settings import SnowflakeSettings, platform_values
from sophia_metrics.warehouse.snowflake.tables import MIGRATIONS, every_table, prepare, view_statements
from tests.fakesnow_translations import Translations

LOCK_WAIT_SECONDS = 5
PASSWORD = "planted-password-7391"  # noqa: S105 - a planted secret
IS_ON_ACCOUNT = os.environ.get("TESTS_ON_SNOWFLAKE") == "1"
"""Set by conftest from SOPHIA_TEST_SNOWFLAKE, which the settings would refuse."""


@dataclass
class Statements:
    """Records the text of every statement that sessions send."""

    texts: list[str] = field(default_factory=list)

    def __call__(self, sql: str) -> None:
        self.texts.append(sql)

    @property
    def verbs(self) -> list[str]:
        """The first word of each statement."""
        return [text.split(maxsplit=1)[0].upper() for text in self.texts]

    def in_transactions(self) -> list[str]:
        """Return what was sent between each BEGIN and its COMMIT or ROLLBACK."""
        inside: list[str] = []
        is_inside = False
        for text in self.texts:
            verb = text.split(maxsplit=1)[0].upper()
            if verb in {"COMMIT", "ROLLBACK"}:
                is_inside = False
            if is_inside:
                inside.append(text)
            if verb == "BEGIN":
                is_inside = True
        return inside


@dataclass
class SnowflakeLab:
    """A schema of its own for one test, and sessions on it."""

    settings: SnowflakeSettings
    secrets: dict[str, str]
    statements: Statements = field(default_factory=Statements)
    opened: list[SnowflakeSession] = field(default_factory=list)

    @property
    def variables(self) -> dict[str, str]:
        """The variables by which a program finds the schema; the secrets are others."""
        names = ("account", "user", "role", "host", "port", "protocol", "database")
        return {f"SOPHIA_SNOWFLAKE__{name.upper()}": str(getattr(self.settings, name)) for name in names}

    def session(self, settings: SnowflakeSettings | None = None, **options) -> SnowflakeSession:
        """Return one more session; it is closed after the test."""
        opened = connect_session(
            settings or self.settings,
            self.secrets.get,
            **{"observe": self.statements, "retry_seconds": 0, **options},
        )
        self.opened.append(opened)
        return opened

    def prepare(self, now: datetime) -> SnowflakeSession:
        """Return a session on a schema with all our tables. On fakesnow they are made behind its back: 2 s faster."""
        session = self.session(observe=None)
        if IS_ON_ACCOUNT:
            prepare(session, now)
            return session
        session.execute("SELECT 1")  # makes the schema
        server = importlib.import_module("fakesnow.server")
        behind = server.shared_fs.duck_conn.cursor()
        for table, name in every_table():
            place = f"{self.settings.database}.{self.settings.schema_name}.{name}"
            behind.execute(create_table(table, name=place).upper())
        behind.close()
        for statement in view_statements():
            session.run(statement)
        for step in MIGRATIONS:
            session.execute("INSERT INTO schema_migrations VALUES ($1, $2)", [step.__name__, now])
        session.run("INSERT INTO write_lock VALUES ('write', 0)")
        return session

    def close(self) -> None:
        for session in self.opened:
            session.close()


class Turns:
    """Lets a transaction that updates write_lock wait for the one that did before, as Snowflake does.

    DuckDB lets the second one fail at once.
    """

    def __init__(self) -> None:
        self._locks: dict[str, threading.Lock] = {}
        self._held: dict[int, threading.Lock] = {}

    def take(self, connection) -> None:
        if id(connection) in self._held:
            return
        lock = self._locks.setdefault(connection.database, threading.Lock())
        if not lock.acquire(timeout=LOCK_WAIT_SECONDS):
            raise ProgrammingError(msg="Statement has locked table WRITE_LOCK", errno=625, sqlstate="57014")
        self._held[id(connection)] = lock
        weakref.finalize(connection, self.give_back, id(connection))

    def give_back(self, connection_id: int) -> None:
        if lock := self._held.pop(connection_id, None):
            lock.release()


class Sessions(dict):
    """The sessions of the server."""

    def __delitem__(self, token) -> None:
        self[token].rollback()
        super().__delitem__(token)


def _mended_execute(turns: Turns):
    execute = fakesnow.cursor.FakeSnowflakeCursor._execute

    def _execute(cursor, transformed, params=None) -> None:
        if isinstance(transformed, exp.Update) and transformed.this.name.upper() == "WRITE_LOCK":
            turns.take(cursor._conn)
        if isinstance(transformed, exp.Drop) and transformed.args["kind"] == "STAGE":  # it has no DROP STAGE
            stages = "_fs_global._fs_information_schema._fs_stages"
            transformed, params = (
                parse_one(f"DELETE FROM {stages} WHERE name = '{transformed.find(exp.Table).name}'"),
                None,
            )
        try:
            execute(cursor, transformed, params)
        finally:
            if isinstance(transformed, (exp.Commit, exp.Rollback)):
                turns.give_back(id(cursor._conn))
        if isinstance(transformed, exp.Merge):  # DuckDB describes no MERGE; Snowflake answers with numbers of rows
            count = cursor._arrow_table.column(0)[0].as_py()
            cursor._arrow_table = pa.table({"number of rows inserted": [count]})
            cursor._last_sql, cursor._last_params = f"SELECT {count} AS 'number of rows inserted'", None

    return _execute


def mended(patch: pytest.MonkeyPatch) -> None:
    """Let fakesnow behave as Snowflake does."""
    # It sums and averages DOUBLEs, so that digits of money are lost; Snowflake sums NUMBERs exactly.
    patch.setattr(fakesnow.transforms, "numeric_agg_implicit_cast", lambda expression: expression)
    # It splits MERGE into statements with a temporary table in another attached database, which DuckDB refuses in a
    # transaction that has written; DuckDB has MERGE itself.
    patch.setattr(fakesnow.transforms, "merge", lambda expression: [expression])
    patch.setattr(fakesnow.cursor.FakeSnowflakeCursor, "_execute", _mended_execute(Turns()))
    Translations().install(patch)
    # Its login gives no master token, without which the connector ends no session.
    patch.setattr(SnowflakeRestful, "master_token", property(lambda rest: rest.token))
    # It forgets a session and leaves its transaction to the garbage collector; Snowflake rolls it back.
    patch.setattr(importlib.import_module("fakesnow.server"), "sessions", Sessions())
    # Its server sends a NULL timestamp as the instant 0, 1970; Snowflake sends NULL.
    to_struct = fakesnow.arrow.timestamp_to_sf_struct

    def to_nullable_struct(instants) -> pa.Array:
        struct = to_struct(instants)
        whole = instants.combine_chunks() if isinstance(instants, pa.ChunkedArray) else instants
        fields = [struct.type.field(place) for place in range(struct.type.num_fields)]
        parts = [part.fill_null(0) for part in struct.flatten()]
        return pa.StructArray.from_arrays(parts, fields=fields, mask=whole.is_null())

    patch.setattr(fakesnow.arrow, "timestamp_to_sf_struct", to_nullable_struct)
    # In patch mode its cursor has no Arrow results but pandas'.
    patch.setattr(
        fakesnow.cursor.FakeSnowflakeCursor,
        "fetch_arrow_all",
        lambda cursor, **_: cursor._arrow_table,
        raising=False,
    )


def fake_settings(place: dict, **changes) -> SnowflakeSettings:
    """Return the settings of a database of its own on a fakesnow server."""
    return SnowflakeSettings(
        **{
            "account": "fakesnow",
            "user": "SOPHIA_METRICS",
            "role": "SOPHIA_METRICS",
            "host": place["host"],
            "port": place["port"],
            "protocol": "http",
            "database": f"T_{uuid.uuid4().hex[:12]}",
            "statement_timeout_seconds": 20,
            "login_timeout_seconds": 10,
            **changes,
        }
    )


@contextmanager
def account_lab() -> Iterator[SnowflakeLab]:
    """Yield a schema of its own in the database of the SNOWFLAKE_… variables; its role may create schemas there."""
    given = platform_values(os.environ) | {"schema_name": f"SOPHIA_TEST_{uuid.uuid4().hex[:12].upper()}"}
    if path := os.environ.get("SNOWFLAKE_PRIVATE_KEY_PATH"):
        given["private_key_path"] = path
    elif os.environ.get("SNOWFLAKE_TOKEN"):
        given["authentication"] = "token"
    settings = SnowflakeSettings(**given)
    lab = SnowflakeLab(settings, dict(os.environ))
    keeper = lab.session(settings.model_copy(update={"schema_name": "INFORMATION_SCHEMA"}), observe=None)
    keeper.run(f"CREATE SCHEMA {settings.database}.{settings.schema_name}")
    try:
        yield lab
    finally:
        lab.close()
        keeper.run(f"DROP SCHEMA IF EXISTS {settings.database}.{settings.schema_name}")
        keeper.close()
