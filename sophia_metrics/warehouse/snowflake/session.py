"""One connection to Snowflake, opened when it is first needed: statements, frames, and one transaction at a time.

Outside of a transaction what changes nothing is tried again for a while; inside of one nothing is: whoever began it
begins anew. An answer to a COMMIT that is lost is a LostCommitError, and the ledger tells what holds.
"""

import logging
import random
import re
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self, TypeVar

import polars as pl
import snowflake.connector
from snowflake.connector import SnowflakeConnection, errors
from snowflake.connector.cursor import SnowflakeCursor
from snowflake.connector.errorcode import ER_FAILED_TO_REQUEST

from sophia_metrics.errors import ConfigurationError, SophiaError
from sophia_metrics.warehouse.snowflake.answers import Answer, all_rows, changed_rows, frame_of, named_rows
from sophia_metrics.warehouse.snowflake.binding import bind
from sophia_metrics.warehouse.snowflake.failures import (
    LostCommitError,
    is_session_gone,
    is_unanswered,
    login_failure,
    statement_failure,
    statement_label,
)
from sophia_metrics.warehouse.snowflake.login import ReadSecret, connection_arguments
from sophia_metrics.warehouse.snowflake.settings import SnowflakeSettings
from sophia_metrics.warehouse.snowflake.shape import Value
from sophia_metrics.warehouse.snowflake.statement import Statement

__all__ = ["SnowflakeSession", "connect_session"]

TAKE_LOCK = "UPDATE write_lock SET turn = turn + 1 WHERE lock_name = 'write'"
"""Two transactions that write wait for each other here: Snowflake locks what an UPDATE changes until COMMIT."""
REPEATABLE = re.compile(
    r"\s*(SELECT|WITH|SHOW|DESCRIBE|LIST|CREATE\s+(\w+\s+)*?(TABLE|STAGE|VIEW)\s+IF\s+NOT\s+EXISTS|DROP\s+\w+\s+IF\s+EXISTS)\b",
    re.IGNORECASE,
)
"""Statements after which everything is the same, whether they ran once or twice."""
TRANSACTIONAL = re.compile(r"\s*(SELECT|WITH|SHOW|INSERT|UPDATE|DELETE|MERGE|COPY)\b", re.IGNORECASE)
"""Statements that do not commit by themselves."""
CHANGES = re.compile(r"\s*(INSERT|UPDATE|DELETE|MERGE)\b", re.IGNORECASE)
ENDS_OR_BEGINS = re.compile(r"\s*(BEGIN|START|COMMIT|ROLLBACK)\b", re.IGNORECASE)
FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 8.0
RETRY_SECONDS = 30.0
DRIVER = "snowflake.connector"
T = TypeVar("T")


def connect_session(
    settings: SnowflakeSettings,
    read_secret: ReadSecret,
    *,
    lock_wait_seconds: float = 120,
    answer_within_seconds: int | None = None,
    retry_seconds: float = RETRY_SECONDS,
    observe: Callable[[str], None] | None = None,
) -> "SnowflakeSession":
    """Return a session that logs in with its first statement.

    Args:
        settings: who logs in where, and how.
        read_secret: returns a variable of the environment; it is called at each login.
        lock_wait_seconds: so long a transaction waits for another one.
        answer_within_seconds: so long one HTTP request may take. None: the connector's own minute.
        retry_seconds: so long what changes nothing is tried again where no answer comes.
        observe: sees the text of each statement before it is sent, without values.
    """
    logger = logging.getLogger(DRIVER)
    if logger.level == logging.NOTSET:  # it prints tracebacks of what we report; whoever wants them sets a level
        logger.setLevel(logging.CRITICAL)

    def connect() -> SnowflakeConnection:
        arguments = connection_arguments(
            settings,
            read_secret,
            lock_wait_seconds=lock_wait_seconds,
            answer_within_seconds=answer_within_seconds,
        )
        driver: Any = snowflake.connector  # its annotations are loose
        return driver.connect(**arguments)

    return SnowflakeSession(settings, connect, retry_seconds=retry_seconds, observe=observe)


