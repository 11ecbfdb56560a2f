"""The statements that read usage from tables of Snowflake, in its own words: named columns, whole hours, all in UTC."""

from datetime import datetime

from sophia_metrics.quoting import literal
from sophia_metrics.sources.table_settings import TableTerms

__all__ = ["IDENTIFIERS", "INSTANT", "OPEN", "SUNK_PREFIX", "look_statement", "pull_statement", "tag_column"]

INSTANT = {"snowflake_analytics": "called_at", "snowflake_cortex": "start_at", "snowflake_credits": "start_at"}
"""The column that says to which hour a row belongs."""
IDENTIFIERS = ("user_id", "session_id")
OPEN = "is_completed"
"""The column that says whether a row will change."""
SUNK_PREFIX = "sophia:"
"""How REQUEST_ID begins in rows that we wrote to AI_USAGE_ANALYTICS; they are never read back."""
ERROR_CLASS = r"^[A-Za-z0-9_.]{1,64}(Error|Exception|Timeout)"
"""The start of an error text that is a class; the rest is a message, and stays where it is."""


def pull_statement(terms: TableTerms, start_at: datetime, end_at: datetime) -> str:
    """Return the SELECT of the rows from one instant to another, the end excluded (both naive UTC)."""
    match terms.format:
        case "snowflake_analytics":
            return _analytics(terms, f"TIMESTAMP >= {_naive(start_at)} AND TIMESTAMP < {_naive(end_at)}")
        case "snowflake_cortex":
            return _cortex(terms, _between(start_at, end_at))
        case _ if terms.credits_by == "query_tag":
            return _attributed(terms, _between(start_at, end_at))
        case _:
            return _metered(terms, _between(start_at, end_at))


def look_statement(terms: TableTerms) -> str:
    """Return a SELECT without rows: it fails where the table or a column is missing, or may not be read."""
    return f"{pull_statement(terms, datetime(2000, 1, 1), datetime(2000, 1, 1))} LIMIT 0"  # noqa: DTZ001 - naive UTC


def tag_column(place: int) -> str:
    """Return the column of a tag, by its place among the tags of the settings."""
    return f"tag_{place}"


def _analytics(terms: TableTerms, between: str) -> str:
    tags = "".join(
        f', CAST(METADATA:"{name}" AS VARCHAR) AS {tag_column(place)}' for place, name in enumerate(terms.tags)
    )
    return (
        "SELECT REQUEST_ID AS request_id, CAST(TIMESTAMP AS TIMESTAMP_NTZ) AS called_at, PROVIDER AS provider, "
        "MODEL AS model, TASK_TYPE AS task_type, USER_ID AS user_id, SESSION_ID AS session_id, "
        "CAST(COST_USD AS NUMBER(38, 12)) AS cost_usd, CAST(LATENCY_MS AS DOUBLE) AS latency_ms, "
        "CAST(TOKENS_USED AS DOUBLE) AS tokens_used, CACHE_HIT AS cache_hit, "
        "COALESCE(ERROR <> '', FALSE) AS has_error, "
        f"REGEXP_SUBSTR(ERROR, {literal(ERROR_CLASS)}) AS error_class{tags} "
        f"FROM {terms.name} WHERE {between} "
        f"AND NOT COALESCE(STARTSWITH(REQUEST_ID, {literal(SUNK_PREFIX)}), FALSE)"
    )


def _cortex(terms: TableTerms, between: str) -> str:
    return (
        f"SELECT {_utc('START_TIME')} AS start_at, {_utc('END_TIME')} AS end_at, FUNCTION_NAME AS function_name, "
        "MODEL_NAME AS model_name, QUERY_ID AS query_id, CAST(WAREHOUSE_ID AS VARCHAR) AS warehouse_id, "
        "CAST(USER_ID AS VARCHAR) AS user_id, TO_JSON(METRICS) AS metrics, "
        "CAST(CREDITS AS NUMBER(38, 12)) AS credits, IS_COMPLETED AS is_completed "
        f"FROM {terms.name} WHERE {between}"
    )


def _metered(terms: TableTerms, between: str) -> str:
    return (
        f"SELECT {_utc('START_TIME')} AS start_at, WAREHOUSE_NAME AS warehouse_name, "
        "CAST(CREDITS_USED_COMPUTE AS NUMBER(38, 12)) AS credits "
        f"FROM {terms.name} WHERE {between} AND UPPER(WAREHOUSE_NAME) = {literal(terms.warehouse.upper())}"
    )


def _attributed(terms: TableTerms, between: str) -> str:
    spent = "CREDITS_ATTRIBUTED_COMPUTE"
    accelerated = "CREDITS_USED_QUERY_ACCELERATION"
    return (
        f"SELECT DATE_TRUNC('HOUR', {_utc('START_TIME')}) AS start_at, WAREHOUSE_NAME AS warehouse_name, "
        f"CAST(SUM(CAST({spent} AS NUMBER(38, 12)) + COALESCE(CAST({accelerated} AS NUMBER(38, 12)), 0)) "
        "AS NUMBER(38, 12)) AS credits "
        f"FROM {terms.name} WHERE {between} AND QUERY_TAG = {literal(terms.query_tag)} GROUP BY 1, 2"
    )


def _between(start_at: datetime, end_at: datetime) -> str:
    return f"START_TIME >= {_zoned(start_at)} AND START_TIME < {_zoned(end_at)}"


def _utc(column: str) -> str:
    return f"CAST(CONVERT_TIMEZONE('UTC', {column}) AS TIMESTAMP_NTZ)"


def _naive(instant: datetime) -> str:
    return f"CAST('{instant.isoformat(sep=' ')}' AS TIMESTAMP_NTZ)"


def _zoned(instant: datetime) -> str:
    return f"CAST('{instant.isoformat(sep=' ')} +0000' AS TIMESTAMP_TZ)"
