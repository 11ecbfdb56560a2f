"""Exports as files: CSV with exact numbers and ISO instants, or Parquet with its own types."""

from pathlib import Path

import polars as pl

from sophia_metrics.durable import place_file, sync_folder
from sophia_metrics.errors import ConfigurationError, ServiceUnavailableError

__all__ = ["csv_text", "write_export"]

INSTANT = "%Y-%m-%dT%H:%M:%SZ"
SUFFIXES = (".csv", ".parquet")


def csv_text(rows: pl.DataFrame) -> str:
    """Return rows as CSV: decimals in full without trailing zeros, instants in UTC with a Z, nulls empty."""
    return rows.select(_plain(name, kind) for name, kind in rows.schema.items()).write_csv()


def write_export(rows: pl.DataFrame, path: Path) -> None:
    """Write rows as .csv or .parquet, by the name of the file; it is whole or as it was before.

    Raises:
        ConfigurationError: the name has another ending, or the file cannot be written there.
        ServiceUnavailableError: the disk does not take it.
    """
    if path.suffix not in SUFFIXES:
        raise ConfigurationError(f"{path} has no known ending: write a name that ends with {' or '.join(SUFFIXES)}")
    try:
        if path.suffix == ".csv":
            place_file(path, lambda place: place.write_text(csv_text(rows), encoding="utf-8"))
        else:
            place_file(path, rows.write_parquet)
        sync_folder(path.parent)
    except (FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError) as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}; choose another place") from error
    except OSError as error:
        raise ServiceUnavailableError(f"{path} could not be written: {error.strerror}") from error


def _plain(name: str, kind: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if isinstance(kind, pl.Datetime):
        return column.dt.strftime(INSTANT)
    if isinstance(kind, pl.Decimal):
        text = column.cast(pl.String)
        return pl.when(text.str.contains(".", literal=True)).then(text.str.replace(r"\.?0+$", "")).otherwise(text)
    return column
