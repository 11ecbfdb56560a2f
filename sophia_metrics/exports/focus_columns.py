"""The columns of an export in FOCUS 1.2: all mandatory ones, and those of which usage knows something."""

from collections.abc import Mapping

import polars as pl

from sophia_metrics.schema.focus import FOCUS_COST_AND_USAGE
from sophia_metrics.schema.polars_types import polars_schema

__all__ = ["FOCUS_COLUMNS", "FOCUS_VERSION"]

FOCUS_VERSION = "1.2"

FOCUS_COLUMNS: Mapping[str, pl.DataType] = {
    name: pl.Datetime("us", "UTC") if kind == pl.Datetime("us") else kind
    for name, kind in polars_schema(FOCUS_COST_AND_USAGE).items()
    if name != "usage_on"
}
"""Names and types, in the order of an export. The last ones are our own, which FOCUS marks by x_."""
