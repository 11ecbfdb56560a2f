"""The mapping SQL of a mapped format: its landed columns already have the names and types of an event."""

from sophia_metrics.quoting import literal
from sophia_metrics.schema.column import Kind
from sophia_metrics.sources.column_mapping import MAPPABLE, ColumnMapping, ColumnRule
from sophia_metrics.sources.format import TokenConvention

__all__ = ["mapped_query", "mapped_units"]

_CACHED = ("cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens")
_CONSTANT_TYPES = {Kind.BOOLEAN: "BOOLEAN", Kind.COUNT: "BIGINT"}


def mapped_query(mapping: ColumnMapping) -> str:
    """Return the SELECT of event columns from `landed`."""
    values = {name: _value(name, rule) for name, rule in mapping.columns.items()}
    parts = [values[name] for name in ("input_tokens", *_CACHED) if name in values]
    cached = "".join(f" - coalesce({values[name]}, 0)" for name in _CACHED if name in values)
    if mapping.convention is TokenConvention.INCLUSIVE and "input_tokens" in values:
        total = values["input_tokens"]
        values["input_tokens"] = f"CAST({total} AS HUGEINT){cached}" if cached else total
    else:
        total = _sum(parts)
    control = {
        "row_ordinal": "row_ordinal",
        "file_name": "file_name",
        "defect": "defect",
        "is_ignored": "false",
        "native_id": "nullif(native_id, '')" if mapping.native_id else "CAST(NULL AS VARCHAR)",
        "total_input_tokens": total,
        "tags": _tags(mapping),
    }
    selected = ",\n    ".join(f"{value} AS {name}" for name, value in (control | values).items())
    return _with_header(
        "which usage events do mapped files hold?", "one landed row", f"SELECT\n    {selected}\nFROM landed"
    )


def mapped_units(mapping: ColumnMapping) -> str | None:
    """Return the SELECT of (row_ordinal, unit, quantity), or None where no unit is mapped."""
    selects = [
        f"SELECT\n    row_ordinal,\n    {literal(unit)} AS unit,\n    unit_{place} AS quantity\n"
        f"FROM landed\nWHERE unit_{place} <> 0"
        for place, unit in enumerate(mapping.units)
    ]
    if not selects:
        return None
    return _with_header("what else did mapped files count?", "landed row and unit", "\nUNION ALL\n".join(selects))


def _with_header(question: str, grain: str, statement: str) -> str:
    header = ("question: " + question, "grain: " + grain, "sources: landed (format mapped)", "owner: sources")
    return "\n".join([*(f"-- {line}" for line in header), statement, ""])


def _value(name: str, rule: ColumnRule) -> str:
    kind = MAPPABLE[name].kind
    if rule.constant is not None:
        return f"CAST({literal(str(rule.constant))} AS {_CONSTANT_TYPES.get(kind, 'VARCHAR')})"
    return f"nullif({name}, '')" if kind is Kind.TEXT else name


def _sum(parts: list[str]) -> str:
    if not parts:
        return "CAST(NULL AS BIGINT)"
    # Summed as HUGEINT: an absurd count must break a row rule, not stop the file.
    total = "CAST(0 AS HUGEINT) + " + " + ".join(f"coalesce({part}, 0)" for part in parts)
    return f"CASE WHEN coalesce({', '.join(parts)}) IS NOT NULL THEN {total} END"


def _tags(mapping: ColumnMapping) -> str:
    if not mapping.tags:
        return "CAST(NULL AS VARCHAR)"
    # A merge patch onto nothing leaves out the tags that a row does not have.
    pairs = ", ".join(f"{literal(tag)}, nullif(tag_{place}, '')" for place, tag in enumerate(mapping.tags))
    return f"nullif(CAST(json_merge_patch('{{}}', json_object({pairs})) AS VARCHAR), '{{}}')"
