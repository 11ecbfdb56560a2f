"""Plain files with a mapping in the configuration: the mapping becomes a format like any other."""

from sophia_metrics.quoting import identifier
from sophia_metrics.schema.column import Kind
from sophia_metrics.sources.column_mapping import MAPPABLE, ColumnMapping, ColumnRule
from sophia_metrics.sources.format import Format, LandedColumn
from sophia_metrics.sources.mapped_query import mapped_query, mapped_units
from sophia_metrics.sources.mapped_value import quantity_value, rule_value

__all__ = ["ColumnMapping", "ColumnRule", "mapped_format"]

_HASHED = frozenset({"user_hash", "api_key_id", "session_id", "prompt_hash", "prefix_hash"})
_NAMING = frozenset({"account_id", "team", "project", "environment"})
_TYPES = {
    Kind.TEXT: "VARCHAR",
    Kind.BOOLEAN: "BOOLEAN",
    Kind.INSTANT: "TIMESTAMP",
    Kind.COUNT: "BIGINT",
    Kind.MONEY: "DECIMAL(38,12)",
    Kind.REAL: "DOUBLE",
}


def mapped_format(mapping: ColumnMapping) -> Format:
    """Return the format that a mapping describes.

    Every column is read as text and converted by its rule, so that a value that does not convert is a defect
    of its row. A file in which a mapped column is missing is refused.
    """
    columns = _columns(mapping)
    keys = tuple(dict.fromkeys(column.key for column in columns))
    return Format(
        name="mapped",
        doc="Plain CSV, JSONL or Parquet files with a mapping of columns in the configuration.",
        convention=mapping.convention,
        reported_basis=mapping.reported_basis,
        columns=columns,
        mapping=mapped_query(mapping),
        units=mapped_units(mapping),
        naming=tuple(column.name for column in columns if column.name in _NAMING),
        tagging=tuple(f"tag_{place}" for place in range(len(mapping.tags))),
        signature=keys,
        required=keys,
        resumes=mapping.native_id is not None,
    )


def _columns(mapping: ColumnMapping) -> tuple[LandedColumn, ...]:
    columns = [
        LandedColumn(
            name=name,
            duckdb_type=_TYPES[MAPPABLE[name].kind],
            is_identity=name in _HASHED,
            source_key=rule.column,
            source_type="VARCHAR",
            expression=rule_value(identifier(rule.column), rule, MAPPABLE[name].kind),
        )
        for name, rule in mapping.columns.items()
        if rule.column is not None
    ]
    if mapping.native_id is not None:
        columns.append(LandedColumn("native_id", "VARCHAR", source_key=mapping.native_id))
    columns += [
        LandedColumn(f"tag_{place}", "VARCHAR", source_key=key) for place, key in enumerate(mapping.tags.values())
    ]
    columns += [
        LandedColumn(
            f"unit_{place}",
            "DECIMAL(38,6)",
            source_key=key,
            source_type="VARCHAR",
            expression=quantity_value(identifier(key)),
        )
        for place, key in enumerate(mapping.units.values())
    ]
    return tuple(columns)
