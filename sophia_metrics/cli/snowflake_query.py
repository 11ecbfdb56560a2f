"""Queries of `sophia-metrics sql` that Snowflake answers: over tables whose older days are only there."""

import sys
from datetime import UTC, datetime

import polars as pl

from sophia_metrics.connect import connect_warehouse
from sophia_metrics.errors import ConfigurationError
from sophia_metrics.settings import Settings
from sophia_metrics.warehouse.protocol import Query
from sophia_metrics.windows import naive_utc

__all__ = ["ask_snowflake"]


def ask_snowflake(settings: Settings, query: str) -> pl.DataFrame:
    """Return the rows of one SELECT over what is committed now in Snowflake.

    Raises:
        ConfigurationError: the query does not carry over to Snowflake.
        ServiceUnavailableError: Snowflake does not answer.
        ProcessingError: Snowflake refuses the query.
    """
    sys.stderr.write("asking Snowflake: the state folder has the newest days of these tables only\n")
    try:
        return connect_warehouse(settings, naive_utc(datetime.now(UTC))).read(Query(query))
    except ValueError as error:
        raise ConfigurationError(f"the query cannot run on Snowflake: {error}") from error
