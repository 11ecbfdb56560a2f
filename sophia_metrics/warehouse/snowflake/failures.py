"""From what the connector raises to our errors, by what to do next.

Snowflake's own words stay in the cause: they may quote a value. Its numbers are told, for whoever searches for them.
"""

import re

from snowflake.connector import errors

from sophia_metrics.errors import ConfigurationError, ProcessingError, ServiceUnavailableError, SophiaError
from sophia_metrics.warehouse.snowflake.settings import SnowflakeSettings

__all__ = [
    "LostCommitError",
    "is_session_gone",
    "is_unanswered",
    "login_failure",
    "statement_failure",
    "statement_label",
]


class LostCommitError(ServiceUnavailableError):
    """The answer to a COMMIT was lost: whether it holds, the ledger tells; it is not sent again."""


NO_ANSWER = (
    errors.InterfaceError,
    errors.OperationalError,
    errors.HttpError,
    errors.InternalServerError,
    errors.ServiceUnavailableError,
    errors.GatewayTimeoutError,
    errors.BadGatewayError,
    errors.RequestTimeoutError,
    errors.TooManyRequests,
    errors.ForbiddenError,
    errors.BadRequest,
    errors.MethodNotAllowed,
    errors.OtherHTTPRetryableError,
    errors.RequestExceedMaxRetryError,
    errors.RefreshTokenError,
    errors.TokenExpiredError,
    errors.PresignedUrlExpiredError,
)
"""What the connector raises where no answer came, or one of HTTP instead of Snowflake's."""

SESSION_GONE = frozenset({390111, 390112, 390113, 390114, 390115, 250002})
"""The session ended: nothing was executed, and another login helps."""
UNREACHABLE_ACCOUNT = frozenset({290400, 290401, 290403, 290404})
"""Answers to a login of a host that knows no such account."""
MISSING_OBJECT = frozenset({2003, 2043, 90105, 90106})
NO_PRIVILEGE = frozenset({3001, 3003})
NO_WAREHOUSE = 606
LOCK_HELD = frozenset({623, 624, 625})
STOPPED = frozenset({604, 607, 608, 609, 630, 90073})
"""Statements that were cancelled, by a timeout, a suspended warehouse, or a quota."""
CANCELLED_STATES = frozenset({"57014", "57P01", "57P02"})
BROKEN_STATES = ("08", "XX")
"""Of the connection, and of Snowflake itself."""
MISSING_NAME = re.compile(r"(?:Object|Table|Schema|Database|Stage|name) '?([\w.$]+)'? does not exist", re.IGNORECASE)
"""Where Snowflake says which thing it does not find: a name, and no value."""
SLEEPING_WAREHOUSE = re.compile(r"warehouse.*(suspended|cannot be resumed|quota)", re.IGNORECASE | re.DOTALL)

REFUSED_LOGINS: tuple[tuple[frozenset[int], str, str], ...] = (
    (frozenset({390422}), "network policy|not allowed to access", "a network policy refuses this address: let it in"),
    (frozenset(), "temporarily locked", "the user is locked: correct the variable {variable}, then wait or unlock it"),
    (frozenset(), "access disabled", "the user is disabled: ALTER USER {user} SET DISABLED = FALSE"),
    (
        frozenset({390144, *range(394300, 394307)}),
        "JWT token",
        "the key is not one of the user: ALTER USER {user} SET RSA_PUBLIC_KEY = '…', and check this machine's clock",
    ),
    (
        frozenset({390189}),
        "^[^.]*role",
        "the role does not exist or is not granted: GRANT ROLE {role} TO USER {user}, or check role",
    ),
    (
        frozenset({390201}),
        "(database|schema|warehouse).*does not exist",
        "check database, schema_name and warehouse, or GRANT USAGE ON each of {schema}, {warehouse} TO ROLE {role}",
    ),
    (frozenset({390318}), "token.*expired", "the token has expired: put a new one into the variable {variable}"),
    (
        frozenset({390303, 394400}),
        "token.*invalid",
        "the token is not valid: put a new one into the variable {variable}",
    ),
    (frozenset({390100}), "incorrect username", "user or secret is wrong: check user, and the variable {variable}"),
)
"""Numbers and words by which Snowflake refuses a login, and what to do."""
OTHER_REFUSAL = "Snowflake refuses it: check account, user, role and the variable {variable}"

LABEL = re.compile(
    r"\s*(?:(?P<verb>INSERT\s+INTO|DELETE\s+FROM|UPDATE|MERGE\s+INTO|COPY\s+INTO|DROP\s+\w+(?:\s+IF\s+EXISTS)?"
    r"|CREATE\s+(?:\w+\s+)*?(?:TABLE|STAGE|VIEW)(?:\s+IF\s+NOT\s+EXISTS)?)\s+(?P<name>[\w.$]+)|(?P<word>\w+))",
    re.IGNORECASE,
)


def statement_label(sql: str) -> str:
    """Return what a statement does and to which table, without a value."""
    found = LABEL.match(sql)
    if found is None:
        return "a statement"
    if found["word"]:
        return found["word"].upper()
    return f"{' '.join(found['verb'].upper().split())} {found['name'].lower()}"


