"""Parquet files into a stage table: PUT, COPY INTO, count. Stage tables are dropped when their rows are merged."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from sophia_metrics.errors import ConfigurationError, ProcessingError
from sophia_metrics.schema.column import Column
from sophia_metrics.schema.ddl import Engine, sql_type
from sophia_metrics.warehouse.snowflake.session import SnowflakeSession
from sophia_metrics.warehouse.snowflake.stage_names import STAGE_NAME

__all__ = ["drop_leftovers", "drop_stage_tables", "leftover_stage_tables", "load"]

LEFTOVER_AFTER = timedelta(days=1)
FILE_FORMAT = "FILE_FORMAT = (TYPE = PARQUET USE_LOGICAL_TYPE = TRUE)"


def load(session: SnowflakeSession, stage_table: str, columns: Sequence[Column], files: Iterable[Path]) -> int:
    """Make a stage table of the rows of some Parquet files, and return how many there are.

    Columns are matched by name; one that a file lacks is null.

    Args:
        session: outside of a transaction: this makes tables.
        stage_table: the name of the table, from stage_names.py; there is none of that name.
        columns: the columns of the table.
        files: Parquet files on this machine, none of which changes meanwhile.

    Raises:
        ConfigurationError: the path of a file has a quote.
        ProcessingError: Snowflake has not loaded every row, or a file cannot be read.
    """
    paths = list(files)
    lines = ", ".join(f"{column.name} {sql_type(column.kind, Engine.SNOWFLAKE)}" for column in columns)
    session.run(f"CREATE TRANSIENT TABLE {stage_table} ({lines}) DATA_RETENTION_TIME_IN_DAYS = 0")
    stage = f"{stage_table}_files"
    session.run(f"CREATE TEMPORARY STAGE {stage}")
    row_count = sum(_load_file(session, stage_table, f"@{stage}/{place}", path) for place, path in enumerate(paths))
    session.run(f"DROP STAGE IF EXISTS {stage}")  # where something failed, it goes with the session
    return row_count


def drop_stage_tables(session: SnowflakeSession, names: Iterable[str]) -> None:
    """Drop stage tables; those that are gone already are passed over.

    Raises:
        ValueError: a name is not that of a stage table.
    """
    for name in names:
        if STAGE_NAME.fullmatch(name) is None:
            raise ValueError(f"{name} is no stage table: only those are dropped")
        session.run(f"DROP TABLE IF EXISTS {name}")


def leftover_stage_tables(session: SnowflakeSession, now: datetime) -> tuple[str, ...]:
    """Return the stage tables that runs which died have left: those older than a day at `now` (naive UTC)."""
    rows = session.run_rows("SHOW TABLES LIKE 'STAGE_%'")  # where _ stands for any letter
    found = (STAGE_NAME.fullmatch(str(row["name"]).lower()) for row in rows)
    return tuple(each[0] for each in found if each and _made(each) < now - LEFTOVER_AFTER)


def drop_leftovers(session: SnowflakeSession, now: datetime) -> tuple[str, ...]:
    """Drop the stage tables that runs which died have left, and return their names; `now` is naive UTC."""
    names = leftover_stage_tables(session, now)
    drop_stage_tables(session, names)
    return names


def _load_file(session: SnowflakeSession, stage_table: str, place: str, path: Path) -> int:
    """Put one file into a folder of its own of a stage, and copy it into the table."""
    try:
        expected = int(pl.scan_parquet(path).select(pl.len()).collect().item())
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ProcessingError(f"{path} is no Parquet file that can be read: make it again") from error
    source = path.resolve().as_posix()
    if "'" in source:
        raise ConfigurationError(f"Snowflake takes no file whose path has a quote, as {source}: move the state folder")
    (put,) = session.run_rows(f"PUT 'file://{source}' {place} AUTO_COMPRESS = FALSE OVERWRITE = FALSE")
    if put["status"] != "UPLOADED":
        raise ProcessingError(f"Snowflake has not taken the file {path} ({put['status']}): load it into a new stage")
    copied = session.run_rows(
        f"COPY INTO {stage_table} FROM {place} {FILE_FORMAT} MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE "
        "ON_ERROR = ABORT_STATEMENT"
    )
    loaded = sum(int(row.get("rows_loaded") or 0) for row in copied)
    if loaded != expected:
        raise ProcessingError(f"Snowflake has loaded {loaded:,} of the {expected:,} rows of {path}: nothing is merged")
    return loaded


def _made(name: re.Match[str]) -> datetime:
    return datetime.fromtimestamp(int(name["made"], 16), UTC).replace(tzinfo=None)
