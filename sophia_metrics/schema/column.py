"""What a column and a table are; everything else about tables derives from these two values."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Column", "Kind", "Storage", "Table"]


class Kind(StrEnum):
    """The type of a column, by what it means; each engine has its own word for it."""

    TEXT = "text"
    BOOLEAN = "boolean"
    DATE = "date"
    INSTANT = "instant"
    """A moment: naive UTC, microseconds."""
    COUNT = "count"
    """A whole number of things: tokens, rows, bytes."""
    MONEY = "money"
    """DECIMAL(38,12)."""
    RATE = "rate"
    """DECIMAL(38,18), an amount for one unit."""
    QUANTITY = "quantity"
    """DECIMAL(38,6)."""
    REAL = "real"
    """A DOUBLE: ratios, milliseconds, percentiles. Never summed as money."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: name, type, meaning, and whether it may be null."""

    name: str
    kind: Kind
    doc: str
    is_required: bool = False


class Storage(StrEnum):
    """Where the rows of a table live on DuckDB."""

    DAY_FILES = "day_files"
    """A folder of immutable Parquet files by UTC day, listed in the manifest."""
    STATE = "state"
    """A table of warehouse.duckdb; copied into every serving version."""
    SERVING = "serving"
    """A small table computed at each publish; it exists in serving versions only."""
    VIEW = "view"
    """A view on both engines: whoever reads it computes it, over all days or those that are asked for."""
    INTERNAL = "internal"
    """A table of warehouse.duckdb that no reader needs."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its grain (`key`), where it lives, and its columns in order.

    `day` names the column that holds the UTC day by which day files are cut; None for other storages.
    `order` sorts the rows inside a file.
    `view_columns` are not stored: the view that readers see joins them from elsewhere.
    """

    name: str
    doc: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    storage: Storage
    day: str | None = None
    order: tuple[str, ...] = ()
    view_columns: tuple[Column, ...] = ()

    def __post_init__(self) -> None:
        names = self.names
        unknown = [name for name in (*self.key, *self.order, *((self.day,) if self.day else ())) if name not in names]
        if unknown or len(set(names)) != len(names):
            raise ValueError(f"table {self.name}: unknown or repeated columns {unknown or names}")

    @property
    def names(self) -> tuple[str, ...]:
        """The column names, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def readable_columns(self) -> tuple[Column, ...]:
        """The columns that readers see."""
        return (*self.columns, *self.view_columns)

    @property
    def folder(self) -> str:
        """The folder of the day files, relative to the state folder."""
        layer, _, rest = self.name.partition("_")
        return f"core/{rest}" if layer == "core" else f"marts/{self.name}"