def login_failure(error: Exception, settings: SnowflakeSettings) -> SophiaError:
    """Return our error for a login that failed."""
    number = getattr(error, "errno", -1)
    start = f"the login to Snowflake as {settings.user} failed ({type(error).__name__}, {number})"
    if isinstance(error, errors.NonRetryableTlsError):
        return ConfigurationError(f"{start}: no certificate of that host is trusted: check account and host")
    if number in UNREACHABLE_ACCOUNT or isinstance(error, errors.ForbiddenError):
        return ConfigurationError(
            f"{start}: there is no such account: check account = '{settings.account}'"
            f"{f', host = {settings.host!r}' if settings.host else ''}"
        )
    if isinstance(error, NO_ANSWER) or number in SESSION_GONE:
        return ServiceUnavailableError(f"{start}: Snowflake does not answer: try again, or check network and proxy")
    text = str(getattr(error, "msg", None) or "")
    words = text.rpartition(f":{settings.port}. ")[2]  # before them stands where it was
    fitting = (
        advice
        for numbers, pattern, advice in REFUSED_LOGINS
        if number in numbers or re.search(pattern, words, re.IGNORECASE)
    )
    advice = next(fitting, OTHER_REFUSAL)
    return ConfigurationError(f"{start}: {advice.format(**_names(settings))}")


def statement_failure(error: Exception, settings: SnowflakeSettings, sql: str) -> SophiaError:
    """Return our error for a statement that failed."""
    number, state = getattr(error, "errno", -1), getattr(error, "sqlstate", None) or "n/a"
    label = statement_label(sql)
    query = getattr(error, "sfqid", None)
    if isinstance(error, NO_ANSWER):
        return ServiceUnavailableError(f"Snowflake: {label} had no answer ({type(error).__name__}): try again")
    start = f"Snowflake: {label} failed ({number:06d}, {state}{f', query {query}' if query else ''})"
    if number in SESSION_GONE:
        return ServiceUnavailableError(f"{start}: the session has ended: try again")
    if number == NO_WAREHOUSE:
        return ConfigurationError(
            f"{start}: no warehouse computes: check warehouse = '{settings.warehouse}', or "
            f"GRANT USAGE ON WAREHOUSE {settings.warehouse} TO ROLE {settings.role}"
        )
    if number in NO_PRIVILEGE or state.startswith("42501"):
        return ConfigurationError(f"{start}: the role {settings.role} may not do that: {_grant(label, settings)}")
    if number in MISSING_OBJECT:
        return ConfigurationError(
            f"{start}: {_missing_name(error)} does not exist in {_schema(settings)}, or the role {settings.role} may "
            f"not see it: check database and schema_name, or {_grant(label, settings)}"
        )
    return _passing(error, number, state, start, settings) or ProcessingError(
        f"{start}: the statement or its data are wrong; Snowflake's words are in the cause"
    )


def _missing_name(error: Exception) -> str:
    found = MISSING_NAME.search(str(error))
    return found[1].lower() if found else "what it names"


def _passing(error: Exception, number: int, state: str, start: str, settings: SnowflakeSettings) -> SophiaError | None:
    """Return our error for a fault that may pass by itself; None: it does not."""
    if number in LOCK_HELD:
        return ServiceUnavailableError(f"{start}: another transaction holds the lock for too long: try again")
    if SLEEPING_WAREHOUSE.search(str(error)):
        return ServiceUnavailableError(
            f"{start}: the warehouse {settings.warehouse} is suspended or over its quota: resume it, or raise the "
            "quota of its resource monitor"
        )
    if number in STOPPED or state in CANCELLED_STATES:
        return ServiceUnavailableError(
            f"{start}: the statement was stopped: try again, or raise statement_timeout_seconds = "
            f"{settings.statement_timeout_seconds}"
        )
    if state.startswith(BROKEN_STATES):
        return ServiceUnavailableError(f"{start}: Snowflake failed by itself: try again")
    return None


def is_session_gone(error: Exception) -> bool:
    """Say whether the session had ended, so that the statement was not executed."""
    return getattr(error, "errno", -1) in SESSION_GONE


def is_unanswered(error: Exception) -> bool:
    """Say whether no answer came, so that nobody knows what became of the statement."""
    return isinstance(error, NO_ANSWER)


def _grant(label: str, settings: SnowflakeSettings) -> str:
    verb = label.split(maxsplit=1)[0]
    if verb in {"CREATE", "DROP", "PUT"}:
        rights = "USAGE, CREATE TABLE, CREATE VIEW, CREATE STAGE"
        return f"GRANT {rights} ON SCHEMA {_schema(settings)} TO ROLE {settings.role}"
    verbs = {"INSERT": "INSERT", "UPDATE": "SELECT, UPDATE", "DELETE": "SELECT, DELETE", "COPY": "INSERT"}
    right = verbs.get(verb, "SELECT, INSERT, UPDATE" if verb == "MERGE" else "SELECT")
    return f"GRANT {right} ON ALL TABLES IN SCHEMA {_schema(settings)} TO ROLE {settings.role}"


def _schema(settings: SnowflakeSettings) -> str:
    return f"{settings.database}.{settings.schema_name}"


def _names(settings: SnowflakeSettings) -> dict[str, str]:
    variable = {
        "key_pair": settings.private_key_passphrase_env,
        "password": settings.password_env,
        "token": settings.token_env,
        "oauth": settings.token_env,
    }[settings.way]
    return {
        "user": settings.user,
        "role": settings.role,
        "database": settings.database,
        "schema": _schema(settings),
        "warehouse": settings.warehouse,
        "variable": variable,
    }