class SnowflakeSession:
    """A StateConnection of Snowflake; it serves one thread at a time."""

    def __init__(
        self,
        settings: SnowflakeSettings,
        connect: Callable[[], SnowflakeConnection],
        *,
        retry_seconds: float = RETRY_SECONDS,
        observe: Callable[[str], None] | None = None,
    ) -> None:
        self._settings = settings
        self._connect = connect
        self._retry_seconds = retry_seconds
        self._observe = observe or _see_nothing
        self._connection: SnowflakeConnection | None = None
        self._frames: dict[str, pl.DataFrame] = {}
        self._is_in_transaction = False
        self._doom: SophiaError | None = None

    def __repr__(self) -> str:
        return f"SnowflakeSession({self._settings.account}, {self._settings.user}, {self._settings.role})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def settings(self) -> SnowflakeSettings:
        """Where it is, and who logs in."""
        return self._settings

    def execute(
        self, query: str | Statement, parameters: Sequence[object] | Mapping[str, object] | None = None, /
    ) -> Answer:
        """Run one statement of DuckDB's dialect, with `$1` or `$name` parameters.

        Returns:
            Its rows; after an INSERT, UPDATE, DELETE or MERGE one row with the number of rows.

        Raises:
            ConfigurationError, ServiceUnavailableError, ProcessingError: see the module of failures.
            RuntimeError: it would commit a transaction that is under way.
            ValueError: the statement does not carry over, or a value cannot be bound.
        """
        bound = bind(query, parameters, self._frames)
        return Answer(self._perform(bound.sql, bound.values, changed_rows if bound.is_change else all_rows))

    def fetch_frame(
        self, query: str | Statement, parameters: Sequence[object] | Mapping[str, object] | None = None
    ) -> pl.DataFrame:
        """Return the rows of one SELECT of DuckDB's dialect as a frame; without rows its columns are typed too."""
        bound = bind(query, parameters, self._frames)
        if not bound.is_read:
            raise ValueError("the statement yields no rows: write a SELECT")
        return self._perform(bound.sql, bound.values, frame_of)

    def run(self, statement: str) -> Answer:
        """Run one statement in Snowflake's own words, without parameters: DDL, PUT, COPY, SHOW, MERGE."""
        return Answer(self._perform(statement, (), changed_rows if CHANGES.match(statement) else all_rows))

    def run_rows(self, statement: str) -> list[dict[str, Any]]:
        """Run one statement in Snowflake's own words, and return its rows by the names of their columns."""
        return self._perform(statement, (), named_rows)

    def run_frame(self, statement: str) -> pl.DataFrame:
        """Run one SELECT in Snowflake's own words, and return its rows as a frame."""
        return self._perform(statement, (), frame_of)

    def register(self, view_name: str, python_object: pl.DataFrame, /) -> None:
        """Let the statements that follow read a small frame by a name."""
        self._frames[view_name] = python_object

    def unregister(self, view_name: str, /) -> None:
        """Forget a frame."""
        self._frames.pop(view_name, None)

    @contextmanager
    def transaction(self) -> Generator["SnowflakeSession"]:
        """Hold a transaction, and the lock by which those that write wait for each other, until the block ends.

        It is committed as a whole: once a statement has failed nothing more is sent, and it is rolled back.

        Raises:
            LostCommitError: whether it was committed is not known; the ledger tells.
            ServiceUnavailableError: another transaction held the lock for too long, or no answer came.
            ConfigurationError: the tables are not prepared.
        """
        if self._is_in_transaction:
            raise RuntimeError("a transaction is under way already: there is one at a time")
        self._begin()
        try:
            self._take_lock()
            yield self
            self._raise_doom()
        except BaseException:  # Ctrl-C too: whatever ends the block, nothing half done stays
            self._roll_back()
            raise
        self._commit()

    def close(self) -> None:
        """End the session. Whatever was not committed is rolled back; the next statement logs in again."""
        self._end_transaction()
        self._end_session()

    def _end_session(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close(retry=False)

    def _perform(self, sql: str, values: Sequence[Value], read: Callable[[SnowflakeCursor], T]) -> T:
        """Send one statement and read its answer; try again what may be tried again."""
        self._refuse_to_commit(sql)
        self._raise_doom()
        pauses = iter(()) if self._is_in_transaction else _pauses(self._retry_seconds)
        while True:
            try:
                cursor = self._send(sql, values)
                return read(cursor)
            except errors.Error as error:
                failure = statement_failure(error, self._settings, sql)
                if self._is_in_transaction:
                    self._doom = failure
                is_gone = is_session_gone(error)
                if is_gone:
                    self._end_session()
                pause = next(pauses, None) if is_gone or (is_unanswered(error) and REPEATABLE.match(sql)) else None
                if pause is None:
                    raise failure from error
                time.sleep(pause)

    def _send(self, sql: str, values: Sequence[Value] = ()) -> SnowflakeCursor:
        """Send one statement, once.

        Raises:
            ConfigurationError, ServiceUnavailableError: the login failed.
            snowflake.connector.errors.Error: the statement failed.
        """
        cursor = self._open().cursor()
        self._observe(sql)
        try:
            cursor.execute(sql, list(values) or None, _no_retry=True)
        except KeyError as error:  # the connector passes over what it cannot read, where it may not try again
            raise errors.InterfaceError(msg="an answer without content", errno=ER_FAILED_TO_REQUEST) from error
        return cursor

    def _open(self) -> SnowflakeConnection:
        if self._connection is None:
            try:
                self._connection = self._connect()
            except errors.Error as error:
                raise login_failure(error, self._settings) from error
        return self._connection

    def _refuse_to_commit(self, sql: str) -> None:
        if self._is_in_transaction and not TRANSACTIONAL.match(sql):
            raise RuntimeError(f"{statement_label(sql)} would commit the transaction that is under way: run it outside")
        if ENDS_OR_BEGINS.match(sql):
            raise RuntimeError("a transaction is begun and ended by transaction() alone")

    def _begin(self) -> None:
        """Begin a transaction; where no answer comes the session is ended, and with it whatever began."""
        pauses = _pauses(self._retry_seconds)
        while True:
            try:
                self._send("BEGIN")
            except errors.Error as error:
                pause = next(pauses, None) if is_unanswered(error) or is_session_gone(error) else None
                self.close()
                if pause is None:
                    raise statement_failure(error, self._settings, "BEGIN") from error
                time.sleep(pause)
            else:
                self._is_in_transaction = True
                return

    def _take_lock(self) -> None:
        ((count,),) = self._perform(TAKE_LOCK, (), changed_rows)
        if count == 0:
            raise ConfigurationError("the table write_lock holds no row: prepare the tables of Snowflake first")

    def _raise_doom(self) -> None:
        """Refuse to go on in a transaction in which a statement has failed."""
        if self._doom is not None:
            raise self._doom

    def _commit(self) -> None:
        try:
            self._send("COMMIT")
        except errors.Error as error:
            if is_unanswered(error):
                self.close()
                raise LostCommitError(
                    "the answer of Snowflake to COMMIT was lost: look into the ledger whether it holds"
                ) from error
            self._roll_back()
            raise statement_failure(error, self._settings, "COMMIT") from error
        self._end_transaction()

    def _roll_back(self) -> None:
        """End the transaction without its changes; where no answer comes, end the session, which does the same."""
        if self._connection is not None:
            try:
                self._send("ROLLBACK")
            except errors.Error:
                self._end_session()
        self._end_transaction()

    def _end_transaction(self) -> None:
        self._is_in_transaction, self._doom = False, None


def _pauses(seconds: float) -> Iterator[float]:
    """Yield how long to wait before each further attempt, at random and longer each time, for so long in all."""
    deadline = time.monotonic() + seconds
    longest = FIRST_PAUSE_SECONDS
    while True:
        pause = random.uniform(0, longest)  # noqa: S311 - spreads attempts, hides nothing
        if time.monotonic() + pause > deadline:
            return
        yield pause
        longest = min(2 * longest, LONGEST_PAUSE_SECONDS)


def _see_nothing(_: str) -> None:
    """Observe nothing."""
