"""Columns by which marts are cut."""

from sophia_metrics.schema.column import Column, Kind

__all__ = ["DIMENSIONS", "DIMENSION_NAMES", "SCOPE", "USAGE_ON"]

TEXT, DATE = Kind.TEXT, Kind.DATE

DIMENSIONS = (
    Column("provider", TEXT, "Who runs the model.", True),
    Column("model", TEXT, "The model that answered.", True),
    Column("team", TEXT, "The team; '(none)' where the source does not tell.", True),
    Column("project", TEXT, "The project; '(none)' where the source does not tell.", True),
    Column("environment", TEXT, "The environment; '(none)' where the source does not tell.", True),
)

DIMENSION_NAMES = tuple(column.name for column in DIMENSIONS)

SCOPE = (
    Column("scope_type", TEXT, "all, provider, model, team, project or environment.", True),
    Column("scope_value", TEXT, "The value of that dimension; all for everything.", True),
)

USAGE_ON = Column("usage_on", DATE, "UTC day.", True)
