"""How an export asks for rows, wherever these are: in the published version, or in Snowflake."""

from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any

import polars as pl

__all__ = ["Ask", "export_query"]

Ask = Callable[[str, Mapping[str, Any]], pl.DataFrame]
"""Answers one SELECT with `$name` parameters; all answers are of the same version."""


def export_query(name: str) -> str:
    """Return the statement of sql/exports/<name>.sql."""
    return (resources.files("sophia_metrics") / "sql" / "exports" / f"{name}.sql").read_text(encoding="utf-8")
