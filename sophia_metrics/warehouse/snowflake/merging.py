"""Merging: the rows of a stage table become rows of a table, by key."""

from sophia_metrics.schema.column import Table

__all__ = ["merge_sql"]


def merge_sql(table: Table, stage_table: str) -> str:
    """Return a MERGE, in DuckDB's dialect: a row with a known key replaces that row where it differs, others are new.

    The day of a row belongs to its key: where it is compared too, days without such rows are not read.
    """
    required = {column.name for column in table.columns if column.is_required}
    keys = dict.fromkeys([*table.key, *((table.day,) if table.day else ())])
    others = [name for name in table.names if name not in keys]
    same = " AND ".join(
        f"{table.name}.{name} = staged.{name}"
        if name in required
        else f"{table.name}.{name} IS NOT DISTINCT FROM staged.{name}"
        for name in keys
    )
    differs = " OR ".join(f"{table.name}.{name} IS DISTINCT FROM staged.{name}" for name in others)
    return (
        f"MERGE INTO {table.name} USING {stage_table} AS staged ON {same} "
        f"WHEN MATCHED AND ({differs}) THEN UPDATE SET {', '.join(f'{name} = staged.{name}' for name in others)} "
        f"WHEN NOT MATCHED THEN INSERT ({', '.join(table.names)}) "
        f"VALUES ({', '.join(f'staged.{name}' for name in table.names)})"
    )
