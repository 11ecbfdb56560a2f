"""A connection to the state tables of a warehouse, inside one transaction: what ledger, manifest and decisions need.

A DuckDB connection is one. Statements are in DuckDB's dialect, portable, with `$1` or `$name` parameters; whoever
brings them to another engine renders them.
"""

from typing import Protocol

import polars as pl

from sophia_metrics.frames import Answering

__all__ = ["StateConnection"]


class StateConnection(Answering, Protocol):
    """Statements on state tables, and frames that they read as if they were tables."""

    def register(self, view_name: str, python_object: pl.DataFrame, /) -> object:
        """Let the statements that follow read a frame by a name; its columns have the types of the frame."""
        ...

    def unregister(self, view_name: str, /) -> object:
        """Forget a frame."""
        ...
